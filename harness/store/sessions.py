"""Sessions with a store of rows, and SQLite with our settings: write-ahead log, every commit on the
disk, one writer at a time.

It uses sqlite3 directly, because `factory status` must answer at once: SQLAlchemy alone takes 0.2 s
to load.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol


class StoreError(Exception):
    """An error of the store itself, in its own words."""


class KeptSession(Protocol):
    """One connection to a store. What is not committed when it ends is lost."""

    def execute(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows, read lazily. Each `?` in the query stands for one of the values. Raises
        StoreError."""
        ...

    def commit(self) -> None:
        """Raises StoreError if nothing was stored."""
        ...


class SqliteSession:
    """The Session on a file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        with _store_errors():
            found = self._connection.execute(query, values)
        return _read(found)

    def commit(self) -> None:
        with _store_errors():
            self._connection.commit()


class SqliteFile:
    """Sessions with the file at `path`; a missing file is created, readable only by its owner. They
    stay open between uses, because closing the last one moves its log into the file, which takes
    time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._is_closed = False

    @contextmanager
    def session(self) -> Iterator[SqliteSession]:
        """Raises StoreError if the file cannot be opened."""
        connection = self._connection_in_use()
        try:
            yield SqliteSession(connection)
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close the file, as soon as nobody uses it."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def _connection_in_use(self) -> sqlite3.Connection:
        with suppress(IndexError):
            return self._idle.pop()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        with _store_errors():
            connection = sqlite3.connect(self._path, check_same_thread=False)
            prepare(connection)
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        # A connection that cannot roll back is broken, and is not used again.
        try:
            connection.rollback()
        except sqlite3.Error:
            connection.close()
            return
        self._idle.append(connection)
        if self._is_closed:
            self.close()


def prepare(connection: sqlite3.Connection) -> None:
    """Set what DBOS does not set on an engine it is given. Measured under DBOS: 0.9 ms a step with
    the write-ahead log, 8.9 ms without."""
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _read(rows: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
    with _store_errors():
        yield from rows


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as fault:
        raise StoreError(str(fault)) from fault
