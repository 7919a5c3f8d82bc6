"""Supervisors of boxes out of one process of theirs, which starts its interpreter once for all of
them.

A supervisor that is asked for is born in that process (`serve` of the supervisor's command) and
dies with it; that process dies with the thread that first asked, and with this program in any case.
So ask from the main thread."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import BinaryIO

from validators.domain.stops import Inconclusive

ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
LEAVE_SECONDS = 30  # longer than it gives the deaf among its children
BIRTH_SECONDS = 30


class Supervisor:
    """One supervisor at work. `report` is where it says its pid and, when it ends, its exit code:
    see `harness.programs.sandbox`."""

    def __init__(self, stdin: BinaryIO, report: int) -> None:
        self.stdin = stdin
        self._report, self._said, self._closed = report, b"", False
        self._pidfd: int | None = None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it lives, and for one that was killed."""
        lines = self._said.split(b"\n")
        return int(lines[1]) if self._closed and len(lines) > 2 else None

    def waited(self, seconds: float) -> bool:
        """True if it has ended, now or within this time."""
        until = monotonic() + seconds
        while not self._closed and self._heard(until - monotonic()):
            pass
        return self._closed

    @property
    def pid(self) -> int | None:
        """Its process, once it is born, which is waited for; None where that does not come to
        be."""
        until = monotonic() + BIRTH_SECONDS
        while not self._closed and b"\n" not in self._said and self._heard(until - monotonic()):
            pass
        return int(self._said.split(b"\n")[0]) if b"\n" in self._said else None

    def signalled(self, number: int) -> None:
        """Send it a signal, if it still lives."""
        if self.pid is not None and self._pidfd is None and not self._closed:
            with suppress(ProcessLookupError):
                self._pidfd = os.pidfd_open(self.pid)
        # Asked after the pid was taken hold of: who has not ended yet was not somebody else under
        # the same number.
        if not self.waited(0) and self._pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _heard(self, seconds: float) -> bool:
        """Whether it said something, or ended, within this time."""
        poll = select.poll()
        poll.register(self._report, select.POLLIN)
        if not poll.poll(max(seconds, 0) * 1000):
            return False
        part = os.read(self._report, 4096)
        self._said += part
        if not part:
            self._end()
        return True

    def _end(self) -> None:
        self._closed = True
        os.close(self._report)
        if self._pidfd is not None:
            os.close(self._pidfd)


class ForkServer:
    """The process in which supervisors are born, by their command. `leave_seconds`: until it is
    killed at its close."""

    def __init__(self, command: tuple[str, ...], *, leave_seconds: float = LEAVE_SECONDS) -> None:
        self._leave_seconds = leave_seconds
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = (
            "setpriv",
            "--pdeathsig",
            "TERM",
            "--",
            *command,
            "serve",
            "--line",
            str(theirs.fileno()),
        )
        with theirs:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=ENV,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def supervisor(
        self, *arguments: str, output: int, errors: int, descriptors: Mapping[int, int]
    ) -> Supervisor:
        """A newborn supervisor. `descriptors` are ours by the number that each has over there.
        Raises Inconclusive."""
        standard_input, stdin = os.pipe2(os.O_CLOEXEC)
        report, telling = os.pipe2(os.O_CLOEXEC)
        places = {0: standard_input, 1: output, 2: errors, **descriptors}
        asked = json.dumps({"argv": arguments, "numbers": list(places)}).encode()
        try:
            socket.send_fds(self._line, [asked], [telling, *places.values()])
        except OSError as error:
            os.close(stdin)
            os.close(report)
            raise Inconclusive(
                f"the supervisor of boxes has gone ({error}); see what its `probe` says"
            ) from error
        finally:
            os.close(standard_input)
            os.close(telling)
        return Supervisor(os.fdopen(stdin, "wb"), report)

    @property
    def pid(self) -> int:
        """The process in which supervisors are born."""
        return self._process.pid

    def close(self) -> None:
        """End it, and every supervisor that still lives with it."""
        self._line.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self._leave_seconds)
            return
        self._process.kill()
        self._process.wait()


@functools.cache
def fork_server(command: tuple[str, ...]) -> ForkServer:
    """The nursery of this program for a supervisor's command, made when somebody first asks and
    ended with the program."""
    made = ForkServer(command)
    atexit.register(made.close)
    return made
