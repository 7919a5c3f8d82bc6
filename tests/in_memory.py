"""Where tests put their files: in memory, if this machine has room there.

The suite makes some hundred thousand files, asks for many to be safe on the disk, and throws all of
them away. On a disk, some tests spend a third of their processor seconds on that. With TMPDIR set,
files lie where it says.
"""

import os
import tempfile
from pathlib import Path

from harness.folder_walk import delete

MEMORY = Path("/dev/shm")
NEEDED = 2 << 30
"""Bytes that have to be free there: several times what the suite has there at any moment."""
_PREFIX = "lof-tests-"  # not longer: with what follows, a socket's path has at most 107 characters


def folder(memory: Path = MEMORY, needed: int = NEEDED) -> Path | None:
    """A new folder in memory for temporary files of this process and of those it starts, whatever
    account they have; None if they had better lie on the disk. What runs that have ended left there
    goes: one that failed leaves what it made, to be looked at."""
    if not _serves(memory, needed):
        return None
    for left in memory.glob(f"{_PREFIX}*"):
        process = left.name.removeprefix(_PREFIX)
        ours = process == str(os.getpid())  # one that has ended had this number, too
        if process.isdecimal() and (ours or not Path("/proc", process).exists()):
            delete(left)
    made = memory / f"{_PREFIX}{os.getpid()}"
    made.mkdir()
    made.chmod(0o1777)
    return made


def _serves(memory: Path, needed: int) -> bool:
    """A container has 64 MB there and runs no program from it; an older kernel keeps no attributes
    of a file there."""
    try:
        with tempfile.TemporaryFile(dir=memory) as file:
            os.setxattr(file.fileno(), "user.any", b"")
        there = os.statvfs(memory)
    except OSError:
        return False
    return not there.f_flag & os.ST_NOEXEC and there.f_bavail * there.f_frsize >= needed
