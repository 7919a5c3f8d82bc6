"""The ledger in a PostgreSQL that several machines share.

Properties beyond those of every ledger:
- The signed head is a row, written in one transaction with its entry, so no crash leaves the head
  behind.
- Each home stores in `ledger.head` how far it has seen the ledger. If a database is restored from
  an older copy, every home that has seen more refuses it. A new home has nothing to compare.
- The table refuses everything but the next entry, whoever asks. Somebody who may change tables can
  remove these triggers, and then the check finds them missing.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harness.domain.errors import LedgerError
from harness.domain.ledger import Fault, Head
from harness.ports.clock import Clock
from harness.store.database import database_errors, postgres_engine
from harness.store.ledger.head import head_in, head_text, read_head, write_head
from harness.store.ledger.rows import HASH_OF, LedgerRow
from harness.store.ledger.sqlite import Find, SqlLedger, ledger_errors
from harness.store.ledger.verify import UNGUARDED
from harness.store.sessions import KeptSession, StoreError

ALONE = int.from_bytes(b"ledger")
"""The advisory lock of a writer, held for one transaction."""

# The check compares the stored text of the trigger with this one, so not a letter may change.
_GUARD = (
    "\nBEGIN\n"
    "    IF TG_OP = 'INSERT' AND NEW.seq = (SELECT coalesce(max(seq), 0) + 1 FROM entries)\n"
    "       AND NOT EXISTS (SELECT 1 FROM entries WHERE key = NEW.key) THEN\n"
    "        RETURN NEW;\n"
    "    END IF;\n"
    "    RAISE EXCEPTION 'the ledger is append-only: an entry follows the last under a key of its"
    " own, and is never changed';\n"
    "END\n"
)
_STATEMENTS = (
    """CREATE TABLE entries (
        seq BIGINT PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
        issue BIGINT, run TEXT, data TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL,
        signature TEXT NOT NULL)""",
    "CREATE INDEX entries_by_issue ON entries (issue, seq)",
    "CREATE INDEX entries_by_kind ON entries (kind, seq)",
    (
        "CREATE TABLE ledger_head (one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one), text TEXT NOT"
        " NULL)"
    ),
    f"CREATE FUNCTION entries_guard() RETURNS trigger LANGUAGE plpgsql AS $guard${_GUARD}$guard$",
    (
        "CREATE TRIGGER entries_are_append_only BEFORE INSERT OR UPDATE OR DELETE ON entries "
        "FOR EACH ROW EXECUTE FUNCTION entries_guard()"
    ),
    (
        "CREATE TRIGGER entries_are_never_emptied BEFORE TRUNCATE ON entries FOR EACH STATEMENT"
        " EXECUTE FUNCTION entries_guard()"
    ),
)
# The bits are from PostgreSQL's catalog/pg_trigger.h.
_ROW_TRIGGER, _TRUNCATE_TRIGGER = 1 | 2 | 4 | 8 | 16, 2 | 32
_GUARDS = frozenset(
    {
        ("entries_are_append_only", _ROW_TRIGGER, "O", False, _GUARD),
        ("entries_are_never_emptied", _TRUNCATE_TRIGGER, "O", False, _GUARD),
    }
)
_FIND_GUARDS = """SELECT t.tgname, t.tgtype, t.tgenabled::text, t.tgqual IS NOT NULL, p.prosrc
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = 'entries'::regclass AND NOT t.tgisinternal"""
_FIND_RULES = """SELECT count(*) FROM pg_class c WHERE c.oid = 'entries'::regclass
    AND (c.relkind <> 'r' OR c.relrowsecurity
         OR EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid))"""
_HAS_TABLE = "SELECT to_regclass('entries') IS NOT NULL"
_HEAD = "SELECT text FROM ledger_head"
_SET_HEAD = (
    "INSERT INTO ledger_head (text) VALUES (?) ON CONFLICT (one) DO UPDATE SET text = excluded.text"
)


class PostgresSession:
    """The Session on a database."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def execute(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        with database_errors():
            # No query has a `?` of its own.
            found = self._connection.exec_driver_sql(query.replace("?", "%s"), values or None)
        return _read(found)

    def commit(self) -> None:
        with database_errors():
            self._connection.commit()


