"""Cleans up after a box, in a process that the box's supervisor cannot take along when it dies.

Every ending takes this path, the good ones too, so the way for bad days is in use every day.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import NoReturn

from harness.programs.sandbox.walls.cgroup import Cgroup

DEAF_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def janitor(group: Cgroup) -> Iterator[int]:
    """Empties and removes the group when the life line is cut: at the end of this block, or of this
    process.

    Yields the end of the line that a box may watch. When the block has ended, the group is gone.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    child = os.fork() if group.groups else None
    if child == 0:
        _clean_after(group, read)
    try:
        yield read
    finally:
        os.close(read)
        os.close(write)
        if child:
            os.waitpid(child, 0)


def _clean_after(group: Cgroup, life: int) -> NoReturn:
    try:
        os.setsid()
        for number in DEAF_TO:
            signal.signal(number, signal.SIG_IGN)
        os.dup2(life, 0)
        # nothing may hold a pipe open, nor the line's other end
        os.closerange(1, os.sysconf("SC_OPEN_MAX"))
        os.read(0, 1)
        group.kill()
        group.remove()
    finally:
        os._exit(0)
