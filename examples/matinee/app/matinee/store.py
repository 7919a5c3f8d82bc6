"""The films and their voices, in MariaDB. Every SQL statement stands here."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pymysql
from pymysql.connections import Connection

TABLE = """
CREATE TABLE IF NOT EXISTS films (
    id INTEGER PRIMARY KEY AUTO_INCREMENT,
    title VARCHAR(200) NOT NULL UNIQUE,
    voices INTEGER NOT NULL DEFAULT 1
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
"""


@dataclass(frozen=True)
class Film:
    id: int
    title: str
    voices: int


@contextmanager
def connect() -> Iterator[Connection]:
    """A connection to the database that $MATINEE_DB names. What happened on it is kept at the end."""
    at = urlsplit(os.environ.get("MATINEE_DB", "mysql://root@127.0.0.1:3306/matinee"))
    db = pymysql.connect(host=at.hostname, port=at.port or 3306, user=at.username, password=at.password or "",
                         database=at.path.strip("/"), charset="utf8mb4")
    with db:
        with db.cursor() as cursor:
            cursor.execute(TABLE)
        yield db
        db.commit()


def films(db: Connection) -> list[Film]:
    """All films, those with the most voices first."""
    with db.cursor() as cursor:
        cursor.execute("SELECT id, title, voices FROM films ORDER BY voices DESC, title")
        return [Film(*row) for row in cursor.fetchall()]


def film(db: Connection, number: int) -> Film | None:
    with db.cursor() as cursor:
        cursor.execute("SELECT id, title, voices FROM films WHERE id = %s", (number,))
        row = cursor.fetchone()
    return Film(*row) if row else None


def suggest(db: Connection, title: str) -> int:
    """The film's number. One that was suggested before gets a voice more."""
    with db.cursor() as cursor:
        cursor.execute("INSERT INTO films (title) VALUES (%s) ON DUPLICATE KEY UPDATE"
                       " id = LAST_INSERT_ID(id), voices = voices + 1", (title,))
        return int(cursor.lastrowid)


def add_voice(db: Connection, number: int) -> None:
    with db.cursor() as cursor:
        cursor.execute("UPDATE films SET voices = voices + 1 WHERE id = %s", (number,))


def withdraw(db: Connection, number: int) -> None:
    with db.cursor() as cursor:
        cursor.execute("DELETE FROM films WHERE id = %s", (number,))


def empty(db: Connection) -> None:
    with db.cursor() as cursor:
        cursor.execute("DELETE FROM films")
