"""Running one forge: take the port, say where it is, serve, and leave in good order when told
to."""

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

from harness.programs.local_forge.app import application
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.settings import Settings, prepare

HOST = "127.0.0.1"
BACKLOG = 2048
STOP_SECONDS, IDLE_SECONDS = 3, 75
LOCK_TRIES, LOCK_SECONDS = 40, 0.05
TICK_SECONDS = 1.0


class Unavailable(Exception):
    """This forge cannot start here and now; the message names what is in the way."""


class _Server(uvicorn.Server):
    """uvicorn raises the signal again after shutting down; a forge that was told to stop ends with
    0.

    It says that it is ready only when signals are minded: one that came between the two killed it
    uncleanly."""

    def __init__(
        self, config: uvicorn.Config, say_ready: Callable[[], None], leave: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._say_ready, self._leave = say_ready, leave
        self._told = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, then say so."""
        await super().startup(sockets)
        self._say_ready()

    async def main_loop(self) -> None:
        """Until told to leave, and then at once: uvicorn's own loop looks ten times a second
        whether it was."""
        while not await self.on_tick(0):  # which also brings the date of its answers up
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_SECONDS)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for told in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(told, self.stop)
        yield

    def stop(self) -> None:
        """Leave: open requests are finished first, and those that would never end are ended."""
        self.should_exit = True
        self._told.set()
        self._leave()


def serve(
    settings: Settings,
    *,
    port: int,
    ready: Path | None,
    lifeline: bool,
    tell: Callable[[str], object] = lambda _: None,
) -> None:
    """Serve until SIGTERM, SIGINT or, with `lifeline`, the end of standard input. Raises
    Unavailable.

    `tell` is given the address once it answers there.
    """
    prepare(settings)
    with (
        _held(settings.lock),
        contextlib.closing(_bound(port) if port else _same_or_any(settings.port)) as listening,
    ):
        listening.listen(BACKLOG)
        taken = int(listening.getsockname()[1])
        settings.port.write_text(f"{taken}\n", encoding="ascii")
        service = Service(settings, f"http://localhost:{taken}")
        service.settle_everything()

        def say_ready() -> None:
            for file in {settings.ready, ready or settings.ready}:
                _write(
                    file, json.dumps({"url": service.links.web, "port": taken, "pid": os.getpid()})
                )
            tell(service.links.web)

        try:
            asyncio.run(_serve(service, listening, say_ready, lifeline=lifeline))
        finally:
            settings.ready.unlink(missing_ok=True)


async def _serve(
    service: Service, listening: socket.socket, say_ready: Callable[[], None], *, lifeline: bool
) -> None:
    config = uvicorn.Config(
        application(service),
        http="h11",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=IDLE_SECONDS,
        date_header=not service.settings.faults,  # a faulty forge's clock may be wrong
    )
    server = _Server(config, say_ready, service.pulse.end)
    if lifeline:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _at_end, server)
    await server.serve(sockets=[listening])


def _at_end(server: _Server) -> None:
    """Whoever started us is gone once their end of the pipe is closed."""
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        server.stop()


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """The home, for as long as this process lives: two servers on one database would undo each
    other."""
    with lock.open("a+", encoding="ascii") as file:
        for _ in range(LOCK_TRIES):  # who looks whether a server runs holds it for a moment
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(LOCK_SECONDS)
        else:
            raise Unavailable(
                f"another forge runs on {lock.parent}: stop it, or name another --home"
            )
        yield


def _same_or_any(remembered: Path) -> socket.socket:
    """The port it had before, so that links to it stay good; any other where that is taken by
    now."""
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


def _write(file: Path, told: str) -> None:
    """Written whole or not at all: who waits for the file never reads half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(told, encoding="ascii")
    draft.replace(file)
