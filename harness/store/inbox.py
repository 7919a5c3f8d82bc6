"""The inbox's store: one table beside the engine's own, on SQLite or PostgreSQL.

Properties: when `put` returns, the delivery is on the disk, once per id and per content, whoever
else writes. What was acted on stays for as long as a duplicate may arrive.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from harness.domain.errors import PortError
from harness.ports.clock import Clock
from harness.ports.inbox import Delivery
from harness.store.database import postgres_engine, sqlite_engine

# One length and one zone, so that texts compare like times.
_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
DELIVERIES = sa.Table(
    "deliveries",
    sa.MetaData(),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("digest", sa.String, nullable=False, unique=True),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("number", sa.BigInteger),
    sa.Column("came_at", sa.String, nullable=False, index=True),
    sa.Column("is_settled", sa.Boolean, nullable=False, index=True),
)


class SqlInbox:
    """The Inbox port in `home/engine.db`, or in the PostgreSQL at `address`."""

    def __init__(self, home: Path, clock: Clock, *, address: str = "") -> None:
        self._path, self._clock, self._address = home / "engine.db", clock, address

    def put(self, delivery: Delivery) -> bool:
        row = {
            "id": delivery.id,
            "digest": delivery.digest,
            "event": delivery.event,
            "number": delivery.number,
            "came_at": _text(self._clock.now()),
            "is_settled": False,
        }
        try:
            with (
                _port_errors("the delivery could not be kept"),
                self._engine.begin() as connection,
            ):
                connection.execute(sa.insert(DELIVERIES).values(row))
        # The database decides, because the same delivery may come twice at once.
        except sa.exc.IntegrityError:
            return False
        return True

    def waiting(self) -> tuple[tuple[int, Delivery], ...]:
        query = sa.select(DELIVERIES).where(~DELIVERIES.c.is_settled).order_by(DELIVERIES.c.place)
        with _port_errors("the inbox could not be read"), self._engine.connect() as connection:
            return tuple(
                (row.place, Delivery(row.id, row.event, row.number, row.digest))
                for row in connection.execute(query)
            )

    def settle(self, places: tuple[int, ...]) -> None:
        with _port_errors("the inbox could not be written"), self._engine.begin() as connection:
            for place in places:
                connection.execute(
                    sa.update(DELIVERIES).where(DELIVERIES.c.place == place).values(is_settled=True)
                )

    def forget(self, before: datetime) -> None:
        old = sa.delete(DELIVERIES).where(
            DELIVERIES.c.is_settled, DELIVERIES.c.came_at < _text(before)
        )
        with _port_errors("the inbox could not be written"), self._engine.begin() as connection:
            connection.execute(old)

    def close(self) -> None:
        """Close the store; the next use opens it again."""
        if (engine := self.__dict__.pop("_engine", None)) is not None:
            engine.dispose()

    @cached_property
    def _engine(self) -> sa.Engine:
        engine = postgres_engine(self._address) if self._address else sqlite_engine(self._path)
        weakref.finalize(self, engine.dispose)
        DELIVERIES.metadata.create_all(engine)
        return engine


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_MOMENT)


@contextmanager
def _port_errors(what: str) -> Iterator[None]:
    try:
        yield
    except sa.exc.IntegrityError:
        # A duplicate, which `put` handles.
        raise
    except (sa.exc.SQLAlchemyError, OSError) as fault:
        words = fault.orig if isinstance(fault, sa.exc.DBAPIError) else fault
        raise PortError(f"{what}: {words}", retryable=True) from fault
