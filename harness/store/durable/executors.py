"""Executors of the engine, and which of them are dead.

DBOS has no lease: work of a dead process waits for ever, and two live processes with one id run it
twice. So each process takes a new id and holds a lock named for it: the kernel's or, if several
machines share a database, the database's. If another process can take that lock, the executor is
dead.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Protocol

from harness.domain.errors import PortError
from harness.store.lease import AdvisoryLock
from harness.store.lock import try_lock


class Executors(Protocol):
    """The processes that work on one engine's store."""

    def claim(self) -> str:
        """A new executor id, held until `release` or death."""
        ...

    def release(self) -> None:
        """Release the id. Does nothing if there is none."""
        ...

    def is_dead(self, executor: str) -> bool:
        """Whether nobody holds the id."""
        ...


class MachineExecutors:
    """Each executor has a locked file below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: tuple[Path, int] | None = None

    def claim(self) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / uuid.uuid4().hex
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try_lock(file)
        self._mine = path, file
        return path.name

    def release(self) -> None:
        if self._mine is not None:
            path, file = self._mine
            path.unlink(missing_ok=True)
            os.close(file)
            self._mine = None

    def is_dead(self, executor: str) -> bool:
        """Its lock file is deleted: an id is never used again."""
        try:
            file = os.open(self._folder / executor, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            if not try_lock(file):
                return False
            (self._folder / executor).unlink(missing_ok=True)
            return True
        finally:
            os.close(file)


class DatabaseExecutors:
    """Each executor holds an advisory lock of the database at `address`."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._mine: AdvisoryLock | None = None

    def claim(self) -> str:
        name = uuid.uuid4().hex
        self._mine = self._lock(name)
        if not self._mine.take():
            raise PortError(f"somebody holds the id {name}, which was drawn at random just now")
        return name

    def release(self) -> None:
        if self._mine is not None:
            self._mine.release()
            self._mine = None

    def is_dead(self, executor: str) -> bool:
        theirs = self._lock(executor)
        try:
            return theirs.take()
        finally:
            theirs.release()

    def _lock(self, executor: str) -> AdvisoryLock:
        return AdvisoryLock(self._address, f"executor {executor}", holder="factory engine")
