"""The ledger's store: one row for each entry, and a signed head. This module has the part that all
stores share, and SQLite in the home.

Properties:
- An entry is stored whole or not at all, once per key, whoever writes at the same time.
- A batch is stored whole or not at all, and the signature of its last row covers all of it. So what
  a crash leaves beyond the head is known to be ours.
- Nothing is appended to an end that is not the signed one, or a cut would become valid. `fault`
  reads the whole ledger.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.domain.errors import LedgerError
from harness.domain.events import LedgerEvent
from harness.domain.ledger import BEGINNING, Entry, Fault, Head, NewEntry, chained
from harness.domain.plain import JsonObject
from harness.ports.clock import Clock
from harness.store.files import is_there
from harness.store.ledger.decoding import stored
from harness.store.ledger.head import read_head, write_head
from harness.store.ledger.rows import (
    ANCHOR,
    BY_KEY,
    BY_SEQ,
    ENTRIES,
    INSERT,
    LAST,
    STATEMENTS,
    UNSIGNED,
    LedgerRow,
    anchor_text,
    entry_of,
    row_of,
    signed_text,
    with_keys,
)
from harness.store.ledger.signing import Signer
from harness.store.ledger.verify import first_fault_after, first_fault_in, sqlite_fault
from harness.store.sessions import KeptSession, SqliteFile, StoreError

Find = Callable[[KeptSession], Fault | None]


class SqlLedger(ABC):
    """The Ledger port on a table of rows, whichever store has them. The key is `keys/ledger.key` in
    `home`."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        self._signer = Signer(home / "keys" / "ledger.key")

    def append(
        self,
        event: LedgerEvent,
        key: str,
        *,
        issue: int | None = None,
        run: str | None = None,
    ) -> Entry:
        return self.append_all((NewEntry(event, key, issue, run),))[0]

    def append_all(self, new: Iterable[NewEntry]) -> tuple[Entry, ...]:
        wanted = tuple((one, *stored(one.event)) for one in new)
        if not wanted:
            return ()
        with ledger_errors("the ledger could not be written"), self._writing() as session:
            last = self._trusted_last(session)
            found = session.execute(with_keys(len(wanted)), *(one.key for one, *_ in wanted))
            there = {row.key: entry_of(row) for row in map(LedgerRow._make, found)}
            written: list[Entry] = []
            for one, event, data in wanted:
                # The key is written already: a repeated append changes nothing.
                if one.key in there:
                    continue
                at = self._clock.now().isoformat()
                entry = there[one.key] = chained(last, replace(one, event=event), at=at, data=data)
                written.append(entry)
                last = Head(entry.seq, entry.hash)
            if written and last:
                signature = self._signer.signature(signed_text(written[-1], first=written[0].seq))
                rows = [
                    *(row_of(entry, UNSIGNED) for entry in written[:-1]),
                    row_of(written[-1], signature),
                ]
                for row in rows:
                    session.execute(INSERT, *row)
                self._commit(session, last)
            return tuple(there[one.key] for one, *_ in wanted)

    def entries(
        self, *, issue: int | None = None, kind: str | None = None, after: int = 0
    ) -> tuple[Entry, ...]:
        wanted = {
            f"{name} = ?": value
            for name, value in (("issue", issue), ("kind", kind))
            if value is not None
        }
        query = f"{ENTRIES} WHERE {' AND '.join(('seq > ?', *wanted))} ORDER BY seq"
        return tuple(entry_of(row) for row in self._rows(query, after, *wanted.values()))

    def find(self, key: str) -> Entry | None:
        return next((entry_of(row) for row in self._rows(BY_KEY, key)), None)

    def fault(self) -> Fault | None:
        return self._checked(self._fault_in, absent=None)

    def fault_after(self, since: Head) -> Fault | None:
        absent = Fault(
            since.seq, f"entry {since.seq} was read before, and there is no ledger any more"
        )
        return self._checked(
            lambda session: first_fault_after(
                session, self._signer, since, head=lambda: self._head(session)
            ),
            absent=absent,
        )

    def last_of(self, kind: str) -> Entry | None:
        """The last entry of a kind that is written alone, from the reading that was verified: a
        store may show a row once and never again. Raises LedgerError if it cannot be trusted."""
        shown = next(reversed(self.entries(kind=kind)), None)
        begin = Head(shown.seq - 1, shown.prev) if shown else BEGINNING
        seen: list[LedgerRow] = []

        def find(session: KeptSession) -> Fault | None:
            noting = _Noting(session, kind, seen)
            if begin.seq == 0:
                return self._fault_in(noting)
            return first_fault_after(noting, self._signer, begin, head=lambda: self._head(noting))

        if fault := self._checked(find, absent=None):
            raise LedgerError(f"the ledger is not the one that was signed: {fault.message}")
        return entry_of(seen[-1]) if seen else None

    def anchor(self, run: str) -> str:
        last = next(iter(self._rows(LAST)), None)
        if last is None:
            return ""
        end = Head(last.seq, last.hash)
        return f"{end.seq} {end.hash} {self._signer.signature(anchor_text(run, end))}"

    def anchored(self, run: str, anchor: str) -> Head | None:
        if (found := ANCHOR.fullmatch(anchor)) is None:
            return None
        place = Head(int(found[1]), found[2])
        return place if self._signer.verifies(anchor_text(run, place), found[3]) else None

    def rows(self) -> tuple[JsonObject, ...]:
        """Every entry as it is stored, with its signature, for a copy. Raises LedgerError if they
        cannot be read."""
        return tuple(row._asdict() for row in self._rows(BY_SEQ, 0))

    def take(self, rows: Iterable[JsonObject]) -> Head | None:
        """Start with the rows of another store of this home's ledger; returns the head at their
        end. If there are none yet, the key is created, so that a copy of the home on another
        machine has the same key.

        Raises LedgerError if a ledger is here already, or if this home's key did not sign the rows;
        then nothing is stored.
        """
        with ledger_errors("the ledger could not be copied"), self._writing() as session:
            if self._has_table(session):
                raise LedgerError("there is a ledger already; a copy is made into an empty store")
            self._make(session)
            listed = tuple(rows)
            for row in listed:
                session.execute(INSERT, *LedgerRow(**row))
            if not listed:
                self._signer.create()
            end = _end(session)
            if fault := first_fault_in(
                session, self._signer, head=lambda: end, store=self._store_fault
            ):
                raise LedgerError(f"the copy is not the ledger that was signed: {fault.message}")
            if end is not None:
                self._commit(session, end)
            return end

    @abstractmethod
    def close(self) -> None:
        """Close the store; the next use opens it again."""

    # What differs between stores: exclusive writing, the place of the head, and damage of the
    # store itself.

    @abstractmethod
    def _session(self) -> AbstractContextManager[KeptSession]: ...

    @abstractmethod
    def _writing(self) -> AbstractContextManager[KeptSession]: ...

    @abstractmethod
    def _checked(self, find: Find, *, absent: Fault | None) -> Fault | None:
        """What `find` finds, or the fault that the store cannot be read; `absent` if no ledger was
        ever started."""

    @abstractmethod
    def _rows(self, query: str, *values: Any) -> list[LedgerRow]: ...

    @abstractmethod
    def _has_table(self, session: KeptSession) -> bool: ...

    @abstractmethod
    def _begin(self, session: KeptSession) -> None: ...

    @abstractmethod
    def _make(self, session: KeptSession) -> None: ...

    @abstractmethod
    def _head(self, session: KeptSession) -> Head | None: ...

    @abstractmethod
    def _mend(self, session: KeptSession, head: Head) -> None: ...

    @abstractmethod
    def _commit(self, session: KeptSession, head: Head) -> None: ...

    @abstractmethod
    def _store_fault(self, session: KeptSession) -> Fault | None: ...

    def _trusted_last(self, session: KeptSession) -> Head | None:
        """The last entry's place, on which the rows and the signed head agree. A head that a crash
        left behind is repaired."""
        if not self._has_table(session):
            self._begin(session)
        here = _end(session)
        if here == self._head(session):
            return here
        # Only a crash between the entries and the head is repaired; everything else is a fault.
        if fault := self._fault_in(session):
            raise LedgerError(
                "nothing is written to a ledger that is not the one that was signed:"
                f" {fault.message}"
            )
        if here is not None:
            self._mend(session, here)
        return here

    def _fault_in(self, session: KeptSession) -> Fault | None:
        return first_fault_in(
            session, self._signer, head=lambda: self._head(session), store=self._store_fault
        )

    def _alone(self) -> AbstractContextManager[None]:
        return still(self._home)


