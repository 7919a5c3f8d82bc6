"""The money: every call is reserved before it is made and settled after it, in one table, of SQLite or of PostgreSQL.

What was spent is never stored, only summed: a call costs what it was settled at, or its reservation while (or for ever
if) its end is unknown. A broker that is killed therefore over-counts, and never under-counts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harness.agents.broker.prices import NANO, Prices, Tokens
from harness.agents.broker.refusal import exhausted

_SCHEMA = sa.MetaData()
SESSIONS = sa.Table(
    "sessions", _SCHEMA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("issue", sa.Integer, nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("opened_at", sa.Float, nullable=False),
)
CALLS = sa.Table(
    "calls", _SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("session", sa.ForeignKey("sessions.id"), nullable=False, index=True),
    sa.Column("day", sa.String, nullable=False, index=True),         # UTC, the day of the reservation
    sa.Column("reserved", sa.BigInteger, nullable=False),            # nanodollars
    sa.Column("cost", sa.BigInteger),                                # nanodollars; null until settled
    *(sa.Column(name, sa.Integer, nullable=False, default=0)
      for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")),
)
METER = int.from_bytes(b"meter")
"""The advisory lock of a transaction on these tables."""
_COST = sa.func.coalesce(CALLS.c.cost, CALLS.c.reserved)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a session is for."""

    id: str
    run: str
    role: str
    issue: int
    attempt: int
    model: str


@dataclass(frozen=True, slots=True)
class Caps:
    """What a session may do: its own calls and US dollars, and what its issue (for life) and this day may cost."""

    calls: int
    usd: Decimal
    usd_issue: Decimal | None = None
    usd_day: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used so far. `cost` is in nanodollars and includes what is still reserved."""

    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cost: int

    def document(self) -> dict[str, Any]:
        return {"calls": self.calls, "input_tokens": self.input_tokens, "output_tokens": self.output_tokens,
                "cache_read_tokens": self.cache_read_tokens, "cost_usd": self.cost / NANO}


class Meter:
    """The table, and the caps that are checked against it. Safe between processes: the store's write lock decides.

    `database` is a PostgreSQL's address; where it is empty, the table is in the SQLite `file`."""

    def __init__(self, file: Path, prices: Prices, *, database: str = "", clock: Callable[[], float] = time.time) -> None:
        self.prices, self._clock = prices, clock
        self._engine = _shared(database) if database else _own(file)
        with self._engine.begin() as tx:
            _SCHEMA.create_all(tx)

    def close(self) -> None:
        self._engine.dispose()

    def take(self, other: "Meter") -> int:
        """Begin with what another meter has counted; how many calls that is. Raises ValueError where something is here."""
        with other._engine.begin() as theirs, self._engine.begin() as tx:
            if tx.execute(sa.select(sa.func.count()).select_from(SESSIONS)).scalar_one():
                raise ValueError("something was counted here already")
            calls = 0
            for table, rows in ((table, theirs.execute(sa.select(table)).all()) for table in (SESSIONS, CALLS)):
                for row in rows:
                    tx.execute(table.insert().values(**row._asdict()))
                calls = len(rows)
            if tx.dialect.name == "postgresql" and calls:    # numbers that were given are not counted on by themselves
                tx.execute(sa.text("SELECT setval(pg_get_serial_sequence('calls', 'id'), (SELECT max(id) FROM calls))"))
            return calls

    def open(self, identity: Identity, caps: Caps) -> None:
        """Note the session. Raises Refusal when its issue or this day has nothing left to spend."""
        with self._engine.begin() as tx:
            self._check(tx, identity, caps, more=1)
            tx.execute(SESSIONS.insert().values(
                id=identity.id, run=identity.run, role=identity.role, issue=identity.issue, attempt=identity.attempt,
                model=identity.model, opened_at=self._clock()))

    def reserve(self, identity: Identity, caps: Caps, worst: Tokens) -> "Call":
        """Hold back the most that the call can cost. Raises Refusal when a cap would be crossed."""
        amount = self.prices.rates(identity.model).worst(worst)
        with self._engine.begin() as tx:
            if self._spent(tx, CALLS.c.session == identity.id).calls >= caps.calls:
                raise exhausted(f"this session may make {caps.calls} calls, and has made them")
            self._check(tx, identity, caps, more=amount)
            row = CALLS.insert().values(session=identity.id, day=self._today(), reserved=amount).returning(CALLS.c.id)
            number: int = tx.execute(row).scalar_one()
        return Call(self, identity, caps, id=number, amount=amount)

    def spent_by_session(self, session: str) -> Spent:
        with self._engine.connect() as tx:
            return self._spent(tx, CALLS.c.session == session)

    def spent_on_issue(self, issue: int) -> Spent:
        with self._engine.connect() as tx:
            return self._spent(tx, _of_issue(issue))

    def hold_more(self, call: "Call", amount: int) -> None:
        """Reserve `amount` on top for a call in flight. Raises Refusal when a cap would be crossed."""
        with self._engine.begin() as tx:
            self._check(tx, call.identity, call.caps, more=amount)
            tx.execute(CALLS.update().where(CALLS.c.id == call.id).values(reserved=CALLS.c.reserved + amount))

    def settle(self, call: "Call", tokens: Tokens, cost: int) -> None:
        with self._engine.begin() as tx:
            tx.execute(CALLS.update().where(CALLS.c.id == call.id).values(
                cost=cost, input=tokens.input, output=tokens.output, cache_read=tokens.cache_read,
                cache_write=tokens.cache_write, cache_write_1h=tokens.cache_write_1h))

    def _check(self, tx: sa.Connection, identity: Identity, caps: Caps, *, more: int) -> None:
        for name, cap, which in (("session", caps.usd, CALLS.c.session == identity.id),
                                 (f"issue {identity.issue}", caps.usd_issue, _of_issue(identity.issue)),
                                 ("day", caps.usd_day, CALLS.c.day == self._today())):
            spent = self._spent(tx, which).cost
            if cap is not None and spent + more > cap * NANO:
                raise exhausted(f"the cap of ${cap} for this {name} would be crossed: ${spent / NANO:.4f} are spent or "
                                f"reserved, and ${more / NANO:.4f} more may be needed")

    def _spent(self, tx: sa.Connection, which: sa.ColumnElement[bool]) -> Spent:
        fresh = CALLS.c.input + CALLS.c.cache_write + CALLS.c.cache_write_1h
        sums = (sa.func.coalesce(sa.func.sum(column), 0)
                for column in (fresh, CALLS.c.output, CALLS.c.cache_read, _COST))
        return Spent(*map(int, tx.execute(sa.select(sa.func.count(), *sums).select_from(CALLS).where(which)).one()))

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()


