"""Servers of the host for sandboxes to dial: HTTP over unix sockets, each request in a thread."""

import contextlib
import hashlib
import socketserver
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.http_server import Request, running

SIZE = 5_000_000


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


class Echo(Request):
    """Answers with the path and the digest of the body."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # noqa: N802 - the standard library's name
        self.reply(200, hashlib.sha256(self.content()).hexdigest().encode() + self.path.encode())

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        self.reply(200, bytes(range(256)) * (SIZE // 256))


@contextlib.contextmanager
def serving(path: Path, handler: type[socketserver.BaseRequestHandler]) -> Iterator[UnixServer]:
    with running(UnixServer(str(path), handler)) as server:
        yield server