class _Noting:
    """A session that notes the last row of a kind which it gives."""

    def __init__(self, session: KeptSession, kind: str, seen: list[LedgerRow]) -> None:
        self._session, self._kind, self._seen = session, kind, seen

    def execute(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        for row in self._session.execute(query, *values):
            if query == BY_SEQ and LedgerRow._make(row).kind == self._kind:
                self._seen[:] = [LedgerRow._make(row)]
            yield row

    def commit(self) -> None:
        self._session.commit()


class SqliteLedger(SqlLedger):
    """The ledger in `home`: `ledger.db`, and `ledger.head` beside it."""

    def _checked(self, find: Find, *, absent: Fault | None) -> Fault | None:
        try:
            if not is_there(self._path) and not is_there(self._head_path):
                return absent
        except LedgerError as fault:
            return Fault(1, str(fault))
        try:
            with self._alone(), self._session() as session:
                # A process that was killed during its first entry leaves a file without a table.
                begun = is_there(self._head_path) or self._has_table(session)
                return find(session) if begun else absent
        except StoreError as damage:
            return Fault(1, f"the ledger's file cannot be read: {damage}")

    @property
    def _path(self) -> Path:
        return self._home / "ledger.db"

    @property
    def _head_path(self) -> Path:
        return self._home / "ledger.head"

    @cached_property
    def _file(self) -> SqliteFile:
        """Closed at the latest when the interpreter ends: SQLite then moves its log into the one
        file."""
        file = SqliteFile(self._path)
        weakref.finalize(self, file.close)
        return file

    def _session(self) -> AbstractContextManager[KeptSession]:
        return self._file.session()

    def close(self) -> None:
        if (file := self.__dict__.pop("_file", None)) is not None:
            file.close()

    @contextmanager
    def _writing(self) -> Iterator[KeptSession]:
        with self._alone(), self._session() as session:
            session.execute("BEGIN IMMEDIATE")
            yield session

    def _rows(self, query: str, *values: Any) -> list[LedgerRow]:
        if not is_there(self._path):
            return []
        with ledger_errors("the ledger could not be read"), self._session() as session:
            if not self._has_table(session):
                return []
            return [LedgerRow(*row) for row in session.execute(query, *values)]

    def _has_table(self, session: KeptSession) -> bool:
        return any(session.execute("SELECT 1 FROM sqlite_master WHERE name = 'entries'"))

    def _begin(self, session: KeptSession) -> None:
        if is_there(self._head_path):
            raise LedgerError(
                f"{self._head_path} is signed, but there is no ledger; restore it from a copy"
            )
        self._signer.create()
        self._make(session)

    def _make(self, session: KeptSession) -> None:
        for statement in STATEMENTS:
            session.execute(statement)

    def _head(self, session: KeptSession) -> Head | None:
        return read_head(self._head_path, self._signer)

    def _mend(self, session: KeptSession, head: Head) -> None:
        write_head(self._head_path, head, signer=self._signer)

    def _commit(self, session: KeptSession, head: Head) -> None:
        """What was written stays. If the head cannot be written, it is behind by this batch, and
        the next append repairs it before it writes, or fails."""
        session.commit()
        with suppress(OSError):
            write_head(self._head_path, head, signer=self._signer)

    def _store_fault(self, session: KeptSession) -> Fault | None:
        return sqlite_fault(session)


@contextmanager
def still(home: Path) -> Iterator[None]:
    """Let nobody write to the ledger in `home` while the block lasts. Entry and head are written by
    one process at a time: `factory stop` writes while `factory tick` runs."""
    home.mkdir(parents=True, exist_ok=True)
    file = os.open(home / "ledger.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _end(session: KeptSession) -> Head | None:
    return next(
        (Head(last.seq, last.hash) for last in map(LedgerRow._make, session.execute(LAST))), None
    )


@contextmanager
def ledger_errors(what: str) -> Iterator[None]:
    """Turn a store's own errors into the LedgerError that the port promises."""
    try:
        yield
    except (StoreError, OSError) as fault:
        raise LedgerError(f"{what}: {fault}; nothing was changed", retryable=True) from fault