class Call:
    """One call that money is held for. Left alone, it stays as reserved."""

    def __init__(self, meter: Meter, identity: Identity, caps: Caps, *, id: int, amount: int) -> None:
        self.identity, self.caps, self.id = identity, caps, id
        self._meter, self._amount, self._held, self._lost = meter, amount, amount, 0

    def again(self) -> None:
        """Another try after one that may have been billed: hold as much once more. Raises Refusal at a cap."""
        self._meter.hold_more(self, self._amount)
        self._held += self._amount
        self._lost += self._amount

    def exceed(self, tokens: Tokens) -> None:
        """The provider reports more than was held for. Raises Refusal when that crosses a cap."""
        over = self._lost + self._cost(tokens) - self._held
        if over > 0:
            self._held += over
            self._meter.hold_more(self, over)

    def settle(self, tokens: Tokens) -> None:
        """The call's true cost is known; what earlier tries may have cost stays on top of it."""
        self._meter.settle(self, tokens, self._lost + self._cost(tokens))

    def forfeit(self, tokens: Tokens) -> None:
        """The call was cut: it costs what was held, or what it is known to have cost if that is more."""
        self._meter.settle(self, tokens, max(self._held, self._lost + self._cost(tokens)))

    def free(self) -> None:
        """The call certainly cost nothing."""
        self._meter.settle(self, Tokens(), self._lost)

    def _cost(self, tokens: Tokens) -> int:
        return self._meter.prices.rates(self.identity.model).cost(tokens)


def _of_issue(issue: int) -> sa.ColumnElement[bool]:
    return CALLS.c.session.in_(sa.select(SESSIONS.c.id).where(SESSIONS.c.issue == issue))


def _own(file: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{file}")
    sa.event.listen(engine, "connect", _durable)
    sa.event.listen(engine, "begin", _lock_at_once)
    return engine


def _shared(address: str) -> sa.Engine:
    engine = sa.create_engine(sa.make_url(address).set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    sa.event.listen(engine, "begin", _lock_the_meter)
    return engine


def _durable(connection: Any, _: Any) -> None:
    connection.isolation_level = None       # the driver's own transactions begin too late: see _lock_at_once
    for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _lock_at_once(connection: sa.Connection) -> None:
    """Take the write lock before the sum is read: two brokers must not both find the last dollar."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _lock_the_meter(connection: sa.Connection) -> None:
    """The same where there is no lock of the whole file: one transaction at a time, and a commit that is on the disk."""
    connection.exec_driver_sql("SET LOCAL synchronous_commit TO on")
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(METER)))
