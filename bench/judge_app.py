"""The app that bench/judge.py has judged: a list of bookings, kept in a file. A group larger than
LIMIT is refused. It has pages, an API, and is a tool.

Usage: PORT=8000 APP_DATA=FOLDER python judge_app.py
       python judge_app.py add NAME SIZE
       python judge_app.py list
"""

import html
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from urllib.parse import parse_qs, urlsplit

LIMIT = 12
KEPT = Path(os.environ.get("APP_DATA", "."), "bookings.json")
WRITING = Lock()


def bookings() -> list[list[str]]:
    found: list[list[str]] = json.loads(KEPT.read_text()) if KEPT.exists() else []
    return found


def page(said: str) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(size)}</td><td><form method=post"
        f" action=/remove><button name=which value={number}>Remove</button></form></td></tr>"
        for number, (name, size) in enumerate(bookings())
    )
    status = f"<p role=status>{html.escape(said)}</p>" if said else ""
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>Bookings</title><link rel=icon href="data:,">
<h1>Bookings</h1>{status}<form method=post action=/book><label>Name <input name=name></label>
<label>Group size <input name=size></label> <button>Book</button></form>
<table aria-label=Bookings><thead><tr><th>Name<th>People<th></thead><tbody>{rows}</tbody></table></html>"""


def changed(path: str, form: dict[str, list[str]]) -> str:
    """What is said once the change is kept, or refused."""
    with WRITING:
        kept = bookings()
        if path == "/remove":
            name, _ = kept.pop(int(form["which"][0]))
            said = f"Removed {name}"
        elif int(form["size"][0]) > LIMIT:
            return "That group is too large"
        else:
            kept.append([form["name"][0], form["size"][0]])
            said = f"Booked for {form['size'][0]}"
        (written := KEPT.with_suffix(".new")).write_text(json.dumps(kept))
        written.replace(KEPT)  # who reads meanwhile reads the one or the other
        return said


class Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/api/bookings":
            return self._json(200, bookings())
        said = parse_qs(urlsplit(self.path).query).get("said", [""])[0]
        return self._answer(200, page(said).encode())

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/api/bookings":
            booking = json.loads(content)
            changed("/book", {"name": [booking["name"]], "size": [str(booking["size"])]})
            return self._json(201, booking)
        form = parse_qs(content)
        self.send_response(303)
        self.send_header("Location", f"/?said={changed(self.path, form).replace(' ', '+')}")
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def _json(self, status: int, document: object) -> None:
        self._answer(status, json.dumps(document).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str = "text/html; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def run(command: str, *words: str) -> None:
    """The same as a tool."""
    if command == "add":
        print(changed("/book", {"name": [words[0]], "size": [words[1]]}))
    else:
        print("".join(f"{name}  {size}\n" for name, size in bookings()), end="")


if __name__ == "__main__" and sys.argv[1:]:
    run(*sys.argv[1:])
elif __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Pages).serve_forever()
