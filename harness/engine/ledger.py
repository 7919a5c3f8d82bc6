"""The ledger's store: one row an entry, and a signed head beside them. Here in SQLite, in the home.

Properties kept:
- an entry is there whole or not at all, once per key, whoever writes at the same time;
- what is written together is there whole or not at all, and the last row of it is signed for all of it, so that what a crash
  may leave beyond the head is known to be ours;
- nothing is written after an end that is not the signed one: a cut would be sealed in. The whole is `fault`'s to read.
"""

from __future__ import annotations

import fcntl
import json
import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harness.domain.errors import LedgerError
from harness.domain.ledger import Entry, Fault, Head, NewEntry, chained
from harness.engine.audit import first_fault_after, first_fault_in, sqlite_fault
from harness.engine.database import sqlite_engine
from harness.engine.files import is_there
from harness.engine.head import read_head, write_head
from harness.engine.rows import (
    ANCHOR,
    BY_KEY,
    BY_KEYS,
    BY_SEQ,
    ENTRIES,
    LAST,
    STATEMENTS,
    UNSIGNED,
    anchor_text,
    canonical,
    entry_of,
    row_of,
    signed_text,
)
from harness.engine.signing import Signer
from harness.ports.clock import Clock

Find = Callable[[sa.Connection], Fault | None]


class SqlLedger(ABC):
    """The Ledger port on a table of rows, whichever store keeps them. The key is `keys/ledger.key` in `home`."""

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
        return self.append_all((NewEntry(kind, key, issue, run, data or {}),))[0]

    def append_all(self, new: Iterable[NewEntry]) -> tuple[Entry, ...]:
        wanted = tuple(replace(one, data=json.loads(canonical(one.data))) for one in new)
        if not wanted:
            return ()
        with faults_named("the ledger could not be written"), self._writing() as connection:
            last = self._trusted_last(connection)
            found = connection.execute(BY_KEYS, {"wanted": [one.key for one in wanted]})
            there = {row.key: entry_of(row) for row in found}
            written: list[Entry] = []
            for one in wanted:
                if one.key in there:
                    continue
                entry = there[one.key] = chained(last, at=self._clock.now().isoformat(), kind=one.kind, key=one.key,
                                                 issue=one.issue, run=one.run, data=one.data)
                written.append(entry)
                last = Head(entry.seq, entry.hash)
            if written and last:
                signature = self._signer.signature(signed_text(written[-1], first=written[0].seq))
                rows = [*(row_of(entry, UNSIGNED) for entry in written[:-1]), row_of(written[-1], signature)]
                connection.execute(sa.insert(ENTRIES), rows)
                self._commit(connection, last)
            return tuple(there[one.key] for one in wanted)

    def entries(self, *, issue: int | None = None, kind: str | None = None, after: int = 0) -> tuple[Entry, ...]:
        wanted = {name: value for name, value in (("issue", issue), ("kind", kind)) if value is not None}
        query = BY_SEQ.where(ENTRIES.c.seq > after, *(ENTRIES.c[name] == value for name, value in wanted.items()))
        return tuple(entry_of(row) for row in self._rows(query))

    def find(self, key: str) -> Entry | None:
        return next((entry_of(row) for row in self._rows(BY_KEY, wanted=key)), None)

    def fault(self) -> Fault | None:
        return self._looked(self._fault_in, absent=None)

    def fault_after(self, since: Head) -> Fault | None:
        absent = Fault(since.seq, f"entry {since.seq} was read before, and there is no ledger any more")
        return self._looked(lambda connection: first_fault_after(connection, self._signer, since,
                                                                 head=lambda: self._head(connection)), absent=absent)

    def anchor(self, run: str) -> str:
        last = next(iter(self._rows(LAST)), None)
        if last is None:
            return ""
        end = Head(last.seq, last.hash)
        return f"{end.seq} {end.hash} {self._signer.signature(anchor_text(run, end))}"

    def anchored(self, run: str, anchor: str) -> Head | None:
        if (told := ANCHOR.fullmatch(anchor)) is None:
            return None
        place = Head(int(told[1]), told[2])
        return place if self._signer.verifies(anchor_text(run, place), told[3]) else None

    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """Every entry as it is stored, signature and all, for a copy. Raises LedgerError where they cannot be read."""
        return tuple(row._asdict() for row in self._rows(BY_SEQ))

    def take(self, rows: Iterable[Mapping[str, Any]]) -> Head | None:
        """Begin with the rows of another store of this home's ledger; the head that they end at. Where there are none yet,
        the key is made, so that a copy of the home on another machine has the same.

        Raises LedgerError where something is here already, or where they are not what this home's key signed: then
        nothing is here."""
        with faults_named("the ledger could not be copied"), self._writing() as connection:
            if self._has_table(connection):
                raise LedgerError("there is a ledger already; a copy is made into an empty store")
            self._make(connection)
            listed = tuple(rows)
            for row in listed:
                connection.execute(sa.insert(ENTRIES).values(**row))
            if not listed:
                self._signer.create()
            last = connection.execute(LAST).one_or_none()
            end = Head(last.seq, last.hash) if last else None
            if fault := first_fault_in(connection, self._signer, head=lambda: end, store=self._store_fault):
                raise LedgerError(f"the copy is not the ledger that was signed: {fault.says}")
            if end is not None:
                self._commit(connection, end)
            return end

    def close(self) -> None:
        """Let go of the store; the next use opens it again."""
        if (engine := self.__dict__.pop("_engine", None)) is not None:
            engine.dispose()

    @cached_property
    def _engine(self) -> sa.Engine:
        """Let go of at the latest when the interpreter ends: SQLite then moves its log into the one file."""
        engine = self._made_engine()
        weakref.finalize(self, engine.dispose)
        return engine

    # What differs between stores: how one writes alone, where the head is, and what the store itself may have suffered.

    @abstractmethod
    def _made_engine(self) -> sa.Engine: ...

    @abstractmethod
    def _writing(self) -> AbstractContextManager[sa.Connection]: ...

    @abstractmethod
    def _looked(self, find: Find, *, absent: Fault | None) -> Fault | None:
        """What `find` finds, or that the store cannot be read; `absent` where none was ever begun."""

    @abstractmethod
    def _rows(self, query: sa.Select[Any], **values: Any) -> list[sa.Row[Any]]: ...

    @abstractmethod
    def _has_table(self, connection: sa.Connection) -> bool: ...

    @abstractmethod
    def _begin(self, connection: sa.Connection) -> None: ...

    @abstractmethod
    def _make(self, connection: sa.Connection) -> None: ...

    @abstractmethod
    def _head(self, connection: sa.Connection) -> Head | None: ...

    @abstractmethod
    def _mend(self, connection: sa.Connection, head: Head) -> None: ...

    @abstractmethod
    def _commit(self, connection: sa.Connection, head: Head) -> None: ...

    @abstractmethod
    def _store_fault(self, connection: sa.Connection) -> Fault | None: ...

    def _trusted_last(self, connection: sa.Connection) -> Head | None:
        """The last entry's place, agreed upon by the rows and the signed head. A head that a crash left behind is brought up."""
        if not self._has_table(connection):
            self._begin(connection)
        last = connection.execute(LAST).one_or_none()
        here = Head(last.seq, last.hash) if last else None
        if here == self._head(connection):
            return here
        if fault := self._fault_in(connection):
            raise LedgerError(f"nothing is written to a ledger that is not the one that was signed: {fault.says}")
        if here is not None:
            self._mend(connection, here)
        return here

    def _fault_in(self, connection: sa.Connection) -> Fault | None:
        return first_fault_in(connection, self._signer, head=lambda: self._head(connection), store=self._store_fault)

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


