"""Ends the programs that a killed factory left running.

Forge, broker and judge are each connected to their starter by a pipe, and end when it closes. That
takes a moment, and a broker in the middle of a call may take minutes. A factory that takes over the
home waits for a moment, then ends them: two brokers on one home refuse each other, and a forge that
is about to exit must not be reused.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

TIES = (b"--lifeline", b"--tethered")
STOP_SECONDS = 2.0
_LOOK_SECONDS = 0.02
LOOKS = 2
"""How many looks in a row must find nothing: a program that starts or exits at that moment has no
arguments to recognise it by."""


def end_orphans(
    home: Path, *, seconds: float = STOP_SECONDS, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when no program works on `home` whose starter is dead; one that has not ended by
    itself after `seconds` is killed. Only the home's holder may call this."""
    deadline, clear = time.monotonic() + seconds, 0
    while clear < LOOKS:
        left = tuple(_orphans(home))
        clear = 0 if left else clear + 1
        # They first get time to end by themselves: a broker may be in the middle of a paid call.
        if left and time.monotonic() >= deadline:
            for pid in left:
                _kill(pid)
        if clear < LOOKS:
            sleep(_LOOK_SECONDS)


def _orphans(home: Path) -> Iterator[int]:
    ours = os.fsencode(home)
    for folder in Path("/proc").glob("[0-9]*"):
        # A process may end while it is looked at, and another account's cannot be opened.
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            names_home = any(word == ours or word.startswith(ours + b"/") for word in words)
            if names_home and not set(TIES).isdisjoint(words) and _is_cut(folder / "fd" / "0"):
                yield int(folder.name)


def _is_cut(end: Path) -> bool:
    """Whether nobody holds the other end of the pipe any more."""
    file = os.open(end, os.O_RDONLY | os.O_NONBLOCK)
    try:
        look = select.poll()
        look.register(file, select.POLLHUP)
        return any(event & select.POLLHUP for _, event in look.poll(0))
    finally:
        os.close(file)


def _kill(pid: int) -> None:
    """Each program leads its own session, so what it started is killed with it."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
