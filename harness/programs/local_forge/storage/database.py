"""SQLite in WAL mode: many readers beside one writer, and commits that survive a power cut."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event

from harness.programs.local_forge.storage.tables import SCHEMA, STEPS, metadata


class UnknownSchema(Exception):
    """The database was written by another version of the forge."""


class Database:
    """The one SQLite file, opened once per process. Writers queue in the process, so none polls for
    the lock.

    `generation` grows with every commit: what was read at one generation is valid while it stays
    the same.
    """

    def __init__(self, file: Path) -> None:
        self._engine = create_engine(
            f"sqlite:///{file}", connect_args={"check_same_thread": False, "timeout": 20}
        )
        event.listen(self._engine, "connect", _prepare)
        self._writing = threading.Lock()
        self.generation = 0
        with self.writing() as db:
            found = db.exec_driver_sql("PRAGMA user_version").scalar_one()
            if found not in (0, *STEPS, SCHEMA):
                raise UnknownSchema(
                    f"{file} has schema {found}, this forge knows {SCHEMA}: use another --home"
                )
            if found != SCHEMA:
                _bring_up(db, found)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot for reading; writes through it are discarded."""
        with self._engine.connect() as db:
            db.exec_driver_sql("BEGIN")
            yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from the start and commits unless an error
        leaves it."""
        with self._writing, self._engine.connect() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            yield db
            db.commit()
            self.generation += 1

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _bring_up(db: Connection, found: int) -> None:
    """Create the schema in an empty database, or upgrade an older one, in the current
    transaction."""
    for step in range(found or SCHEMA, SCHEMA):
        for statement in STEPS[step]:
            db.exec_driver_sql(statement)
    metadata.create_all(db)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            # create_all does not add new indexes to a table that exists.
            index.create(db, checkfirst=True)
    db.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")


def _prepare(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes late and is deferred; ours are explicit.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "busy_timeout = 20000",
    ):
        connection.execute(f"PRAGMA {pragma}")
