"""Finds and kills all processes that this process has started, directly or not.

It serves where no namespace and no control group holds them together. A process that adopts orphans
is an ancestor of everything below it for as long as it lives: a process that leaves its group, its
session and its parent becomes its child. So when it has no child left, nothing is left.
"""

import contextlib
import ctypes
import os
import resource
import signal
import time
from collections.abc import Iterator

from harness.programs.sandbox.watch import descendants

# PR_SET_CHILD_SUBREAPER
ADOPT_ORPHANS = 36
POLL_SECONDS = 0.002


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(ADOPT_ORPHANS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "orphans cannot be adopted")


def kill_descendants(*, keep: tuple[int, ...] = (), seconds: float = 15) -> bool:
    """Kill all descendants but `keep`, and reap the children. Returns whether none is left."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        left = [pid for pid in descendants(os.getpid())[1:] if pid not in keep]
        for pid in left:
            # First none of them may fork, then all of them are killed. The other way round, a
            # fork bomb is faster.
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_NPROC, (0, 0))
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)
        if not left and not _has_children(keep):
            return True
        time.sleep(POLL_SECONDS)
    return False


def reaped() -> Iterator[tuple[int, int]]:
    """The pid and the wait status of each child that has died."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            yield pid, status


def _has_children(keep: tuple[int, ...]) -> bool:
    """Whether there is a child. A walk of the process table may miss one that is adopted just
    then."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        return any(int(pid) not in keep for pid in children.read().split())
