"""A cache of the forge's answers by their ETags: what has not changed is not sent again.

Properties:
- An answer is used only when the forge has just confirmed it (304).
- It belongs to the account that received it.
- A store that is full, broken or locked costs a transfer and nothing else.
- The size is limited; the least recently used answers are deleted first.
- Only answers to reading requests are stored, and no token is ever in one.
"""

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
ROW_BYTES = 200
"""What a row costs beside its body."""
LOCK_SECONDS = 2.0
_HEADERS = ("etag", "last-modified", "link", "content-type")
_CREATE = """
    CREATE TABLE IF NOT EXISTS answers (
        account TEXT, address TEXT, headers TEXT, body BLOB, size INTEGER, used INTEGER,
        PRIMARY KEY (account, address))"""
_FIND = "SELECT headers, body FROM answers WHERE account = ? AND address = ?"
_USED = """
    UPDATE answers SET used = (SELECT max(used) + 1 FROM answers)
    WHERE account = ? AND address = ?"""
_KEEP = """
    INSERT OR REPLACE INTO answers
    VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(used), 0) + 1 FROM answers))"""
_SWEEP = """
    DELETE FROM answers WHERE used <= (SELECT max(used) FROM
    (SELECT used, sum(size) OVER (ORDER BY used DESC) AS so_far FROM answers) WHERE so_far > ?)"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A stored answer: its text, and the headers that matter later."""

    headers: Mapping[str, str]
    body: str

    @property
    def etag(self) -> str:
        return self.headers["etag"]


class HttpCache:
    """A cache in a file, which later processes share, or in memory without one. Safe to use from
    many threads and processes. No method raises."""

    def __init__(self, file: Path | None = None, *, most_bytes: int = MOST_BYTES) -> None:
        self._file, self._most_bytes = file, most_bytes
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._unswept = 0

    def find(self, account: str, address: str) -> CachedAnswer | None:
        """The last answer at this address; None if there is none."""
        row = self._done(lambda db: db.execute(_FIND, (account, address)).fetchone())
        if row is None:
            return None
        try:
            body = zlib.decompress(row[1]).decode("utf-8", "surrogatepass")
            return CachedAnswer(json.loads(row[0]), body)
        except (ValueError, zlib.error):
            return None

    def used(self, account: str, address: str) -> None:
        """The answer was valid once more: others are deleted first."""
        self._done(lambda db: db.execute(_USED, (account, address)))

    def keep(self, account: str, address: str, *, headers: Mapping[str, str], body: str) -> None:
        """Store an answer with an ETag in place of an older one. An answer that is too long is not
        stored."""
        raw = body.encode("utf-8", "surrogatepass")
        if not headers.get("etag") or len(raw) > MOST_BYTES_EACH:
            return
        packed = zlib.compress(raw, 1)
        stored = json.dumps({name: headers[name] for name in _HEADERS if name in headers})
        size = len(packed) + len(address) + len(stored) + ROW_BYTES
        self._done(lambda db: db.execute(_KEEP, (account, address, stored, packed, size)))
        self._unswept += size
        # Deleting old answers at every write would cost more than the writes.
        if self._unswept >= min(SWEEP_BYTES, self._most_bytes // 8):
            self._unswept = 0
            self._done(lambda db: db.execute(_SWEEP, (self._most_bytes,)))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """The result of the work; None if the store is not available. A damaged file is replaced at
        the next use."""
        with self._lock:
            try:
                if self._db is None:
                    self._db = _opened(self._file)
                return work(self._db)
            # Full, locked or not to be opened: this may pass, so the file stays.
            except sqlite3.OperationalError:
                return None
            except (sqlite3.DatabaseError, OSError):
                self._delete()
                return None

    def _delete(self) -> None:
        with contextlib.suppress(OSError, sqlite3.Error):
            if self._db is not None:
                self._db.close()
            self._db = None
            if self._file is not None:
                self._file.unlink(missing_ok=True)


def _opened(file: Path | None) -> sqlite3.Connection:
    """Only this account may read the file: it contains private repositories."""
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    # All threads share the connection; the lock lets in one at a time.
    db = sqlite3.connect(
        file or ":memory:", timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
    )
    # Durability is not needed: what a crash loses is requested again.
    db.execute("PRAGMA synchronous = OFF")
    db.execute(_CREATE)
    db.execute("CREATE INDEX IF NOT EXISTS by_use ON answers (used)")
    return db
