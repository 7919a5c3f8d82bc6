"""An HTTP server of a test's own, on loopback: each request is answered by a function."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from typing import TypeVar

Running = TypeVar("Running", bound=BaseServer)


class Server(ThreadingHTTPServer):
    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Request(BaseHTTPRequestHandler):
    """A request and its answer. Nothing is logged."""

    def content(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def reply(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None):
        self.begin(status, {**(headers or {}), "Content-Length": str(len(body))})
        self.wfile.write(body)

    def begin(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Send all that stands before the body."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def address_string(self) -> str:
        # On a unix socket a client has none.
        return "test"

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving(answer: Callable[[Request], object], *, keep_alive: bool = False) -> Iterator[Server]:
    """The server while the block lasts."""
    with running(Server(("127.0.0.1", 0), answering(answer, keep_alive=keep_alive))) as server:
        yield server


def answering(answer: Callable[[Request], object], *, keep_alive: bool) -> type[Request]:
    class Answering(Request):
        protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"

        def do_GET(self) -> None:
            answer(self)

        do_HEAD = do_POST = do_GET  # noqa: N815

    return Answering


@contextmanager
def serving_files(folder: Path) -> Iterator[Server]:
    class Files(SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with running(Server(("127.0.0.1", 0), partial(Files, directory=str(folder)))) as server:
        yield server


@contextmanager
def running(server: Running) -> Iterator[Running]:
    """Any server of the standard library, serving on a thread while the block lasts."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
