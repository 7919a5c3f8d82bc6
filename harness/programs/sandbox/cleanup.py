"""Cleans up after a sandbox, in a process that survives the supervisor.

Every ending takes this path, the good ones too, so the path for emergencies is in use every day.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import NoReturn

from harness.programs.sandbox.walls.cgroup import Cgroup

IGNORED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def cleanup_process(group: Cgroup) -> Iterator[int]:
    """A process that empties and removes the group at the end of this block, or of this process.

    Yields the reading end of the lifeline, which a sandbox may watch. When the block has ended, the
    group is gone.
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


def _clean_after(group: Cgroup, lifeline: int) -> NoReturn:
    try:
        os.setsid()
        for number in IGNORED_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        os.dup2(lifeline, 0)
        # This process must not hold a pipe of the caller open, nor the lifeline's writing end.
        os.closerange(1, os.sysconf("SC_OPEN_MAX"))
        os.read(0, 1)
        group.kill()
        group.remove()
    finally:
        os._exit(0)
