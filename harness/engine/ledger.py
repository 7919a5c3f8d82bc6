"""The ledger's store: SQLite, one row an entry, and a signed head beside it.

Properties kept:
- an entry is there whole or not at all, once per key, whoever writes at the same time;
- each row is signed, so that the one entry which a crash may leave beyond the head is known to be ours;
- nothing is written after an end that is not the signed one: a cut would be sealed in. The whole is `fault`'s to read.
"""

from __future__ import annotations

import fcntl
import json
import os
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harness.domain.errors import LedgerError
from harness.domain.ledger import Entry, Fault, Head, chained
from harness.engine.audit import first_fault_in
from harness.engine.database import sqlite_engine
from harness.engine.head import read_head, write_head
from harness.engine.rows import BY_KEY, BY_SEQ, ENTRIES, LAST, STATEMENTS, canonical, entry_of, row_of, signed_text
from harness.engine.signing import Signer
from harness.ports.clock import Clock


class SqliteLedger:
    """The Ledger port in `home`: `ledger.db`, `ledger.head`, and the key `keys/ledger.key`."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        self._signer = Signer(home / "keys" / "ledger.key")

    def append(
        self,
        kind: str,
        key: str,
        *,
        issue: int | None = None,
        run: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Entry:
        content = json.loads(canonical(data or {}))
        with _faults_named("the ledger could not be written"), self._alone(), self._engine.connect() as connection:
            connection.execute(sa.text("BEGIN IMMEDIATE"))
            last = self._trusted_last(connection)
            if there := connection.execute(BY_KEY, {"wanted": key}).one_or_none():
                return entry_of(there)
            at = self._clock.now().isoformat()
            entry = chained(last, at=at, kind=kind, key=key, issue=issue, run=run, data=content)
            row = row_of(entry, self._signer.signature(signed_text(entry)))
            connection.execute(sa.insert(ENTRIES).values(**row))
            connection.commit()
            self._sign_if_the_disk_allows(Head(entry.seq, entry.hash))
            return entry

    def entries(self, *, issue: int | None = None, kind: str | None = None) -> tuple[Entry, ...]:
        wanted = {name: value for name, value in (("issue", issue), ("kind", kind)) if value is not None}
        query = BY_SEQ.where(*(ENTRIES.c[name] == value for name, value in wanted.items()))
        return tuple(entry_of(row) for row in self._rows(query))

    def find(self, key: str) -> Entry | None:
        return next((entry_of(row) for row in self._rows(BY_KEY, wanted=key)), None)

    def fault(self) -> Fault | None:
        if not self._path.exists() and not self._head_path.exists():
            return None
        try:
            with self._alone(), self._engine.connect() as connection:
                return first_fault_in(connection, self._signer, head=self._head_path)
        except sa.exc.DatabaseError as damage:
            return Fault(1, f"the ledger's file cannot be read: {damage.orig}")

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        if (engine := self.__dict__.pop("_engine", None)) is not None:
            engine.dispose()

    @property
    def _path(self) -> Path:
        return self._home / "ledger.db"

    @property
    def _head_path(self) -> Path:
        return self._home / "ledger.head"

    @cached_property
    def _engine(self) -> sa.Engine:
        """Let go of at the latest when the interpreter ends: SQLite then moves its log into the one file."""
        engine = sqlite_engine(self._path)
        weakref.finalize(self, engine.dispose)
        return engine

    def _rows(self, query: sa.Select[Any], **values: Any) -> list[sa.Row[Any]]:
        if not self._path.exists():
            return []
        with _faults_named("the ledger could not be read"), self._engine.connect() as connection:
            return list(connection.execute(query, values)) if _has_table(connection) else []

    def _trusted_last(self, connection: sa.Connection) -> Head | None:
        """The last entry's place, agreed upon by the rows and the signed head. A head one behind is brought up."""
        if not _has_table(connection):
            self._begin(connection)
        last = connection.execute(LAST).one_or_none()
        head = read_head(self._head_path, self._signer) if last or self._head_path.exists() else None
        here = Head(last.seq, last.hash) if last else None
        if here == head:
            return here
        if fault := first_fault_in(connection, self._signer, head=self._head_path):
            raise LedgerError(f"nothing is written to a ledger that is not the one that was signed: {fault.says}")
        if here is not None:
            write_head(self._head_path, here, signer=self._signer)
        return here

    def _begin(self, connection: sa.Connection) -> None:
        if self._head_path.exists():
            raise LedgerError(f"{self._head_path} is signed, but there is no ledger; put it back from a copy")
        self._signer.create()
        for statement in STATEMENTS:
            connection.execute(sa.text(statement))

    def _sign_if_the_disk_allows(self, head: Head) -> None:
        """The entry is written and stays. A head that could not follow is one behind, which the next append mends
        before it writes, or fails."""
        try:
            write_head(self._head_path, head, signer=self._signer)
        except OSError:
            return

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Entry and head are written by one process at a time: `factory stop` writes while `factory tick` runs."""
        self._home.mkdir(parents=True, exist_ok=True)
        file = os.open(self._home / "ledger.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def _has_table(connection: sa.Connection) -> bool:
    return bool(connection.execute(sa.text("SELECT 1 FROM sqlite_master WHERE name = 'entries'")).scalar())


@contextmanager
def _faults_named(what: str) -> Iterator[None]:
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as fault:
        words = fault.orig if isinstance(fault, sa.exc.DBAPIError) else fault
        raise LedgerError(f"{what}: {words}; nothing was changed", retryable=True) from fault
