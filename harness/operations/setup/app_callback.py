"""The callback server of the app manifest flow: one page on this machine, and the address to which
the forge redirects the browser with the code.

Properties:
- It listens on this machine only, at an address that nobody can guess, and answers under no other
  host name.
- It takes one code, once, and only with the state that it sent with the page.
- It logs nothing."""

import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harness.operations.setup.app_manifest import AppRequest, page_of

REQUEST_SECONDS = 10.0
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class CallbackServer(ThreadingHTTPServer):
    """Serves the page, and the address to which the forge redirects the browser."""

    # A request may wait half a minute for its page, and must not keep the command from ending.
    daemon_threads = True

    def __init__(self, request: AppRequest) -> None:
        super().__init__(("127.0.0.1", 0), _CallbackHandler)
        self.secret, self.state = secrets.token_urlsafe(16), secrets.token_urlsafe(24)
        self.app_request = request
        self.host = f"localhost:{self.server_port}"
        self._code: str | None = None
        self._page = ""
        self._lock = threading.Lock()
        self._came, self._answered = threading.Event(), threading.Event()

    @property
    def address(self) -> str:
        """The address for a person to open."""
        return f"http://{self.host}/{self.secret}/"

    @property
    def back(self) -> str:
        """The address to which the forge sends the code."""
        return f"http://{self.host}/{self.secret}/made"

    def code(self, patience: float) -> str | None:
        """Wait for the code; None if none came within `patience` seconds."""
        return self._code if self._came.wait(patience) else None

    def take(self, code: str, state: str) -> str | None:
        """Accept a code and wait for its page. None for a wrong state, and for every code after the
        first."""
        # The comparison takes the same time for every wrong state.
        if not code or not hmac.compare_digest(state.encode(), self.state.encode()):
            return None
        # A browser may load the address twice, and the forge takes a code only once.
        with self._lock:
            if self._code is not None:
                return None
            self._code = code
        # From here on the command exchanges the code, while the browser waits for the result.
        self._came.set()
        if self._answered.wait(REQUEST_SECONDS * 3):
            return self._page
        return "The terminal shows the result."

    def answer(self, page: str) -> None:
        """Set the page for the browser that sent the code. Only the first call counts."""
        if not self._answered.is_set():
            self._page = page
            self._answered.set()


class _CallbackHandler(BaseHTTPRequestHandler):
    server: CallbackServer
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        """Answer with the page, or take the code. Any other address or host name gets nothing."""
        server, parts = self.server, urlsplit(self.path)
        # Against DNS rebinding: another site's name may lead to this machine.
        if self.headers.get("Host") != server.host:
            self._send(403, "")
        elif hmac.compare_digest(parts.path.encode(), f"/{server.secret}/".encode()):
            self._send(200, page_of(server.app_request, state=server.state, back=server.back))
        elif hmac.compare_digest(parts.path.encode(), f"/{server.secret}/made".encode()):
            query = parse_qs(parts.query)
            page = server.take(query.get("code", [""])[0], query.get("state", [""])[0])
            self._send(
                200 if page else 400,
                page or "This is not the code that was requested, or another came before it.",
            )
        else:
            self._send(404, "")

    def _send(self, status: int, page: str) -> None:
        body = page.encode("utf-8")
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the address and the code are secrets."""


@contextmanager
def callback_server(request: AppRequest) -> Iterator[CallbackServer]:
    """A callback server while the block lasts."""
    with CallbackServer(request) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()
