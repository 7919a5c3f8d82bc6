"""The spool: groups of errors in one SQLite file, which the intake writes and anybody may read.

Properties:
- what was added is on the disk when `add` returns, and survives a kill at any moment;
- an event that comes twice counts once;
- the file has a bound, and so has each source: a flood of new groups by one DSN takes no room from
  another, and known groups are counted on."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.domain.error_groups import ErrorGroup, ErrorSample
from harness.domain.errors import PortError
from harness.domain.plain import Misfit, plain, valued
from harness.programs.error_intake.keys import Service
from harness.programs.error_intake.reports import Report

FILE = "spool.db"
MOST_PAGES, PAGE = 32_768, 4_096
"""128 MiB."""
MOST_OF_SOURCE = 500
"""Groups of one source, each release of a group counted."""
MOST_RELEASES = 20
"""Releases of one group."""
MOST_SEEN = 100_000
MOST_SAMPLE = 8_000
"""Bytes. All that the keys may report together stays below the file's bound."""
IDLE = timedelta(days=7)
"""A group that was silent for so long makes room for a new one."""
BUSY_SECONDS = 5.0
_MOMENT = "%Y-%m-%dT%H:%M:%S.%f+00:00"
_ANY_TIME = "9"
_OF_GROUP = (
    "SELECT count(*) FROM groups WHERE name = ?",
    "DELETE FROM groups WHERE rowid = (SELECT rowid FROM groups WHERE name = ? AND last_at < ?"
    " ORDER BY by_secret > 0, last_at LIMIT 1)",
)
_OF_SOURCE = (
    "SELECT count(*) FROM groups WHERE source = ?",
    "DELETE FROM groups WHERE rowid = (SELECT rowid FROM groups WHERE source = ? AND last_at < ?"
    " ORDER BY last_at LIMIT 1)",
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS groups (
  name TEXT NOT NULL, release TEXT NOT NULL, source TEXT NOT NULL, count INTEGER NOT NULL,
  first_at TEXT NOT NULL, last_at TEXT NOT NULL, sample TEXT NOT NULL,
  by_secret INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name, release));
CREATE INDEX IF NOT EXISTS by_source ON groups (source, last_at);
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_place ON seen (place);
CREATE TABLE IF NOT EXISTS counts (what TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""
_HAS_COLUMN = "SELECT 1 FROM pragma_table_info('groups') WHERE name = 'by_secret'"
_ADD_COLUMN = "ALTER TABLE groups ADD COLUMN by_secret INTEGER NOT NULL DEFAULT 0"
_HAVE_A_SECRET = frozenset(Service)


class Added(StrEnum):
    """What became of a report."""

    COUNTED = "counted"
    DOUBLE = "double"
    FULL = "full"


class Spool:
    """The groups in `folder`, which the first `add` creates. For any threads and processes."""

    def __init__(self, folder: Path, *, most_pages: int = MOST_PAGES) -> None:
        self._folder, self._most_pages, self._lock = folder, most_pages, threading.Lock()

    def add(self, report: Report, *, at: datetime) -> Added:
        """Count one event. Raises PortError where it could not be kept."""
        with self._changing() as found:
            result = _added(found, report, at.astimezone(UTC).strftime(_MOMENT), at)
            found.execute(
                "INSERT INTO counts VALUES (?, 1) ON CONFLICT (what) DO UPDATE SET count = count+1",
                (result.value,),
            )
            return result

    def groups(self) -> tuple[ErrorGroup, ...]:
        """See the port ErrorGroups."""
        rows = self._read(
            "SELECT name, release, count, first_at, last_at, by_secret FROM groups"
            " ORDER BY first_at, name"
        )
        return tuple(ErrorGroup(*row) for row in rows)

    def sample(self, group: str) -> ErrorSample | None:
        """See the port ErrorGroups."""
        rows = self._read(
            "SELECT sample FROM groups WHERE name = ? ORDER BY first_at LIMIT 1", group
        )
        try:
            found: ErrorSample | None = (
                valued(ErrorSample, json.loads(rows[0][0])) if rows else None
            )
        except (ValueError, Misfit) as error:
            raise PortError(f"the spool of errors cannot be read: {error}") from error
        return found

    def counts(self) -> dict[str, int]:
        """How many events were counted, came twice, or found no room."""
        return dict(self._read("SELECT what, count FROM counts ORDER BY what"))

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        # Reading alone must not make a home's folder.
        if not (self._folder / FILE).exists():
            return []
        with _port_errors("read"), closing(self._connected()) as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        # One at a time here, so that threads of the intake do not wait on each other in SQLite.
        with self._lock, _port_errors("written"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(self._connected()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.commit()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._folder / FILE, timeout=BUSY_SECONDS, isolation_level=None
        )
        # The rollback journal, not WAL: its size is bounded by one change.
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA max_page_count = {self._most_pages}")
        connection.executescript(_SCHEMA)
        # A spool of an older version does not know what came by a secret: nothing of it did.
        if not connection.execute(_HAS_COLUMN).fetchone():
            connection.execute(_ADD_COLUMN)
        return connection


def _added(found: sqlite3.Connection, report: Report, now: str, at: datetime) -> Added:
    if report.id and not _is_new(found, f"{report.sample.source}/{report.id}"):
        return Added.DOUBLE
    by_secret = int(report.sample.source in _HAVE_A_SECRET)
    counted = found.execute(
        "UPDATE groups SET count = count + 1, by_secret = by_secret + ?, last_at = max(last_at, ?)"
        " WHERE name = ? AND release = ?",
        (by_secret, now, report.group, report.release),
    ).rowcount
    if counted:
        return Added.COUNTED
    if not _has_room(found, report, (at - IDLE).astimezone(UTC).strftime(_MOMENT)):
        return Added.FULL
    sample = _stored(report.sample)
    found.execute(
        "INSERT INTO groups (name, release, source, count, first_at, last_at, sample, by_secret)"
        " VALUES (?, ?, ?, 1, ?, ?, ?, ?)",
        (report.group, report.release, report.sample.source, now, now, sample, by_secret),
    )
    return Added.COUNTED


def _stored(sample: ErrorSample) -> str:
    """The sample as text. Of one that is too long, the outer calls are left out."""
    while True:
        text = json.dumps(plain(sample), ensure_ascii=False)
        if len(text.encode("utf-8", "surrogatepass")) <= MOST_SAMPLE or not sample.frames:
            return text
        sample = replace(sample, frames=sample.frames[len(sample.frames) // 2 + 1 :])


def _is_new(found: sqlite3.Connection, name: str) -> bool:
    (last,) = found.execute("SELECT coalesce(max(place), 0) FROM seen").fetchone()
    is_new = found.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (name, last + 1)).rowcount
    found.execute("DELETE FROM seen WHERE place <= ?", (last + 1 - MOST_SEEN,))
    return is_new == 1


def _has_room(found: sqlite3.Connection, report: Report, idle: str) -> bool:
    """Whether another row may be written; where all are taken, an idle one makes room."""
    # Of a group's own releases the one that was silent longest goes, however short that was; first
    # one that only a DSN reported.
    of_group = (_OF_GROUP, report.group, MOST_RELEASES, _ANY_TIME)
    of_source = (_OF_SOURCE, report.sample.source, MOST_OF_SOURCE, idle)
    for (count_rows, free_one), value, most, before in (of_group, of_source):
        (count,) = found.execute(count_rows, (value,)).fetchone()
        if count >= most and not found.execute(free_one, (value, before)).rowcount:
            return False
    return True


@contextmanager
def _port_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise PortError(f"the spool of errors cannot be {what}: {error}", retryable=True) from error
