"""Walks and bookings in SQLite. Every change is one transaction; a walk can never be booked past its capacity."""

import os
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE walks (
        id INTEGER PRIMARY KEY, title TEXT NOT NULL, guide TEXT NOT NULL, starts_at TEXT NOT NULL,
        meeting_point TEXT NOT NULL, capacity INTEGER NOT NULL CHECK (capacity > 0)
    );
    CREATE TABLE bookings (
        code TEXT PRIMARY KEY, walk_id INTEGER NOT NULL REFERENCES walks (id), name TEXT NOT NULL,
        email TEXT NOT NULL, group_size INTEGER NOT NULL CHECK (group_size > 0),
        cancelled INTEGER NOT NULL DEFAULT 0
    );
    """,
)

WALKS = """
    SELECT walks.*, capacity - COALESCE(SUM(bookings.group_size), 0) AS places_left
    FROM walks LEFT JOIN bookings ON bookings.walk_id = walks.id
"""


class FullyBooked(Exception):
    """There are fewer places left than were asked for."""


@dataclass(frozen=True)
class Walk:
    id: int
    title: str
    guide: str
    starts_at: str
    meeting_point: str
    capacity: int
    places_left: int


@dataclass(frozen=True)
class Booking:
    code: str
    walk_id: int
    name: str
    email: str
    group_size: int
    cancelled: int


def connect(folder: str | os.PathLike[str]) -> sqlite3.Connection:
    """A connection to the store in `folder`, brought up to the newest migration."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(Path(folder) / "tidebook.sqlite", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA busy_timeout = 5000")
    applied = db.execute("PRAGMA user_version").fetchone()[0]
    for number, migration in enumerate(MIGRATIONS[applied:], start=applied + 1):
        db.executescript(f"BEGIN; {migration} PRAGMA user_version = {number}; COMMIT;")
    return db


def walks(db: sqlite3.Connection) -> list[Walk]:
    """Every walk with the places it has left, the next one first."""
    return [Walk(**row) for row in db.execute(f"{WALKS} GROUP BY walks.id ORDER BY starts_at")]


def walk(db: sqlite3.Connection, walk_id: int) -> Walk | None:
    """One walk, or None."""
    row = db.execute(f"{WALKS} WHERE walks.id = ? GROUP BY walks.id", (walk_id,)).fetchone()
    return Walk(**row) if row else None


def add_walk(db: sqlite3.Connection, title: str, guide: str, starts_at: str, meeting_point: str, capacity: int) -> int:
    """Add a walk and return its id."""
    return db.execute(
        "INSERT INTO walks (title, guide, starts_at, meeting_point, capacity) VALUES (?, ?, ?, ?, ?)",
        (title, guide, starts_at, meeting_point, capacity),
    ).lastrowid


def book(db: sqlite3.Connection, walk_id: int, name: str, email: str, group_size: int) -> str:
    """Book and return the booking's code. Raises FullyBooked when the places do not suffice."""
    code = secrets.token_hex(4)
    db.execute("BEGIN IMMEDIATE")
    try:
        wanted = walk(db, walk_id)
        if wanted is None or wanted.places_left < group_size:
            raise FullyBooked(walk_id)
        db.execute(
            "INSERT INTO bookings (code, walk_id, name, email, group_size) VALUES (?, ?, ?, ?, ?)",
            (code, walk_id, name, email, group_size),
        )
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return code


def booking(db: sqlite3.Connection, code: str) -> Booking | None:
    """One booking, or None."""
    row = db.execute("SELECT * FROM bookings WHERE code = ?", (code,)).fetchone()
    return Booking(**row) if row else None


def bookings(db: sqlite3.Connection, walk_id: int) -> list[Booking]:
    """The bookings of a walk that still stand, by name."""
    rows = db.execute("SELECT * FROM bookings WHERE walk_id = ? AND NOT cancelled ORDER BY name", (walk_id,))
    return [Booking(**row) for row in rows]


def cancel(db: sqlite3.Connection, code: str) -> None:
    """Cancel a booking. Cancelling twice is the same as once."""
    db.execute("UPDATE bookings SET cancelled = 1 WHERE code = ?", (code,))
