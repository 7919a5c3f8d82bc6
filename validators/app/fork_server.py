"""Fork sandbox supervisors from one server process, which starts its interpreter once for all.

A supervisor is a child of that server (the supervisor command's `serve`) and dies with it. The
server dies with the thread that started it, and with this program in any case. So start it from
the main thread."""

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
# Longer than the server waits for children that ignore a signal.
CLOSE_SECONDS = 30
FORK_SECONDS = 30


class Supervisor:
    """One running supervisor. It writes its pid to `report` and, when it ends, its exit code: see
    `harness.programs.sandbox`."""

    def __init__(self, stdin: BinaryIO, report: int) -> None:
        self.stdin = stdin
        self._report, self._reported, self._closed = report, b"", False
        self._pidfd: int | None = None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs, and when it was killed."""
        lines = self._reported.split(b"\n")
        return int(lines[1]) if self._closed and len(lines) > 2 else None

    def waited(self, seconds: float) -> bool:
        """True if it has ended, now or within this time."""
        until = monotonic() + seconds
        while not self._closed and self._read_report(until - monotonic()):
            pass
        return self._closed

    @property
    def pid(self) -> int | None:
        """Its process id. Waits until it is forked; None when that fails."""
        until = monotonic() + FORK_SECONDS
        while not self._closed and b"\n" not in self._reported:
            if not self._read_report(until - monotonic()):
                break
        return int(self._reported.split(b"\n")[0]) if b"\n" in self._reported else None

    def signalled(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.pid is not None and self._pidfd is None and not self._closed:
            with suppress(ProcessLookupError):
                self._pidfd = os.pidfd_open(self.pid)
        # The order matters: a process that has not ended after its pidfd was opened cannot be
        # another one that reuses the pid.
        if not self.waited(0) and self._pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _read_report(self, seconds: float) -> bool:
        """Whether it reported something, or ended, within this time."""
        poll = select.poll()
        poll.register(self._report, select.POLLIN)
        if not poll.poll(max(seconds, 0) * 1000):
            return False
        part = os.read(self._report, 4096)
        self._reported += part
        if not part:
            self._end()
        return True

    def _end(self) -> None:
        self._closed = True
        os.close(self._report)
        if self._pidfd is not None:
            os.close(self._pidfd)


class ForkServer:
    """The process that forks supervisors. `close_seconds`: how long `close` waits before it kills
    the process."""

    def __init__(self, command: tuple[str, ...], *, close_seconds: float = CLOSE_SECONDS) -> None:
        self._close_seconds = close_seconds
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        dies_with_us = ("setpriv", "--pdeathsig", "TERM", "--")
        argv = (*dies_with_us, *command, "serve", "--line", str(theirs.fileno()))
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
        """A new supervisor. `descriptors` maps its numbers to our descriptors. Raises
        Inconclusive."""
        standard_input, stdin = os.pipe2(os.O_CLOEXEC)
        report, report_end = os.pipe2(os.O_CLOEXEC)
        places = {0: standard_input, 1: output, 2: errors, **descriptors}
        asked = json.dumps({"argv": arguments, "numbers": list(places)}).encode()
        try:
            socket.send_fds(self._line, [asked], [report_end, *places.values()])
        except OSError as error:
            os.close(stdin)
            os.close(report)
            raise Inconclusive(
                f"the fork server of sandbox supervisors has ended ({error}); run its `probe`"
            ) from error
        finally:
            os.close(standard_input)
            os.close(report_end)
        return Supervisor(os.fdopen(stdin, "wb"), report)

    @property
    def pid(self) -> int:
        """The process that forks supervisors."""
        return self._process.pid

    def close(self) -> None:
        """End it, and every supervisor that still runs."""
        self._line.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self._close_seconds)
            return
        self._process.kill()
        self._process.wait()


@functools.cache
def fork_server(command: tuple[str, ...]) -> ForkServer:
    """This program's fork server for a supervisor command. It starts at the first call and ends
    with the program."""
    made = ForkServer(command)
    atexit.register(made.close)
    return made
