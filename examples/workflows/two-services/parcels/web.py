"""The counter: a page with a form, and a page for each parcel."""

import os
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from parcels.store import opened

FORM = '<form method="post" action="/"><label>Town <input name="town"></label> <button>Hand in</button></form>'


class Counter(BaseHTTPRequestHandler):
    """Takes parcels in, and says where they are."""

    def do_GET(self) -> None:
        number = self.path.removeprefix("/parcels/")
        if self.path == "/health":
            self.answer(200, "the counter is open")
        elif self.path == "/":
            self.answer(200, FORM)
        elif number.isdigit() and (found := opened().execute("SELECT town, state FROM parcel WHERE id = ?", (number,)).fetchone()):
            self.answer(200, f'<p role="status">Parcel {number} to {escape(found[0])}: {found[1]}</p>')
        else:
            self.answer(404, "No such parcel.")

    def do_POST(self) -> None:
        given = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("utf-8", "replace"))
        town = given.get("town", [""])[0].strip()
        if not town:
            self.answer(422, f"<p role='alert'>Which town is it for?</p>{FORM}")
            return
        number = opened().execute("INSERT INTO parcel (town, state) VALUES (?, 'waiting')", (town,)).lastrowid
        self.send_response(303)
        self.send_header("Location", f"/parcels/{number}")
        self.end_headers()

    def answer(self, status: int, body: str) -> None:
        content = f"<!doctype html><html lang='en'><title>Parcels</title>{body}</html>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what the judge sees is the page."""


def serve() -> None:
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Counter).serve_forever()
