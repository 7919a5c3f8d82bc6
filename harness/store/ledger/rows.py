"""The ledger's one table: its shape, the triggers that keep it append-only, and an entry as a
row."""

from __future__ import annotations

import functools
import json
import re
from typing import NamedTuple

from harness.domain.errors import LedgerError
from harness.domain.ledger import Entry, Head, Recorded
from harness.store.ledger.decoding import canonical, decoded

# SQLite stores these statements as text, and `sqlite_fault` compares them: a changed letter, even a
# space, would make every ledger in use a damaged one.
_TABLE = (
    "CREATE TABLE entries (\n"
    "    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL UNIQUE,"
    " issue INTEGER, run TEXT,\n"
    "    data TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL\n"
    ") STRICT"
)
_BY_ISSUE = "CREATE INDEX entries_by_issue ON entries (issue, seq)"
_BY_KIND = "CREATE INDEX entries_by_kind ON entries (kind, seq)"
_NO_UPDATE = """CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry is never changed'); END"""
_NO_DELETE = """CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry is never deleted'); END"""
# INSERT OR REPLACE deletes without asking the trigger above. So a row must be the next one, with a
# new key.
_ONLY_THE_NEXT = (
    "CREATE TRIGGER entries_follow_each_other BEFORE INSERT ON entries\n"
    "WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM entries)"
    " OR EXISTS (SELECT 1 FROM entries WHERE key = NEW.key)\n"
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry follows the last, under a key"
    " of its own'); END"
)

STATEMENTS = (_TABLE, _BY_ISSUE, _BY_KIND, _NO_UPDATE, _NO_DELETE, _ONLY_THE_NEXT)


class LedgerRow(NamedTuple):
    """An entry as it is stored."""

    seq: int
    at: str
    kind: str
    key: str
    issue: int | None
    run: str | None
    data: str
    prev: str
    hash: str
    signature: str


_COLUMNS, _MARKS = ", ".join(LedgerRow._fields), ", ".join("?" for _ in LedgerRow._fields)
ENTRIES = f"SELECT {_COLUMNS} FROM entries"  # noqa: S608 - a constant, as those below
BY_SEQ = f"{ENTRIES} WHERE seq > ? ORDER BY seq"
BY_KEY = f"{ENTRIES} WHERE key = ?"
LAST = f"{ENTRIES} ORDER BY seq DESC LIMIT 1"
HASH_OF = "SELECT hash FROM entries WHERE seq = ?"
INSERT = f"INSERT INTO entries ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608
ANCHOR = re.compile(r"([1-9][0-9]{0,17}) ([0-9a-f]{64}) ([0-9a-f]{128})")
"""A place in the ledger in a commit or on the forge: its number, its hash, and this home's
signature of both."""


KEPT = 2000  # entries
UNSIGNED = ""
"""Instead of a signature, in a row that a later row's signature covers: the last of its batch."""


def with_keys(count: int) -> str:
    """The query for the entries with any of so many keys."""
    return f"{ENTRIES} WHERE key IN ({', '.join('?' * count)})"


def row_of(entry: Entry, signature: str) -> LedgerRow:
    return LedgerRow(
        entry.seq,
        entry.at,
        entry.kind,
        entry.key,
        entry.issue,
        entry.run,
        canonical(entry.data),
        entry.prev,
        entry.hash,
        signature,
    )


@functools.lru_cache(KEPT)
def entry_of(row: LedgerRow) -> Entry:
    """Raises LedgerError, naming the entry, for a row that was not written as an entry.

    A run reads the same rows again and again. What was made of one is kept under all of its text,
    so a row that was changed is another one.
    """
    try:
        data = json.loads(row.data)
        if not isinstance(data, dict) or canonical(data) != row.data:
            raise ValueError("its data is not as it was written")
    except (TypeError, ValueError) as fault:
        raise LedgerError(f"entry {row.seq} was changed after it was written: {fault}") from fault
    try:
        event = decoded(row.kind, data)
    except LedgerError as fault:
        raise LedgerError(f"entry {row.seq}, `{row.key}`, cannot be read: {fault}") from fault
    return Recorded(
        row.seq, row.at, row.kind, row.key, row.issue, row.run, data, row.prev, row.hash, event
    )


def anchor_text(run: str, place: Head) -> str:
    """The text that an anchor signs."""
    return f"ledger anchor\n{run}\n{place.seq}\n{place.hash}"


def signed_text(entry: Entry, *, first: int) -> str:
    """The text that a row's signature covers.

    It covers a whole batch, from entry number `first` to this one: each entry names the hash of the
    one before, and only the last row of the batch has a signature.
    """
    if first == entry.seq:
        return f"ledger entry\n{entry.seq}\n{entry.hash}"
    return f"ledger entries\n{first}\n{entry.seq}\n{entry.hash}"
