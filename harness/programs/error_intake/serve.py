"""Serves the intake: takes the port, reports it, and ends after a signal or with its parent.

Whatever is sent to it, the process has a bound on memory, open files and the size of a file."""

import asyncio
import contextlib
import logging
import os
import resource
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.http_server import Server, call_at_end, listener_at, public_config, write_ready
from harness.programs.error_intake.application import Intake, application
from harness.programs.error_intake.keys import keys_in
from harness.programs.error_intake.rates import Rates
from harness.programs.error_intake.spool import Spool

MOST_HEAD = 32_768
LEAST_FREE = 256 * 2**20
_MEMORY, _FILES = 2 * 2**30, 512


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
    # Its errors come with what was sent, and that is a stranger's.
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    logging.getLogger("uvicorn").propagate = False
    with contextlib.closing(_listener(host, port)) as listening:
        taken = int(listening.getsockname()[1])
        server = Server(
            public_config(application(intake), most_head=MOST_HEAD),
            on_ready=lambda: write_ready(ready, port=taken),
        )
        try:
            asyncio.run(_run(server, listening, lifeline=lifeline))
        finally:
            ready.unlink(missing_ok=True)


async def _run(server: Server, listening: socket.socket, *, lifeline: bool) -> None:
    call_at_end(server.stop, lifeline=lifeline)
    await server.serve(sockets=[listening])


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


def _listener(host: str, port: int) -> socket.socket:
    try:
        return listener_at(host, port)
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} is not to be had ({error.strerror}): name another port", key="errors"
        ) from None
