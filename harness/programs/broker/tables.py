"""The meter's two tables, in SQLite or in PostgreSQL, and the transactions on them.

`meter.py` uses them. What was spent is only summed, never stored.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

SCHEMA = sa.MetaData()
SESSIONS = sa.Table(
    "sessions",
    SCHEMA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("issue", sa.Integer, nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("opened_at", sa.Float, nullable=False),
    # Null in rows from before this column: those calls were paid for.
    sa.Column("replayed", sa.Boolean),
)
CALLS = sa.Table(
    "calls",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("session", sa.ForeignKey("sessions.id"), nullable=False, index=True),
    # The day of the reservation, in UTC.
    sa.Column("day", sa.String, nullable=False, index=True),
    # In nanodollars.
    sa.Column("reserved", sa.BigInteger, nullable=False),
    # In nanodollars; null until settled.
    sa.Column("cost", sa.BigInteger),
    # COUNTED, HELD or LOST; null until settled.
    sa.Column("ending", sa.String),
    *(
        sa.Column(name, sa.Integer, nullable=False, default=0)
        for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")
    ),
)
# A month is summed before each call.
_BY_DAY = sa.Index("calls_by_day", CALLS.c.day, CALLS.c.cost, CALLS.c.reserved)
COUNTED, HELD, LOST = "counted", "held", "lost"
"""How a call was settled: by the provider's count; in full because it was cut; or in full by the
next broker, after one that died."""
ADVISORY_LOCK = int.from_bytes(b"meter")
"""The advisory lock of a transaction on these tables."""
COST = sa.func.coalesce(CALLS.c.cost, CALLS.c.reserved)
HOLD_CALL = CALLS.insert().returning(CALLS.c.id)
SETTLE_CALL = (
    CALLS.update()
    .where(CALLS.c.id == sa.bindparam("of_call"), CALLS.c.cost.is_(None))
    .values(
        {
            column: sa.bindparam(f"new_{column}")
            for column in (
                "cost",
                "ending",
                "input",
                "output",
                "cache_read",
                "cache_write",
                "cache_write_1h",
            )
        }
    )
    .returning(CALLS.c.reserved)
)
HOLD_MORE = (
    CALLS.update()
    .where(CALLS.c.id == sa.bindparam("of_call"))
    .values(reserved=CALLS.c.reserved + sa.bindparam("more"))
    .returning(CALLS.c.cost)
)
MAY_BE_LOST = "may_be_lost"
"""The execution option of a transaction that the machine may lose with its power."""


def add_missing_columns(tx: sa.Connection) -> None:
    """Add the columns that a table of an earlier version lacks. Null is a valid value in all of
    them."""
    for table in SCHEMA.sorted_tables:
        there = {column["name"] for column in sa.inspect(tx).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(tx.dialect)
                tx.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}")
    # `create_all` adds no index to a table that is already there.
    _BY_DAY.create(tx, checkfirst=True)


def sqlite_engine(file: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{file}")
    sa.event.listen(engine, "connect", _durable)
    sa.event.listen(engine, "begin", _lock_at_once)
    return engine


def postgres_engine(address: str) -> sa.Engine:
    # A database server that restarted has closed the connections of the pool.
    engine = sa.create_engine(
        sa.make_url(address).set(drivername="postgresql+psycopg"), pool_pre_ping=True
    )
    sa.event.listen(engine, "begin", _lock_the_meter)
    return engine


def _durable(connection: Any, _: Any) -> None:
    # The driver's own transactions begin too late: see `_lock_at_once`.
    connection.isolation_level = None
    for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL"):
        connection.execute(f"PRAGMA {pragma}")


def _lock_at_once(connection: sa.Connection) -> None:
    """Take the write lock before the sum is read. Otherwise two brokers could both find the last
    dollar."""
    connection.exec_driver_sql(
        f"PRAGMA synchronous={'NORMAL' if _may_be_lost(connection) else 'FULL'}"
    )
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _lock_the_meter(connection: sa.Connection) -> None:
    """The same in PostgreSQL, by an advisory lock: one transaction at a time, and a durable
    commit."""
    connection.exec_driver_sql(
        f"SET LOCAL synchronous_commit TO {'off' if _may_be_lost(connection) else 'on'}"
    )
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))


def _may_be_lost(connection: sa.Connection) -> bool:
    """Whether the machine may lose the transaction with its power.

    Its call then goes back to its reservation, which counts too much and never too little.
    """
    return bool(connection.get_execution_options().get(MAY_BE_LOST))
