"""Run one forge: take the port, report the address, serve, and shut down cleanly."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from harness.programs.local_forge.app import application
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.settings import Settings, prepare

HOST = "127.0.0.1"
BACKLOG = 2048
STOP_SECONDS, IDLE_SECONDS = 3, 75
LOCK_TRIES, LOCK_SECONDS = 40, 0.05
TICK_SECONDS = 1.0

Around = Callable[[Service, Starlette], ASGIApp]
"""Makes an application of the forge's own. It writes the header `Date` as well, so that it can be
wrong on purpose."""


class Unavailable(Exception):
    """This forge cannot start now; the message names what is in the way."""


class _Server(uvicorn.Server):
    """A uvicorn server that exits with 0 after a signal (uvicorn raises the signal again)."""

    def __init__(
        self, config: uvicorn.Config, say_ready: Callable[[], None], leave: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._say_ready, self._leave = say_ready, leave
        self._stop_requested = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, then report that the server is ready."""
        await super().startup(sockets)
        self._say_ready()

    async def main_loop(self) -> None:
        """Wait for `stop`. uvicorn's own loop polls ten times a second instead."""
        # on_tick also updates the Date header.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_requested.wait(), TICK_SECONDS)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn enters this before `startup`, which reports ready. A signal between "ready" and
        # the
        # handlers once killed the forge uncleanly.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        yield

    def stop(self) -> None:
        """Shut down: finish open requests, and end the streams that would never end."""
        self.should_exit = True
        self._stop_requested.set()
        self._leave()


def serve(
    settings: Settings,
    *,
    port: int,
    ready: Path | None,
    lifeline: bool,
    tell: Callable[[str], object] = lambda _: None,
    around: Around | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or, with `lifeline`, the end of standard input. Raises
    Unavailable.

    Calls `tell` with the address once the server answers there.
    """
    prepare(settings)
    with (
        _held(settings.lock),
        contextlib.closing(_bound(port) if port else _last_port_or_any(settings.port)) as listening,
    ):
        listening.listen(BACKLOG)
        taken = int(listening.getsockname()[1])
        settings.port.write_text(f"{taken}\n", encoding="ascii")
        service = Service(settings, f"http://localhost:{taken}")
        service.sync_every_repository()

        def say_ready() -> None:
            # A program that starts the forge waits for a file of its own.
            for file in {settings.ready, ready or settings.ready}:
                _write(
                    file, json.dumps({"url": service.links.web, "port": taken, "pid": os.getpid()})
                )
            tell(service.links.web)

        try:
            asyncio.run(_serve(service, listening, say_ready, lifeline=lifeline, around=around))
        finally:
            settings.ready.unlink(missing_ok=True)


async def _serve(
    service: Service,
    listening: socket.socket,
    say_ready: Callable[[], None],
    *,
    lifeline: bool,
    around: Around | None,
) -> None:
    forge = application(service)
    config = uvicorn.Config(
        around(service, forge) if around else forge,
        http="h11",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=IDLE_SECONDS,
        date_header=around is None,
    )
    server = _Server(config, say_ready, service.event_stream.end)
    if lifeline:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _at_end, server)
    await server.serve(sockets=[listening])


def _at_end(server: _Server) -> None:
    """Stop the server when standard input ends: the parent process is gone then."""
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        server.stop()


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Hold the home's lock for the life of this process. Two servers on one database
    would undo each other."""
    with lock.open("a+", encoding="ascii") as file:
        # A process that checks whether a server runs holds the lock for a moment, so retry.
        for _ in range(LOCK_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(LOCK_SECONDS)
        else:
            raise Unavailable(
                f"another forge runs on {lock.parent}: stop it, or name another --home"
            )
        yield


def _last_port_or_any(remembered: Path) -> socket.socket:
    """The port of the last run, so that old links stay valid; any free port where it is taken."""
    with contextlib.suppress(FileNotFoundError, ValueError, Unavailable):
        return _bound(int(remembered.read_text(encoding="ascii")))
    return _bound(0)


def _bound(port: int) -> socket.socket:
    # Named TCP, or asyncio leaves Nagle's algorithm on for what is accepted here: 48 ms an answer
    # instead of 4.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except (OSError, OverflowError) as error:
        bound.close()
        why = error.strerror if isinstance(error, OSError) else "no such port"
        raise Unavailable(
            f"port {port} on {HOST} is not to be had ({why}): name another, or 0 for any"
        ) from None
    return bound


def _write(file: Path, text: str) -> None:
    """Write a file atomically, so that a reader never sees half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="ascii")
    draft.replace(file)
