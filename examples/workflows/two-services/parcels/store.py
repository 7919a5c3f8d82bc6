"""What both services share: one table, in the folder that PARCELS_DATA names."""

import os
import sqlite3
from pathlib import Path

TABLE = "CREATE TABLE IF NOT EXISTS parcel (id INTEGER PRIMARY KEY, town TEXT NOT NULL, state TEXT NOT NULL)"


def opened() -> sqlite3.Connection:
    """The table, made where there is none."""
    database = sqlite3.connect(Path(os.environ.get("PARCELS_DATA", ".")) / "parcels.db", timeout=10, isolation_level=None)
    database.execute(TABLE)
    return database
