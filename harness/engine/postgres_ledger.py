"""The ledger in a PostgreSQL that several machines share.

Properties kept, beside those of every ledger:
- the signed head is a row, written in one transaction with its entry: here a crash leaves no head behind;
- each home remembers in `ledger.head` how far it has seen the ledger go. A database that was put back from an older copy,
  head and all, is refused by every home that has seen more; a home made afresh knows no better than the database;
- the table refuses all but the next entry, whoever asks, unless they may change tables: then the guards are missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harness.domain.errors import LedgerError
from harness.domain.ledger import Fault, Head
from harness.engine.audit import UNGUARDED
from harness.engine.database import postgres_engine
from harness.engine.head import head_in, head_text, read_head, write_head
from harness.engine.ledger import Find, SqlLedger, faults_named
from harness.engine.rows import ENTRIES
from harness.ports.clock import Clock

ALONE = int.from_bytes(b"ledger")
"""The advisory lock of whoever writes, for the length of one transaction."""

_GUARD = """
BEGIN
    IF TG_OP = 'INSERT' AND NEW.seq = (SELECT coalesce(max(seq), 0) + 1 FROM entries)
       AND NOT EXISTS (SELECT 1 FROM entries WHERE key = NEW.key) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only: an entry follows the last under a key of its own, and is never changed';
END
"""
_STATEMENTS = (
    """CREATE TABLE entries (
        seq BIGINT PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL UNIQUE, issue BIGINT, run TEXT,
        data TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL)""",
    "CREATE INDEX entries_by_issue ON entries (issue, seq)",
    "CREATE INDEX entries_by_kind ON entries (kind, seq)",
    "CREATE TABLE ledger_head (one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one), text TEXT NOT NULL)",
    f"CREATE FUNCTION entries_guard() RETURNS trigger LANGUAGE plpgsql AS $guard${_GUARD}$guard$",
    "CREATE TRIGGER entries_are_append_only BEFORE INSERT OR UPDATE OR DELETE ON entries "
    "FOR EACH ROW EXECUTE FUNCTION entries_guard()",
    "CREATE TRIGGER entries_are_never_emptied BEFORE TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION entries_guard()",
)
_ROW_TRIGGER, _TRUNCATE_TRIGGER = 1 | 2 | 4 | 8 | 16, 2 | 32      # PostgreSQL's catalog/pg_trigger.h
_GUARDS = frozenset({("entries_are_append_only", _ROW_TRIGGER, "O", False, _GUARD),
                     ("entries_are_never_emptied", _TRUNCATE_TRIGGER, "O", False, _GUARD)})
_FIND_GUARDS = sa.text("""SELECT t.tgname, t.tgtype, t.tgenabled::text, t.tgqual IS NOT NULL, p.prosrc
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = 'entries'::regclass AND NOT t.tgisinternal""")
_FIND_RULES = sa.text("""SELECT count(*) FROM pg_class c WHERE c.oid = 'entries'::regclass
    AND (c.relkind <> 'r' OR c.relrowsecurity OR EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid))""")
_HAS_TABLE = sa.text("SELECT to_regclass('entries') IS NOT NULL")
_HEAD = sa.text("SELECT text FROM ledger_head")
_SET_HEAD = sa.text("INSERT INTO ledger_head (text) VALUES (:text) ON CONFLICT (one) DO UPDATE SET text = excluded.text")


class PostgresLedger(SqlLedger):
    """The ledger at `address`, as `postgres_address` gives it, for the home that has its key."""

    def __init__(self, home: Path, clock: Clock, address: str) -> None:
        super().__init__(home, clock)
        self._address = address

    def _looked(self, find: Find, *, absent: Fault | None) -> Fault | None:
        try:
            with self._engine.connect() as connection:
                if self._has_table(connection):
                    return find(connection) or self._unseen(connection)
                seen = self._seen()
        except sa.exc.DatabaseError as damage:
            return Fault(1, f"the ledger's database cannot be read: {damage.orig}")
        except LedgerError as error:
            return Fault(1, str(error))
        return Fault(1, _SHORT.format(seen.seq)) if seen else absent

    def _made_engine(self) -> sa.Engine:
        return postgres_engine(self._address)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._alone(), self._engine.connect() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ALONE)))
            yield connection

    def _rows(self, query: sa.Select[Any], **values: Any) -> list[sa.Row[Any]]:
        with faults_named("the ledger could not be read"), self._engine.connect() as connection:
            return list(connection.execute(query, values)) if self._has_table(connection) else []

    def _has_table(self, connection: sa.Connection) -> bool:
        return bool(connection.execute(_HAS_TABLE).scalar())

    def _begin(self, connection: sa.Connection) -> None:
        if seen := self._seen():
            raise LedgerError(_SHORT.format(seen.seq))
        self._signer.create()
        self._make(connection)

    def _make(self, connection: sa.Connection) -> None:
        for statement in _STATEMENTS:
            connection.exec_driver_sql(statement)

    def _trusted_last(self, connection: sa.Connection) -> Head | None:
        last = super()._trusted_last(connection)
        if fault := self._unseen(connection):
            raise LedgerError(f"nothing is written to a ledger that is not the one that was signed: {fault.says}")
        return last

    def _head(self, connection: sa.Connection) -> Head | None:
        text = connection.execute(_HEAD).scalar()
        return None if text is None else head_in(str(text), self._signer, where="in the database")

    def _mend(self, connection: sa.Connection, head: Head) -> None:
        connection.execute(_SET_HEAD, {"text": head_text(head, self._signer)})

    def _commit(self, connection: sa.Connection, head: Head) -> None:
        """What this home has seen is written after, so it is never ahead of what the database was told to keep."""
        self._mend(connection, head)
        connection.commit()
        with suppress(OSError):
            write_head(self._home / "ledger.head", head, signer=self._signer)

    def _store_fault(self, connection: sa.Connection) -> Fault | None:
        guards = frozenset(tuple(row) for row in connection.execute(_FIND_GUARDS))
        return UNGUARDED if guards != _GUARDS or connection.execute(_FIND_RULES).scalar() else None

    def _seen(self) -> Head | None:
        return read_head(self._home / "ledger.head", self._signer)

    def _unseen(self, connection: sa.Connection) -> Fault | None:
        """Whether the ledger lacks an entry that this home has seen in it."""
        if (seen := self._seen()) is None:
            return None
        found = connection.execute(sa.select(ENTRIES.c.hash).where(ENTRIES.c.seq == seen.seq)).scalar()
        return None if found == seen.hash else Fault(seen.seq, _SHORT.format(seen.seq))


_SHORT = ("this home has seen entry {0} of the ledger, which the database does not hold: it was put back from an older copy, or "
          "is another one. If that is meant, take ledger.head out of the home")
