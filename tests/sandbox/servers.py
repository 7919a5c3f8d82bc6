"""Servers of the host for sandboxes to dial: HTTP over unix sockets, each request in a thread."""

import contextlib
import hashlib
import http.server
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

SIZE = 5_000_000


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the path and the digest of the body."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(hashlib.sha256(body).hexdigest().encode() + self.path.encode())

    def do_GET(self) -> None:
        self.answer(bytes(range(256)) * (SIZE // 256))

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def serving(path: Path, handler: type[socketserver.BaseRequestHandler]) -> Iterator[UnixServer]:
    with UnixServer(str(path), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