def _read(rows: sa.CursorResult[Any]) -> Iterator[tuple[Any, ...]]:
    with database_errors():
        yield from map(tuple, rows)


class PostgresLedger(SqlLedger):
    """The ledger at `address`, as `postgres_address` returns it, for the home that has its key."""

    def __init__(self, home: Path, clock: Clock, address: str) -> None:
        super().__init__(home, clock)
        self._address = address

    def _checked(self, find: Find, *, absent: Fault | None) -> Fault | None:
        try:
            with self._session() as session:
                if self._has_table(session):
                    return find(session) or self._unseen(session)
                seen = self._seen()
        except StoreError as damage:
            return Fault(1, f"the ledger's database cannot be read: {damage}")
        except LedgerError as error:
            return Fault(1, str(error))
        return Fault(1, _SHORT.format(seen.seq)) if seen else absent

    @cached_property
    def _engine(self) -> sa.Engine:
        engine = postgres_engine(self._address)
        weakref.finalize(self, engine.dispose)
        return engine

    @contextmanager
    def _session(self) -> Iterator[KeptSession]:
        with database_errors():
            connection = self._engine.connect()
        with connection:
            yield PostgresSession(connection)

    def close(self) -> None:
        if (engine := self.__dict__.pop("_engine", None)) is not None:
            engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[KeptSession]:
        with self._alone(), self._session() as session:
            # `_alone` is for one machine, this lock for all that share the database.
            session.execute("SELECT pg_advisory_xact_lock(?)", ALONE)
            yield session

    def _rows(self, query: str, *values: Any) -> list[LedgerRow]:
        with ledger_errors("the ledger could not be read"), self._session() as session:
            if not self._has_table(session):
                return []
            return [LedgerRow(*row) for row in session.execute(query, *values)]

    def _has_table(self, session: KeptSession) -> bool:
        return next(session.execute(_HAS_TABLE)) == (True,)

    def _begin(self, session: KeptSession) -> None:
        if seen := self._seen():
            raise LedgerError(_SHORT.format(seen.seq))
        self._signer.create()
        self._make(session)

    def _make(self, session: KeptSession) -> None:
        for statement in _STATEMENTS:
            session.execute(statement)

    def _trusted_last(self, session: KeptSession) -> Head | None:
        last = super()._trusted_last(session)
        if fault := self._unseen(session):
            raise LedgerError(
                "nothing is written to a ledger that is not the one that was signed:"
                f" {fault.message}"
            )
        return last

    def _head(self, session: KeptSession) -> Head | None:
        for (text,) in session.execute(_HEAD):
            return head_in(str(text), self._signer, where="in the database")
        return None

    def _mend(self, session: KeptSession, head: Head) -> None:
        session.execute(_SET_HEAD, head_text(head, self._signer))

    def _commit(self, session: KeptSession, head: Head) -> None:
        """The local file is written after the commit, so it is never ahead of the database."""
        self._mend(session, head)
        session.commit()
        # The entry stands, and a home that recorded less only compares less.
        with suppress(OSError):
            write_head(self._home / "ledger.head", head, signer=self._signer)

    def _store_fault(self, session: KeptSession) -> Fault | None:
        guards = frozenset(session.execute(_FIND_GUARDS))
        # Row security and rewrite rules could hide or change rows without touching a trigger.
        if guards != _GUARDS or next(session.execute(_FIND_RULES)) != (0,):
            return UNGUARDED
        return None

    def _seen(self) -> Head | None:
        return read_head(self._home / "ledger.head", self._signer)

    def _unseen(self, session: KeptSession) -> Fault | None:
        """A fault if the ledger lacks an entry that this home has seen in it."""
        if (seen := self._seen()) is None:
            return None
        found = next(session.execute(HASH_OF, seen.seq), None)
        return None if found == (seen.hash,) else Fault(seen.seq, _SHORT.format(seen.seq))


_SHORT = (
    "this home has seen entry {0} of the ledger, which the database does not have: it was restored"
    " from an older copy, or is another one. If that is meant, delete ledger.head in the home"
)
