"""Run one forge: take the port, report the address, serve, and shut down cleanly."""

import asyncio
import contextlib
import fcntl
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from harness.http_server import Server, call_at_end, listener_at, write_ready
from harness.programs.local_forge.app import application
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.settings import Settings, prepare

HOST = "127.0.0.1"
STOP_SECONDS, IDLE_SECONDS = 3, 75
LOCK_TRIES, LOCK_SECONDS = 40, 0.05

Around = Callable[[Service, Starlette], ASGIApp]
"""Makes an application of the forge's own. It writes the header `Date` as well, so that it can be
wrong on purpose."""


class Unavailable(Exception):
    """This forge cannot start now; the message names what is in the way."""


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
        contextlib.closing(
            _listener(port) if port else _last_port_or_any(settings.port)
        ) as listening,
    ):
        taken = int(listening.getsockname()[1])
        settings.port.write_text(f"{taken}\n", encoding="ascii")
        service = Service(settings, f"http://localhost:{taken}")
        service.sync_every_repository()

        def say_ready() -> None:
            # A program that starts the forge waits for a file of its own.
            for file in {settings.ready, ready or settings.ready}:
                write_ready(file, url=service.links.web, port=taken)
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
    server = Server(config, on_ready=say_ready)

    def stop() -> None:
        server.stop()
        # Pages listen to streams that would never end.
        service.event_stream.end()

    call_at_end(stop, lifeline=lifeline)
    await server.serve(sockets=[listening])


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
        return _listener(int(remembered.read_text(encoding="ascii")))
    return _listener(0)


def _listener(port: int) -> socket.socket:
    try:
        return listener_at(HOST, port)
    except OSError as error:
        raise Unavailable(
            f"port {port} on {HOST} is not to be had ({error.strerror}): name another, or 0 for any"
        ) from None
