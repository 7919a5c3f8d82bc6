"""One factory at a time in one home.

The kernel holds the lock and releases it with the process, however that dies; the file's text is
only for people. So the lock is the lease: a waiting factory takes over within a moment of the
holder's death. A holder that is merely suspended still holds it, because it may wake up.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.domain.errors import Busy

POLL_SECONDS = 0.1


@contextmanager
def sole_factory(
    home: Path,
    *,
    command: str,
    patience: float = 0.0,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Iterator[None]:
    """Hold `home/lock` for the block. Raises Busy, naming its holder, if it is not free within
    `patience` seconds. Until then `waiting` is called ten times a second with the holder, and may
    raise to give up."""
    home.mkdir(parents=True, exist_ok=True)
    # Without O_TRUNC: the text may be that of the present holder.
    file = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + patience
        while not try_lock(file):
            if time.monotonic() >= deadline:
                raise Busy(
                    f"{_holder(file)} works on {home}; wait for it, or end it, and try again"
                )
            waiting(_holder(file))
            time.sleep(POLL_SECONDS)
        _write(file, json.dumps({"pid": os.getpid(), "command": command}))
        yield
        _write(file, "")
    finally:
        os.close(file)


def try_lock(file: int) -> bool:
    """Whether this process now holds the lock on an open file; never waits."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(file: int, text: str) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, text.encode(), 0)


def _holder(file: int) -> str:
    try:
        holder = json.loads(os.pread(file, 4096, 0))
        return f"another factory (pid {holder['pid']}, `{holder['command']}`)"
    except (ValueError, KeyError, TypeError):
        # The holder has the lock and has not written the file yet.
        return "another factory, which has not said yet who it is,"
