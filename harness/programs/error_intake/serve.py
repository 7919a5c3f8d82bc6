"""Serves the intake: takes the port, reports it, and ends after a signal or with its parent.

Properties:
- a connection that has not sent its headers within HEAD_SECONDS is closed, and each serves one
  request, so that slow senders hold no place for long;
- the process has a bound on memory, open files and size of a file, whatever is sent to it."""

import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from harness.domain.errors import ConfigError
from harness.programs.error_intake.application import Intake, application
from harness.programs.error_intake.keys import keys_in
from harness.programs.error_intake.rates import Rates
from harness.programs.error_intake.spool import Spool

HEAD_SECONDS, LEAVE_SECONDS = 10.0, 3
MOST_AT_ONCE, BACKLOG, MOST_HEAD = 128, 512, 32_768
LEAST_FREE = 256 * 2**20
_MEMORY, _FILES = 2 * 2**30, 512


class _PatientProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, which by itself waits forever for the first request of a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(HEAD_SECONDS, self._close_silent)

    def _close_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """A server that reports when it listens, and exits with 0 after a signal."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        yield

    def stop(self) -> None:
        """End after the requests that are under way."""
        self.should_exit = True


def serve(*, host: str, port: int, folder: Path, keys: Path, ready: Path, lifeline: bool) -> None:
    """Serve until SIGTERM, SIGINT or, with `lifeline`, the end of standard input. `ready` is
    written once it listens: the port and the process. Raises ConfigError where it cannot."""
    _limit_process()
    intake = Intake(
        Spool(folder),
        lambda: keys_in(keys),
        Rates(time.monotonic),
        lambda: datetime.now(UTC),
        has_room=lambda: _free(folder) >= LEAST_FREE,
    )
    config = uvicorn.Config(
        application(intake),
        http=_PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        h11_max_incomplete_event_size=MOST_HEAD,
        # uvicorn has no limit for the headers of a second request.
        headers=[("Connection", "close")],
        timeout_graceful_shutdown=LEAVE_SECONDS,
    )
    # Its errors come with what was sent, and that is a stranger's.
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    logging.getLogger("uvicorn").propagate = False
    with contextlib.closing(_bound(host, port)) as listening:
        taken = int(listening.getsockname()[1])
        server = _Server(config, lambda: _write(ready, taken))
        try:
            asyncio.run(_run(server, listening, lifeline=lifeline))
        finally:
            ready.unlink(missing_ok=True)


async def _run(server: _Server, listening: socket.socket, *, lifeline: bool) -> None:
    if lifeline:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _at_end, server)
    await server.serve(sockets=[listening])


def _at_end(server: _Server) -> None:
    # The kernel closes the pipe when the parent ends, however it ends.
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        server.stop()


def _limit_process() -> None:
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _free(folder: Path) -> int:
    try:
        facts = os.statvfs(folder if folder.exists() else folder.parent)
    except OSError:
        # What cannot be measured counts as full.
        return 0
    return facts.f_bavail * facts.f_frsize


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{host}:{port} is not to be had ({why}): name another port", key="errors"
        ) from None
    found.listen(BACKLOG)
    return found


def _write(file: Path, port: int) -> None:
    """Write the file whole, so that no reader sees half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps({"port": port, "pid": os.getpid()}), "ascii")
    draft.replace(file)
