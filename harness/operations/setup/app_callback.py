"""The door at which an app's code is brought: one page on this machine, and the address that the
forge sends a browser to.

Properties kept: it listens on this machine alone, at an address that nobody can guess, and answers
under no other host name; one code is taken, once, and only with the state that went out with the
page; nothing is logged."""

import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harness.operations.setup.app_manifest import Wish, page_of

REQUEST_SECONDS = 10.0
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Door(ThreadingHTTPServer):
    """The page, and where the forge sends the browser back to."""

    daemon_threads = True

    def __init__(self, wish: Wish) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.secret, self.state, self.wish = (
            secrets.token_urlsafe(16),
            secrets.token_urlsafe(24),
            wish,
        )
        self.host = f"localhost:{self.server_port}"
        self._code: str | None = None
        self._lock, self._came, self._answered, self._words = (
            threading.Lock(),
            threading.Event(),
            threading.Event(),
            "",
        )

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://{self.host}/{self.secret}/"

    @property
    def back(self) -> str:
        """Where the code is brought."""
        return f"http://{self.host}/{self.secret}/made"

    def code(self, patience: float) -> str | None:
        """The code, once somebody brought one; None after that many seconds."""
        return self._code if self._came.wait(patience) else None

    def take(self, code: str, state: str) -> str | None:
        """The words to answer whoever brings a code; None for one that is not ours, and for all but
        the first."""
        if not code or not hmac.compare_digest(state.encode(), self.state.encode()):
            return None
        with self._lock:
            if self._code is not None:
                return None
            self._code = code
        self._came.set()
        return (
            self._words
            if self._answered.wait(REQUEST_SECONDS * 3)
            else "The terminal says what became of it."
        )

    def answer(self, words: str) -> None:
        """What whoever brought the code is told. The first words count."""
        if not self._answered.is_set():
            self._words = words
            self._answered.set()


class _Visit(BaseHTTPRequestHandler):
    server: Door
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        """The page, or the code; nothing at any other address or under another host name."""
        door, parts = self.server, urlsplit(self.path)
        if self.headers.get("Host") != door.host:
            self._say(403, "")
        elif hmac.compare_digest(parts.path.encode(), f"/{door.secret}/".encode()):
            self._say(200, page_of(door.wish, state=door.state, back=door.back))
        elif hmac.compare_digest(parts.path.encode(), f"/{door.secret}/made".encode()):
            asked = parse_qs(parts.query)
            words = door.take(asked.get("code", [""])[0], asked.get("state", [""])[0])
            self._say(
                200 if words else 400,
                words or "This code is not the one that was asked for, or one was brought before.",
            )
        else:
            self._say(404, "")

    def _say(self, status: int, words: str) -> None:
        body = words.encode("utf-8")
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address and the code are secrets."""


@contextmanager
def asking(wish: Wish) -> Iterator[Door]:
    """A door for as long as the block lasts."""
    with Door(wish) as door:
        serving = threading.Thread(target=door.serve_forever, daemon=True)
        serving.start()
        try:
            yield door
        finally:
            door.shutdown()
            serving.join()
