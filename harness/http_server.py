"""What the HTTP servers of this house share: where they listen, how long they wait for a sender,
and how they end.

Properties:
- a connection that has not sent its headers in time is closed. uvicorn itself waits forever for
  those of the first request;
- a public server has so many connections and no more, those that say nothing counted: each costs a
  descriptor, and what else the process does needs some. uvicorn itself counts requests;
- an idle server sleeps, and `stop` wakes it. uvicorn itself polls ten times a second;
- a signal ends the process with 0. uvicorn itself raises it again."""

import asyncio
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

TICK_SECONDS = 1.0
MOST_AT_ONCE = 128
MOST_CONNECTIONS = MOST_AT_ONCE + 32
"""Of a public server. Beyond MOST_AT_ONCE it answers 503."""
LEAVE_SECONDS = 3
BACKLOG = 2048
# asyncio accepts this many before it closes the first of them.
PUBLIC_BACKLOG = 32


class PatientProtocol(H11Protocol):
    """HTTP/1.1 for whoever may connect: so many connections, and each has to ask for something
    soon."""

    head_seconds = 10.0
    most_connections = MOST_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.close()
        else:
            self.loop.call_later(self.head_seconds, self._close_silent)

    def _close_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """A server that leaves the signals to its process, and ends by `stop`. `on_ready` is called
    once it listens."""

    def __init__(
        self, config: uvicorn.Config, *, on_ready: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(config)
        self._on_ready, self._stopping = on_ready, asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        # A tick also updates the date header of its answers.
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()

    def stop(self) -> None:
        """End after the requests that are under way."""
        self.should_exit = True
        self._stopping.set()


def public_config(app: ASGIApp, *, most_head: int | None = None) -> uvicorn.Config:
    """The settings of a server that anybody may reach: so many at once, and each connection serves
    one request, so that slow senders hold no place for long. `most_head` bounds the bytes of a
    request's head."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        backlog=PUBLIC_BACKLOG,
        h11_max_incomplete_event_size=most_head,
        # uvicorn has no limit for the headers of a second request.
        headers=[("Connection", "close")],
        timeout_graceful_shutdown=LEAVE_SECONDS,
    )


def listener_at(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 lets the system choose one. Raises OSError."""
    # Named TCP, or asyncio leaves Nagle's algorithm on for what is accepted here: 48 ms an answer
    # instead of 4.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # After a restart the old connections may still be closing.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OverflowError:
        listener.close()
        raise OSError(errno.EINVAL, "no such port") from None
    except OSError:
        listener.close()
        raise
    return listener


def call_at_end(stop: Callable[[], None], *, lifeline: bool) -> None:
    """Call `stop` at SIGTERM or SIGINT and, with `lifeline`, at the end of standard input, which is
    the death of the starter. To be done before the program reports that it is ready: a signal
    between the two once killed the forge uncleanly."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if lifeline:
        loop.add_reader(sys.stdin.fileno(), _read_lifeline, stop)


def _read_lifeline(stop: Callable[[], None]) -> None:
    # The kernel closes the pipe when the parent ends, however it ends.
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop()


def write_ready(file: Path, **about: str | int) -> None:
    """Write what this process serves, and its number, whole: no reader sees half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps({**about, "pid": os.getpid()}), "ascii")
    draft.replace(file)
