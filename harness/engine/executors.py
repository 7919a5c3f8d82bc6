"""Who executes, and who is dead.

DBOS has no lease: work of a dead process waits for ever, and two live processes with one id run it twice. So each
process takes an id nobody had before and holds a kernel lock named for it. Whoever can take that lock knows it is dead.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from harness.engine.lock import taken


class Claim:
    """An executor id of one's own, held until `release` or death."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.id = uuid.uuid4().hex
        self._path = folder / self.id
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        taken(self._file)

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def is_dead(folder: Path, executor: str) -> bool:
    """Whether nobody holds the id. Its lock file goes: an id is never used again."""
    try:
        file = os.open(folder / executor, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        if not taken(file):
            return False
        (folder / executor).unlink(missing_ok=True)
        return True
    finally:
        os.close(file)
