"""The app of the histories that bench/watch.py plants: a club's bookings, by page and by API, kept
in a file.

Usage: PORT=8000 APP_DATA=FOLDER python club.py"""

import html
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from urllib.parse import parse_qs, urlsplit

KEPT = Path(os.environ.get("APP_DATA", "."), "bookings.json")
WRITING = Lock()
LARGEST = 12


def bookings() -> dict[str, dict]:
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


def keep(found: dict[str, dict]) -> None:
    (written := KEPT.with_suffix(".new")).write_text(json.dumps(found))
    written.replace(KEPT)


def book(name: str, size: int) -> str:
    with WRITING:
        found = bookings()
        number = str(1 + max(map(int, found), default=0))
        found[number] = {"name": name, "size": size, "note": ""}
        keep(found)
        return number


def is_too_large(size: int) -> bool:
    return size > LARGEST


def cancel(number: str) -> bool:
    with WRITING:
        found = bookings()
        is_there = found.pop(number, None) is not None
        keep(found)
        return is_there


def note(number: str, text: str) -> None:
    with WRITING:
        found = bookings()
        found[number]["note"] = text
        keep(found)


def total() -> int:
    return sum(one["size"] for one in bookings().values())


def named(part: str) -> list[dict]:
    return [one for one in bookings().values() if part.lower() in one["name"].lower()]


def by_size() -> list[dict]:
    return sorted(bookings().values(), key=lambda one: one["size"])


def row(number: str, one: dict) -> str:
    return (
        f"<tr><td>{html.escape(one['name'])}</td><td>{one['size']}</td><td>"
        f"<form method=post action=/cancel><button name=which value={number}>Cancel</button>"
        "</form></td></tr>"
    )


def page(find: str) -> str:
    shown = {
        number: one for number, one in bookings().items() if find.lower() in one["name"].lower()
    }
    rows = "".join(row(number, one) for number, one in shown.items())
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>Bookings</title>
<link rel=icon href="data:,"><h1>Bookings</h1>
<form method=post action=/book><label>Name <input name=name></label>
<label>Group size <input name=size></label> <button>Book</button></form>
<form action=/><label>Find <input name=find></label> <button>Search</button></form>
<table aria-label=Bookings><thead><tr><th>Name<th>People<th></thead><tbody>{rows}</tbody></table>
</html>"""


class Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = parse_qs(address.query)
        if address.path == "/":
            return self._answer(200, page(asked.get("find", [""])[0]).encode())
        if address.path == "/api/total":
            return self._json(200, {"people": total()})
        if address.path == "/api/bookings" and "name" in asked:
            return self._json(200, {"bookings": named(asked["name"][0])})
        if address.path == "/api/bookings":
            return self._json(200, {"bookings": by_size()})
        found = bookings().get(address.path.rpartition("/")[2])
        return self._json(200, found) if found else self._json(404, {"error": "no such booking"})

    def do_POST(self) -> None:
        content = self._content()
        if self.path == "/api/bookings":
            asked = json.loads(content)
            if is_too_large(asked["size"]):
                return self._json(422, {"error": "that group is too large"})
            number = book(asked["name"], asked["size"])
            return self._json(201, asked, Location=f"/api/bookings/{number}")
        form = parse_qs(content)
        if self.path == "/cancel":
            cancel(form["which"][0])
        else:
            book(form["name"][0], int(form["size"][0]))
        return self._answer(303, b"", Location="/")

    def do_PUT(self) -> None:
        note(self.path.split("/")[3], json.loads(self._content())["text"])
        self._answer(204, b"")

    def do_DELETE(self) -> None:
        is_there = cancel(self.path.rpartition("/")[2])
        self._answer(204 if is_there else 404, b"")

    def log_message(self, *_: object) -> None:
        """Nothing: nobody reads it."""

    def _content(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def _json(self, status: int, document: object, **headers: str) -> None:
        kind = {"Content-Type": "application/json"}
        self._answer(status, json.dumps(document).encode(), **kind, **headers)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Pages).serve_forever()
