"""The app that bench/judge.py has judged: a list of bookings, kept in a file. A group larger than
LIMIT is refused.

Usage: PORT=8000 APP_DATA=FOLDER python judge_app.py
"""

import html
import json
import os
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
        said = parse_qs(urlsplit(self.path).query).get("said", [""])[0]
        self._answer(200, page(said).encode())

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(303)
        self.send_header("Location", f"/?said={changed(self.path, form).replace(' ', '+')}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Pages).serve_forever()