class SqliteLedger(SqlLedger):
    """The ledger in `home`: `ledger.db`, and `ledger.head` beside it."""

    def _looked(self, find: Find, *, absent: Fault | None) -> Fault | None:
        try:
            if not is_there(self._path) and not is_there(self._head_path):
                return absent
        except LedgerError as fault:
            return Fault(1, str(fault))
        try:
            with self._alone(), self._engine.connect() as connection:
                begun = is_there(self._head_path) or self._has_table(connection)   # killed in its first entry, it was not
                return find(connection) if begun else absent
        except sa.exc.DatabaseError as damage:
            return Fault(1, f"the ledger's file cannot be read: {damage.orig}")

    @property
    def _path(self) -> Path:
        return self._home / "ledger.db"

    @property
    def _head_path(self) -> Path:
        return self._home / "ledger.head"

    def _made_engine(self) -> sa.Engine:
        return sqlite_engine(self._path)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._alone(), self._engine.connect() as connection:
            connection.execute(sa.text("BEGIN IMMEDIATE"))
            yield connection

    def _rows(self, query: sa.Select[Any], **values: Any) -> list[sa.Row[Any]]:
        if not is_there(self._path):
            return []
        with faults_named("the ledger could not be read"), self._engine.connect() as connection:
            return list(connection.execute(query, values)) if self._has_table(connection) else []

    def _has_table(self, connection: sa.Connection) -> bool:
        return bool(connection.execute(sa.text("SELECT 1 FROM sqlite_master WHERE name = 'entries'")).scalar())

    def _begin(self, connection: sa.Connection) -> None:
        if is_there(self._head_path):
            raise LedgerError(f"{self._head_path} is signed, but there is no ledger; put it back from a copy")
        self._signer.create()
        self._make(connection)

    def _make(self, connection: sa.Connection) -> None:
        for statement in STATEMENTS:
            connection.execute(sa.text(statement))

    def _head(self, connection: sa.Connection) -> Head | None:
        return read_head(self._head_path, self._signer)

    def _mend(self, connection: sa.Connection, head: Head) -> None:
        write_head(self._head_path, head, signer=self._signer)

    def _commit(self, connection: sa.Connection, head: Head) -> None:
        """What was written stays. A head that could not follow is behind by it, which the next append mends before it
        writes, or fails."""
        connection.commit()
        with suppress(OSError):
            write_head(self._head_path, head, signer=self._signer)

    def _store_fault(self, connection: sa.Connection) -> Fault | None:
        return sqlite_fault(connection)


@contextmanager
def faults_named(what: str) -> Iterator[None]:
    """A store's own errors as the LedgerError that the port promises."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as fault:
        words = fault.orig if isinstance(fault, sa.exc.DBAPIError) else fault
        raise LedgerError(f"{what}: {words}; nothing was changed", retryable=True) from fault
