"""The store of signs of life: a file in the home, or one row of the PostgreSQL that several
machines share.

It is not the ledger: a sign every ten seconds would drown what happened, and nothing is decided by
it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from harness.domain.errors import PortError
from harness.domain.presence import Presence, presence_in

FILE = "presence.json"
MOST_BYTES = 10_000
_TABLE = "CREATE TABLE IF NOT EXISTS presence (only_row integer PRIMARY KEY, sign text NOT NULL)"
_WRITE = (
    "INSERT INTO presence VALUES (1, %s) ON CONFLICT (only_row) DO UPDATE SET sign = EXCLUDED.sign"
)


class FilePresence:
    """The PresenceStore in `home/presence.json`."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE

    def read(self) -> Presence | None:
        try:
            with self._path.open("rb") as file:
                return _presence_of(file.read(MOST_BYTES))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PortError(f"{self._path} cannot be read: {error.strerror}") from error

    def write(self, presence: Presence) -> None:
        # Not synced to the disk: after a power cut an older sign tells the same, that it has died.
        partial = self._path.with_name(f".{FILE}.{os.getpid()}")
        try:
            partial.write_text(json.dumps(presence.document()) + "\n", "utf-8")
            os.replace(partial, self._path)
        except OSError as error:
            raise PortError(f"{self._path} cannot be written: {error.strerror}") from error


class PostgresPresence:
    """The PresenceStore in the database at `address`."""

    def __init__(self, address: str) -> None:
        self._address = address

    def read(self) -> Presence | None:
        import psycopg

        try:
            with psycopg.connect(self._address, autocommit=True) as line:
                # Looking must not write: there is no table before a factory has worked here.
                if line.execute("SELECT to_regclass('presence')").fetchone() == (None,):
                    return None
                row = line.execute("SELECT sign FROM presence").fetchone()
                return _presence_of(row[0].encode()) if row else None
        except psycopg.Error as error:
            raise PortError(f"the signs of life cannot be read: {error}") from error

    def write(self, presence: Presence) -> None:
        import psycopg

        try:
            with psycopg.connect(self._address, autocommit=True) as line:
                line.execute(_TABLE)
                line.execute(_WRITE, (json.dumps(presence.document()),))
        except psycopg.Error as error:
            raise PortError(f"the sign of life cannot be written: {error}") from error


def _presence_of(content: bytes) -> Presence | None:
    try:
        document = json.loads(content)
        return presence_in(document) if isinstance(document, dict) else None
    except ValueError:
        return None
