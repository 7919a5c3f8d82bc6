"""One release of a place: its sandbox, and the socket behind which the app answers.

`start` is what the deployer sends: `spec`, the sandbox's specification without sockets; `port`,
where the app listens in it; `ready`, the path that answers once it is up; `seconds`, how long that
may take; `lets_out`, ports of the sandbox that lead to a port of this machine."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STOP_SECONDS = 10.0
POLL_SECONDS, ANSWER_SECONDS = 0.05, 5.0
PIECE = 65536
STATUS = re.compile(rb"HTTP/1\.[01] (?P<status>[1-5][0-9]{2})\b")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


@dataclass(slots=True)
class Release:
    """A started release. `socket` leads to its app."""

    start: dict[str, Any]
    socket: str
    sockets: Path
    process: asyncio.subprocess.Process
    let_out: tuple[asyncio.Server, ...]

    @property
    def is_up(self) -> bool:
        """Whether its sandbox runs."""
        return self.process.returncode is None

    async def stop(self) -> None:
        """End the sandbox and all in it. Stopping twice is fine."""
        for server in self.let_out:
            server.close()
        with contextlib.suppress(ProcessLookupError):
            if self.is_up:
                self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()
        for path in self.sockets.iterdir():
            path.unlink(missing_ok=True)
        self.sockets.rmdir()


async def started(start: dict[str, Any], *, folder: Path, supervisor: tuple[str, ...]) -> Release:
    """The release, once its app answers. Raises ValueError with the last words of one that does
    not, and nothing of it is left."""
    folder.mkdir(parents=True, exist_ok=True)
    # Short, whatever the home's path is: the kernel bounds the path of a socket.
    sockets = Path(tempfile.mkdtemp(prefix="factory-place-"))
    lets_out = [
        await asyncio.start_unix_server(_leads_to(int(real)), sockets / f"{port}.sock")
        for port, real in start["lets_out"].items()
    ]
    dial = [{"port": int(port), "socket": f"{sockets}/{port}.sock"} for port in start["lets_out"]]
    for one in dial:
        # The sandbox's own account connects to it, through a folder that only we can open.
        os.chmod(str(one["socket"]), 0o666)  # noqa: S103
    own = sockets / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(own))
        listening.listen(128)
        process = await _spawned(start, dial, listening.fileno(), folder, supervisor)
    release = Release(start, str(own), sockets, process, tuple(lets_out))
    try:
        await answered(release, seconds=float(start["seconds"]))
    except BaseException as error:
        await release.stop()
        if not isinstance(error, TimeoutError | ValueError):
            raise
        why = str(error) or f"it did not answer within {start['seconds']:g} s"
        raise ValueError(f"the app did not start: {why}{_tail(folder)}") from error
    return release


async def _spawned(
    start: dict[str, Any],
    dial: list[dict[str, Any]],
    descriptor: int,
    folder: Path,
    supervisor: tuple[str, ...],
) -> asyncio.subprocess.Process:
    serve = [{"port": start["port"], "fd": descriptor}]
    document = {**start["spec"], "serve": serve, "dial": dial, "result": None}
    spec, log = folder / "spec.json", folder / "app.log"
    spec.write_text(json.dumps(document), "utf-8")
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            # The supervisor, and with it the sandbox, ends with this process.
            *("setpriv", "--pdeathsig", "TERM", "--", *supervisor, "run", "--spec", str(spec)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=ENVIRONMENT,
            cwd="/",
            pass_fds=(descriptor,),
            start_new_session=True,
        )


async def answered(release: Release, *, seconds: float, every: float = POLL_SECONDS) -> None:
    """Return once the app answers its ready path. Raises ValueError when its sandbox ends first,
    TimeoutError after so many seconds."""
    # Not `wait_for`: on Python 3.11 it may lose the end of the time where an inner one ends in the
    # same moment, and the place then waited for ever for an app that hung.
    async with asyncio.timeout(seconds):
        while release.is_up:
            with contextlib.suppress(OSError, TimeoutError, ValueError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    status = await _status(release.socket, release.start["ready"])
                if status < 400:
                    return
            await asyncio.sleep(every)
    raise ValueError(f"it ended with exit code {release.process.returncode}")


async def _status(path: str, ready: str) -> int:
    reader, writer = await asyncio.open_unix_connection(path)
    with contextlib.closing(writer):
        writer.write(
            f"GET {ready} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        said = STATUS.match(await reader.readline())
    # An app may answer anything: then it is not ready.
    return int(said["status"]) if said else 500


async def carried(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Carry all that comes, and the end of it."""
    with contextlib.suppress(OSError):
        while piece := await source.read(PIECE):
            target.write(piece)
            await target.drain()
    with contextlib.suppress(OSError):
        target.write_eof()


def _leads_to(port: int) -> Any:
    async def led(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            back, forth = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(forth):
                await asyncio.gather(carried(reader, forth), carried(back, writer))

    return led


def _tail(folder: Path) -> str:
    """The last words of the app, on one line."""
    try:
        with (folder / "app.log").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 600))
            words = " ".join(file.read().decode("utf-8", "replace").split())
    except OSError:
        return ""
    return f"; it printed: {words}" if words else "; it printed nothing"
