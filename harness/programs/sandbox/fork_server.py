"""Runs this program's command line many times, each in a process forked from this one.

One validation makes dozens of sandboxes, and starting an interpreter for each was a third of a
sandbox's cost. Here everything is imported once, and the form that works here is found once, by a
trial sandbox that is gone before anything is asked for. What holds for a supervisor that is started
alone also holds for a forked one:

- It has a process, a session and a thread of its own. Its parent has made no sandbox but that
  trial, so nothing of one is in another.
- It dies with its parent, and the parent dies with the client, `kill -9` included: the kernel
  signals each of the other's death.
- When the socket is closed, this process tells the children that still live to stop. It ends when
  they have.

    python -I -m harness.programs.sandbox serve --line FD

FD is a unix socket that keeps packets apart. One packet is one command line: `{"argv": […],
"numbers": […]}` in JSON, and descriptors. The first descriptor is the report: the child writes its
pid on a line, and at its end its exit code on another. The child sees the other descriptors under
`numbers`. A report that closes without a code means that the child was killed.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from harness.programs.sandbox.launch import DEATH_SECONDS

Run = Callable[[list[str]], int]
# Bytes of a packet.
LONGEST = 64 * 1024
MOST_DESCRIPTORS = 64
# PR_SET_PDEATHSIG
DIE_WITH_PARENT = 1
FAILED = 1
# Longer than a supervisor waits for its sandbox; one that is killed before leaves it behind.
STOP_SECONDS = DEATH_SECONDS + 5


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command line and its descriptors: the report, then one for each of `numbers`."""

    argv: list[str]
    numbers: tuple[int, ...]
    descriptors: tuple[int, ...]


def serve(line: socket.socket, run: Run, *, stop_seconds: float = STOP_SECONDS) -> None:
    """Fork for each command line that comes; the child ends with the exit code that `run` gives.

    Returns once the other end of the socket is closed and no child is left.
    """
    # The pid of each child, by its pidfd.
    children: dict[int, int] = {}
    poll = select.poll()
    poll.register(line, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in children:
                poll.unregister(descriptor)
                os.close(descriptor)
                os.waitpid(children.pop(descriptor), 0)
            elif command := _next_command(line):
                pid = _forked(command, run, others=(line.fileno(), *children))
                children[pidfd := os.pidfd_open(pid)] = pid
                poll.register(pidfd, select.POLLIN)
            else:
                _stop_children(children, stop_seconds)
                return


def _next_command(line: socket.socket) -> CommandLine | None:
    """The next command line; None at the end of the stream."""
    data, descriptors, _, _ = socket.recv_fds(
        line, LONGEST, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    if not data:
        return None
    message = json.loads(data)
    return CommandLine(message["argv"], tuple(message["numbers"]), tuple(descriptors))


def _forked(command: CommandLine, run: Run, *, others: Iterable[int]) -> int:
    """The pid of the child. It closes the `others` of our descriptors: the socket, and its
    siblings' pidfds."""
    parent, child = os.getpid(), os.fork()
    if child == 0:
        for descriptor in others:
            os.close(descriptor)
        _run_child(command, run, parent=parent)
    for descriptor in command.descriptors:
        os.close(descriptor)
    return child


def _run_child(command: CommandLine, run: Run, *, parent: int) -> NoReturn:
    code, report = FAILED, command.descriptors[0]
    try:
        os.setsid()
        _stop_with(parent)
        report = moved(command.descriptors, command.numbers)
        os.write(report, f"{os.getpid()}\n".encode())
        code = run(command.argv)
    # argparse ends this way when it cannot read the command line.
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else FAILED
    finally:
        if sys.exc_info()[0]:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        # The client may be gone.
        with contextlib.suppress(OSError):
            os.write(report, f"{code}\n".encode())
        os._exit(code)


def _stop_with(parent: int) -> None:
    """Get SIGTERM when the parent dies, or end here if it has died by now. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(DIE_WITH_PARENT, signal.SIGTERM, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel would not signal the parent's death")
    if os.getppid() != parent:
        os._exit(128 + signal.SIGTERM)


def moved(descriptors: tuple[int, ...], numbers: tuple[int, ...]) -> int:
    """Move every descriptor but the first to its number; returns where the first is now.

    All of them move above every number first, because a number may be where another descriptor is.
    """
    aside = max((*numbers, *descriptors)) + 1
    report, *rest = (
        fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, aside) for descriptor in descriptors
    )
    for descriptor in descriptors:
        os.close(descriptor)
    for descriptor, number in zip(rest, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    return report


def _stop_children(children: Mapping[int, int], stop_seconds: float) -> None:
    """Send SIGTERM to all children and wait; kill those that are still there after so long."""
    for number, seconds in ((signal.SIGTERM, stop_seconds), (signal.SIGKILL, None)):
        for pidfd in children:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, number)
        over = seconds and time.monotonic() + seconds
        for pidfd in children:
            select.select([pidfd], [], [], over and max(0, over - time.monotonic()))
    for pid in children.values():
        os.waitpid(pid, 0)
