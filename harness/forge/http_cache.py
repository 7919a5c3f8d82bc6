"""Answers that were heard before, by their ETags: what has not changed on the forge is not sent
again.

Properties: an answer is used only when the forge has just said that it still holds (304); it
belongs to the account that heard it; a store that is full, broken or locked costs a transfer and
nothing else; what is kept is bounded, and what was used longest ago goes first. Only answers to
readings are kept, and no token is ever in one."""

import contextlib
import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

MOST_BYTES, MOST_BYTES_EACH, SWEEP_BYTES = 64 * 2**20, 4 * 2**20, 2**20
ROW_BYTES = 200  # what a row costs beside its body
LOCK_SECONDS = 2.0
_HEADERS = ("etag", "last-modified", "link", "content-type")
_MAKE = """
    CREATE TABLE IF NOT EXISTS answers (account TEXT, address TEXT, headers TEXT, body BLOB, size INTEGER, used INTEGER,
                                        PRIMARY KEY (account, address))"""
_FIND = "SELECT headers, body FROM answers WHERE account = ? AND address = ?"
_USED = """
    UPDATE answers SET used = (SELECT max(used) + 1 FROM answers) WHERE account = ? AND address = ?"""
_KEEP = """
    INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(used), 0) + 1 FROM answers))"""
_SWEEP = """
    DELETE FROM answers WHERE used <= (SELECT max(used) FROM
    (SELECT used, sum(size) OVER (ORDER BY used DESC) AS so_far FROM answers) WHERE so_far > ?)"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A reading's answer: those of its headers that mean something later, and its text."""

    headers: Mapping[str, str]
    body: str

    @property
    def etag(self) -> str:
        return self.headers["etag"]


class HttpCache:
    """In a file, where whoever comes after us finds them, or, without one, for as long as this
    process lives. Safe to use from many threads and processes. No method raises."""

    def __init__(self, file: Path | None = None, *, most_bytes: int = MOST_BYTES) -> None:
        self._file, self._most_bytes = file, most_bytes
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._unswept = 0

    def find(self, account: str, address: str) -> Answer | None:
        """What was answered there last; None where that is not known."""
        row = self._done(lambda db: db.execute(_FIND, (account, address)).fetchone())
        try:
            return (
                None
                if row is None
                else Answer(
                    json.loads(row[0]), zlib.decompress(row[1]).decode("utf-8", "surrogatepass")
                )
            )
        except (ValueError, zlib.error):
            return None

    def used(self, account: str, address: str) -> None:
        """It held once more: others go first."""
        self._done(lambda db: db.execute(_USED, (account, address)))

    def keep(self, account: str, address: str, *, headers: Mapping[str, str], body: str) -> None:
        """An answer with an ETag takes the place of an older one. One that is too long is not
        kept."""
        raw = body.encode("utf-8", "surrogatepass")
        if not headers.get("etag") or len(raw) > MOST_BYTES_EACH:
            return
        packed, kept = (
            zlib.compress(raw, 1),
            json.dumps({name: headers[name] for name in _HEADERS if name in headers}),
        )
        size = len(packed) + len(address) + len(kept) + ROW_BYTES
        self._done(lambda db: db.execute(_KEEP, (account, address, kept, packed, size)))
        self._unswept += size
        if self._unswept >= min(SWEEP_BYTES, self._most_bytes // 8):
            self._unswept = 0
            self._done(lambda db: db.execute(_SWEEP, (self._most_bytes,)))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What the work gives; None where the store cannot be had. A damaged file is begun anew the
        next time."""
        with self._lock:
            try:
                if self._db is None:
                    self._db = _opened(self._file)
                return work(self._db)
            except sqlite3.OperationalError:  # full, locked or not to be opened: it may pass
                return None
            except (sqlite3.DatabaseError, OSError):
                self._put_away()
                return None

    def _put_away(self) -> None:
        with contextlib.suppress(OSError, sqlite3.Error):
            if self._db is not None:
                self._db.close()
            self._db = None
            if self._file is not None:
                self._file.unlink(missing_ok=True)


def _opened(file: Path | None) -> sqlite3.Connection:
    """Only this account may read the file: what a private repository says is in it."""
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(
        file or ":memory:", timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
    )
    db.execute("PRAGMA synchronous = OFF")  # what is lost with the machine is heard again
    db.execute(_MAKE)
    db.execute("CREATE INDEX IF NOT EXISTS by_use ON answers (used)")
    return db
