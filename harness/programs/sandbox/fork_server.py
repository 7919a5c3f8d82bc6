"""Answers this program's command line many times out of one process, which has imported everything
once.

A judge makes dozens of boxes, and starting an interpreter for each was a third of what a box costs.
What holds of a supervisor that is started alone holds of one that is born here:
- It has a process, a session and a thread of its own, and its parent has never made a box: nothing
  of one is in another.
- It dies with its parent, and that with whoever asked, `kill -9` included: the kernel tells each of
  the other's death.
- When the line is closed, those that still live are told to stop, and this process ends when they
  have.

    python -I -m harness.programs.sandbox serve --line FD

FD is a unix socket that keeps packets apart. One packet is one command line: `{"argv": […],
"numbers": […]}` in JSON, and descriptors. The first is the report, to which the newborn writes its
pid on a line, and at its end its exit code on another; the rest are put in place under `numbers`. A
report that closes without a code is of one that was killed."""

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

Answer = Callable[[list[str]], int]
# bytes of a packet
LONGEST = 64 * 1024
MOST_DESCRIPTORS = 64
# PR_SET_PDEATHSIG
DIE_WITH_PARENT = 1
NO_ANSWER = 1
STOP_SECONDS = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One command line, and the descriptors it came with: the report, then one for each of
    `numbers`."""

    argv: list[str]
    numbers: tuple[int, ...]
    descriptors: tuple[int, ...]


def serve(line: socket.socket, answer: Answer) -> None:
    """Fork for each command line that comes; the child ends with the exit code that `answer` gives.

    Returns once the other end of the line is closed and no child is left."""
    # pid by its pidfd
    born: dict[int, int] = {}
    poll = select.poll()
    poll.register(line, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in born:
                poll.unregister(descriptor)
                os.close(descriptor)
                os.waitpid(born.pop(descriptor), 0)
            elif asked := _received(line):
                pid = _born(asked, answer, others=(line.fileno(), *born))
                born[pidfd := os.pidfd_open(pid)] = pid
                poll.register(pidfd, select.POLLIN)
            else:
                _stop(born)
                return


def _received(line: socket.socket) -> Asked | None:
    """The next command line; None at the end of the line."""
    data, descriptors, _, _ = socket.recv_fds(
        line, LONGEST, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    if not data:
        return None
    told = json.loads(data)
    return Asked(told["argv"], tuple(told["numbers"]), tuple(descriptors))


def _born(asked: Asked, answer: Answer, *, others: Iterable[int]) -> int:
    """The pid of the child. It has none of the `others` of our descriptors: the line, and what
    holds its brothers."""
    parent, child = os.getpid(), os.fork()
    if child == 0:
        for descriptor in others:
            os.close(descriptor)
        _live(asked, answer, parent=parent)
    for descriptor in asked.descriptors:
        os.close(descriptor)
    return child


def _live(asked: Asked, answer: Answer, *, parent: int) -> NoReturn:
    code, report = NO_ANSWER, asked.descriptors[0]
    try:
        os.setsid()
        _die_with(parent)
        report = placed(asked.descriptors, asked.numbers)
        os.write(report, f"{os.getpid()}\n".encode())
        code = answer(asked.argv)
    # how a command line that cannot be read ends
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else NO_ANSWER
    finally:
        if sys.exc_info()[0]:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        # nobody is left to be told
        with contextlib.suppress(OSError):
            os.write(report, f"{code}\n".encode())
        os._exit(code)


def _die_with(parent: int) -> None:
    """Be told to stop when the parent dies, or end here if it has died by now. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(DIE_WITH_PARENT, signal.SIGTERM, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the death of the parent would not be told")
    if os.getppid() != parent:
        os._exit(128 + signal.SIGTERM)


def placed(descriptors: tuple[int, ...], numbers: tuple[int, ...]) -> int:
    """Put every descriptor but the first under its number, whatever was there; where the first is
    now.

    All of them step aside first: a number may be where another descriptor is."""
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


def _stop(born: Mapping[int, int]) -> None:
    """Tell all of them to stop, and wait until they have; those that are deaf to it are killed."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, None)):
        for pidfd in born:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, number)
        over = seconds and time.monotonic() + seconds
        for pidfd in born:
            select.select([pidfd], [], [], over and max(0, over - time.monotonic()))
    for pid in born.values():
        os.waitpid(pid, 0)
