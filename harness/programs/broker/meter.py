"""The money: every call is reserved before it is made and settled after it, in one table, of SQLite
or of PostgreSQL.

Properties kept:
- what was spent is never stored, only summed (`standing.py`): a call costs what it was settled at,
  or its reservation while its end is not known. A broker that is killed therefore over-counts, and
  never under-counts; the next one settles what it left, in full. So a reservation is on the disk
  before its call is made, and a settlement may be lost with the machine;
- a call is settled once: who comes later, because it slept or was thought dead, changes nothing;
- sum and reservation are one transaction under one lock, so that no two processes both find the
  last dollar;
- a cap of a call, a session, a run or an issue is final for the issue; one of a day or a month
  pauses the factory, and says until when. A meter that does not answer, or holds what cannot be, is
  a pause as well: nobody spends what nobody counts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from time import time as now
from typing import Any

import sqlalchemy as sa

from harness.domain.spending import Line
from harness.programs.broker.prices import NANO, Prices, Rates, Tokens, dollars
from harness.programs.broker.refusal import Refusal, exhausted, paused
from harness.programs.broker.spent import Impossible, Standing, Which

_SCHEMA = sa.MetaData()
SESSIONS = sa.Table(
    "sessions",
    _SCHEMA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("issue", sa.Integer, nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("opened_at", sa.Float, nullable=False),
    # null, from before this was noted: paid for
    sa.Column("replayed", sa.Boolean),
)
CALLS = sa.Table(
    "calls",
    _SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("session", sa.ForeignKey("sessions.id"), nullable=False, index=True),
    # UTC, the day of the reservation
    sa.Column("day", sa.String, nullable=False, index=True),
    # nanodollars
    sa.Column("reserved", sa.BigInteger, nullable=False),
    # nanodollars; null until settled
    sa.Column("cost", sa.BigInteger),
    # COUNTED, HELD, LOST; null until settled
    sa.Column("ending", sa.String),
    *(
        sa.Column(name, sa.Integer, nullable=False, default=0)
        for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")
    ),
)
# a month is summed before each call
_BY_DAY = sa.Index("calls_by_day", CALLS.c.day, CALLS.c.cost, CALLS.c.reserved)
COUNTED, HELD, LOST = "counted", "held", "lost"
"""How a call was settled: by the provider's count, as cut in the middle, or by the broker after the
one that died."""
METER = int.from_bytes(b"meter")
"""The advisory lock of a transaction on these tables."""
_COST = sa.func.coalesce(CALLS.c.cost, CALLS.c.reserved)
_HOLD = CALLS.insert().returning(CALLS.c.id)
_SETTLE = (
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
_HOLD_MORE = (
    CALLS.update()
    .where(CALLS.c.id == sa.bindparam("of_call"))
    .values(reserved=CALLS.c.reserved + sa.bindparam("more"))
    .returning(CALLS.c.cost)
)
_PAUSE_SECONDS = 60
_UNLISTED = (
    ", at the dearest price of the list, which has none of {}: give its own as [prices] in"
    " factory.toml"
)
_MAY_BE_LOST = "may_be_lost"


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
    """What a session may do: its own calls and US dollars, and what a call of it, its run, its
    issue (for life), this day and this month (UTC) may cost; None where there is no such cap.
    `rates` are its model's where `factory.toml` names them."""

    calls: int
    usd: Decimal
    usd_issue: Decimal | None = None
    usd_day: Decimal | None = None
    usd_call: Decimal | None = None
    usd_run: Decimal | None = None
    usd_month: Decimal | None = None
    rates: Rates | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used so far. `cost` is in nanodollars and includes what is still reserved."""

    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cost: int

    def document(self) -> dict[str, Any]:
        """As JSON; the money is a decimal text, because a number there is a binary fraction to most
        who read it."""
        return {
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cost_usd": f"{dollars(self.cost).normalize():f}",
        }


class Meter:
    """The table, and the caps that are checked against it. Safe between processes: the store's
    write lock decides.

    `database` is a PostgreSQL's address; where it is empty, the table is in the SQLite `file`.
    `replays`: the answers of its sessions come from recordings, and what they cost is counted and
    never paid."""

    def __init__(
        self,
        file: Path,
        prices: Prices,
        *,
        database: str = "",
        replays: bool = False,
        clock: Callable[[], float] = now,
    ) -> None:
        self.prices, self._replays, self._clock = prices, replays, clock
        self._engine = _shared(database) if database else _own(file)
        self._settling = self._engine.execution_options(**{_MAY_BE_LOST: True})
        self._standing = Standing()
        with self._engine.begin() as tx:
            _SCHEMA.create_all(tx)
            _bring_up_to_date(tx)

    @property
    def engine(self) -> sa.Engine:
        """The store, for what is kept beside the money."""
        return self._engine

    def close(self) -> None:
        self._engine.dispose()

    def take(self, other: "Meter") -> int:
        """Begin with what another meter has counted; how many calls that is. Raises ValueError
        where something is here."""
        with other._engine.begin() as theirs, self._engine.begin() as tx:
            if tx.execute(sa.select(sa.func.count()).select_from(SESSIONS)).scalar_one():
                raise ValueError("something was counted here already")
            calls = 0
            for table, rows in (
                (table, theirs.execute(sa.select(table)).all()) for table in (SESSIONS, CALLS)
            ):
                for row in rows:
                    tx.execute(table.insert().values(**row._asdict()))
                calls = len(rows)
            # numbers that were given are not counted on by themselves
            if tx.dialect.name == "postgresql" and calls:
                tx.execute(
                    sa.text(
                        "SELECT setval(pg_get_serial_sequence('calls', 'id'), (SELECT max(id) FROM"
                        " calls))"
                    )
                )
            return calls

    def settle_lost(self) -> int:
        """Settle in full what brokers before this one left open; how many calls that was. For the
        one broker at work only."""
        with self._engine.begin() as tx:
            return tx.execute(
                CALLS.update()
                .where(CALLS.c.cost.is_(None))
                .values(cost=CALLS.c.reserved, ending=LOST)
            ).rowcount

    def open(self, identity: Identity, caps: Caps) -> None:
        """Note the session. Raises Refusal when nothing is left to spend, a pause where that is so
        for this day or month."""
        with self._spending() as tx:
            self._check(tx, identity, caps, more=1, day=self._now().date())
            tx.execute(
                SESSIONS.insert().values(
                    id=identity.id,
                    run=identity.run,
                    role=identity.role,
                    issue=identity.issue,
                    attempt=identity.attempt,
                    model=identity.model,
                    opened_at=self._clock(),
                    replayed=self._replays,
                )
            )

    def reserve(self, identity: Identity, caps: Caps, worst: Tokens) -> "Call":
        """Hold back the most that the call can cost. Raises Refusal when a cap would be crossed, a
        pause where time helps."""
        day = self._now().date()
        rates = caps.rates or self.prices.rates(identity.model, day=day.isoformat())
        amount = rates.worst(worst)
        with self._spending() as tx:
            if self._check(tx, identity, caps, more=amount, call=amount, day=day) >= caps.calls:
                raise exhausted(f"this session may make {caps.calls} calls, and has made them")
            number: int = tx.execute(
                _HOLD, {"session": identity.id, "day": day.isoformat(), "reserved": amount}
            ).scalar_one()
            self._standing.add(_whose(identity, day), amount, calls=1)
        return Call(self, identity, caps, rates=rates, id=number, amount=amount, day=day)

    def spent_by_session(self, session: str) -> Spent:
        with self._engine.connect() as tx:
            return self._spent(tx, CALLS.c.session == session)

    def spent_on_issue(self, issue: int) -> Spent:
        with self._engine.connect() as tx:
            return self._spent(tx, _of_issue(issue))

    def lines(self, *, since: str = "") -> tuple[Line, ...]:
        """All that was counted since the day `since` (ISO 8601, UTC), a line for each session and
        day."""
        read = CALLS.c.input + CALLS.c.cache_read + CALLS.c.cache_write + CALLS.c.cache_write_1h
        held = sa.case((CALLS.c.ending.in_((HELD, LOST)), CALLS.c.cost), else_=0)
        opened = sa.case((CALLS.c.cost.is_(None), CALLS.c.reserved), else_=0)
        sums = (
            read,
            CALLS.c.cache_read,
            CALLS.c.output,
            sa.func.coalesce(CALLS.c.cost, 0) - held,
            held,
            opened,
        )
        who = (
            SESSIONS.c.id,
            SESSIONS.c.run,
            SESSIONS.c.role,
            SESSIONS.c.issue,
            SESSIONS.c.model,
            CALLS.c.day,
            sa.func.coalesce(SESSIONS.c.replayed, sa.false()),
        )
        asked = sa.select(*who, sa.func.count(), *map(sa.func.sum, sums)).join_from(CALLS, SESSIONS)
        with self._engine.connect() as tx:
            rows = tx.execute(asked.where(CALLS.c.day >= since).group_by(*who).order_by(*who)).all()
        return tuple(map(_line, rows))

    def hold_more(self, call: "Call", amount: int, *, whole: int) -> None:
        """Reserve `amount` on top for a call in flight, which may come to `whole` then. Raises
        Refusal as `reserve` does."""
        with self._spending() as tx:
            self._check(tx, call.identity, call.caps, more=amount, call=whole, day=call.day)
            # not settled meanwhile
            if tx.execute(_HOLD_MORE, {"of_call": call.id, "more": amount}).scalar_one() is None:
                self._standing.add(_whose(call.identity, call.day), amount)

    def settle(
        self, call: "Call", tokens: Tokens, cost: int, *, held: int, ending: str = COUNTED
    ) -> None:
        """What the call came to, once: one that was settled stays as it is. Where that is no more
        than was held for it, the disk is not waited for."""
        with self._kept_up(self._settling if cost <= held else self._engine) as tx:
            reserved = tx.execute(
                _SETTLE,
                {
                    "of_call": call.id,
                    "new_cost": cost,
                    "new_ending": ending,
                    "new_input": tokens.input,
                    "new_output": tokens.output,
                    "new_cache_read": tokens.cache_read,
                    "new_cache_write": tokens.cache_write,
                    "new_cache_write_1h": tokens.cache_write_1h,
                },
            ).scalar_one_or_none()
            if reserved is not None:
                self._standing.add(_whose(call.identity, call.day), cost - reserved)

    @contextmanager
    def _spending(self) -> Iterator[sa.Connection]:
        """A transaction that money is spent by. Raises Refusal, a pause, where it cannot be
        counted."""
        try:
            with self._kept_up(self._engine) as tx:
                yield tx
        # its own words show the address
        except sa.exc.DBAPIError as error:
            raise self._uncounted(str(error.orig).strip().partition("\n")[0]) from error

    @contextmanager
    def _kept_up(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """A transaction; where it fails, what was summed is summed again."""
        try:
            with engine.begin() as tx:
                yield tx
        except BaseException:
            self._standing.forget()
            raise

    def _uncounted(self, why: str) -> Refusal:
        at = self._clock()
        return paused(
            f"the meter does not count: {why}; nothing is spent until it does",
            cause="meter",
            again_at=at + _PAUSE_SECONDS,
            now=at,
        )

    def _check(
        self,
        tx: sa.Connection,
        identity: Identity,
        caps: Caps,
        *,
        more: int,
        day: date,
        call: int = 0,
    ) -> int:
        """Raise where `more` on a call of that `day` would cross a cap, the final ones first; the
        session's calls so far."""
        price = (
            ""
            if caps.rates or self.prices.lists(identity.model, day=day.isoformat())
            else _UNLISTED.format(identity.model)
        )
        if caps.usd_call is not None and call > _nano(caps.usd_call):
            raise exhausted(
                f"the cap of ${caps.usd_call} for one call would be crossed: it may come to"
                f" ${_shown(call)}{price}"
            )
        tomorrow, next_month = day + timedelta(days=1), _next_month(day)
        try:
            calls, spent = self._standing.of(tx, _whose(identity, day))
        except Impossible:
            why = (
                "it holds a negative amount, which it never wrote; put it back from a copy of the"
                " home"
            )
            raise self._uncounted(why) from None
        for name, scope, cap in (
            ("session", "session", caps.usd),
            (f"run {identity.run}", "run", caps.usd_run),
            (f"issue {identity.issue}", "issue", caps.usd_issue),
        ):
            if crossed := _crossed(name, cap, spent[scope], more):
                raise exhausted(crossed + price)
        for name, cap, ends in (
            ("month", caps.usd_month, next_month),
            ("day", caps.usd_day, tomorrow),
        ):
            if crossed := _crossed(name, cap, spent[name], more):
                if cap is not None and more > _nano(cap):
                    raise exhausted(f"{crossed}: more than a whole {name} may cost{price}")
                again = datetime.combine(ends, time.min, UTC).timestamp()
                raise paused(crossed + price, cause=name, again_at=again, now=self._clock())
        return calls

    def _spent(self, tx: sa.Connection, which: sa.ColumnElement[bool]) -> Spent:
        fresh = CALLS.c.input + CALLS.c.cache_write + CALLS.c.cache_write_1h
        sums = (
            sa.func.coalesce(sa.func.sum(column), 0)
            for column in (fresh, CALLS.c.output, CALLS.c.cache_read, _COST)
        )
        return Spent(
            *map(
                int,
                tx.execute(sa.select(sa.func.count(), *sums).select_from(CALLS).where(which)).one(),
            )
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


class Call:
    """One call that money is held for. Left alone, it stays as reserved."""

    def __init__(
        self,
        meter: Meter,
        identity: Identity,
        caps: Caps,
        *,
        rates: Rates,
        id: int,
        amount: int,
        day: date,
    ) -> None:
        self.identity, self.caps, self.id, self.day = identity, caps, id, day
        self._meter, self._rates, self._amount, self._held, self._lost = (
            meter,
            rates,
            amount,
            amount,
            0,
        )

    def again(self) -> None:
        """Another try after one that may have been billed: hold as much once more. Raises Refusal
        at a cap."""
        self._meter.hold_more(self, self._amount, whole=self._amount)
        self._held += self._amount
        self._lost += self._amount

    def exceed(self, tokens: Tokens) -> None:
        """The provider reports more than was held for. Raises Refusal when that crosses a cap."""
        cost = self._rates.cost(tokens)
        over = self._lost + cost - self._held
        if over > 0:
            self._held += over
            self._meter.hold_more(self, over, whole=cost)

    def settle(self, tokens: Tokens) -> None:
        """The call's true cost is known; what earlier tries may have cost stays on top of it."""
        self._meter.settle(self, tokens, self._lost + self._rates.cost(tokens), held=self._held)

    def forfeit(self, tokens: Tokens) -> None:
        """The call was cut: it costs what was held, or what it is known to have cost if that is
        more."""
        self._meter.settle(
            self,
            tokens,
            max(self._held, self._lost + self._rates.cost(tokens)),
            held=self._held,
            ending=HELD,
        )

    def free(self) -> None:
        """The call certainly cost nothing."""
        self._meter.settle(self, Tokens(), self._lost, held=self._held)


def _line(row: Sequence[Any]) -> Line:
    """One row of what `lines` asks for; a sum is a Decimal to PostgreSQL."""
    session, run, role, issue, model, day, replayed, *sums = row
    calls, read, cached, output, *money = map(int, sums)
    settled, held, opened = map(dollars, money)
    return Line(
        session,
        run,
        role,
        issue,
        model,
        day,
        replayed=bool(replayed),
        calls=calls,
        input_tokens=read,
        cache_read_tokens=cached,
        output_tokens=output,
        settled=settled,
        held=held,
        open=opened,
    )


def _crossed(name: str, cap: Decimal | None, spent: int, more: int) -> str:
    """In which words `more` would cross a cap; empty where it would not, or where there is none."""
    if cap is None or spent + more <= _nano(cap):
        return ""
    return (
        f"the cap of ${cap} for this {name} would be crossed: ${_shown(spent)} are spent or"
        f" reserved, and ${_shown(more)} more may be needed"
    )


def _whose(identity: Identity, day: date) -> Which:
    """Whose money a call of that day is."""
    return {
        "session": identity.id,
        "run": identity.run,
        "issue": identity.issue,
        "day": day.isoformat(),
        "month": day.replace(day=1).isoformat(),
        "next_month": _next_month(day).isoformat(),
    }


def _of(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return CALLS.c.session.in_(sa.select(SESSIONS.c.id).where(which))


def _of_issue(issue: int) -> sa.ColumnElement[bool]:
    return _of(SESSIONS.c.issue == issue)


def _nano(usd: Decimal) -> int:
    """A cap in nanodollars; what is finer than that is cut off, so that the cap is never the larger
    for it."""
    return int(usd * NANO)


def _shown(nano: int) -> str:
    return f"{dollars(nano):.4f}"


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _bring_up_to_date(tx: sa.Connection) -> None:
    """Add the columns that a table of an earlier version lacks. They are empty there, and that is a
    value."""
    for table in _SCHEMA.sorted_tables:
        there = {column["name"] for column in sa.inspect(tx).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(tx.dialect)
                tx.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}")
    _BY_DAY.create(tx, checkfirst=True)


def _own(file: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{file}")
    sa.event.listen(engine, "connect", _durable)
    sa.event.listen(engine, "begin", _lock_at_once)
    return engine


def _shared(address: str) -> sa.Engine:
    engine = sa.create_engine(
        sa.make_url(address).set(drivername="postgresql+psycopg"), pool_pre_ping=True
    )
    sa.event.listen(engine, "begin", _lock_the_meter)
    return engine


def _durable(connection: Any, _: Any) -> None:
    # the driver's own transactions begin too late: see _lock_at_once
    connection.isolation_level = None
    for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL"):
        connection.execute(f"PRAGMA {pragma}")


def _lock_at_once(connection: sa.Connection) -> None:
    """Take the write lock before the sum is read: two brokers must not both find the last
    dollar."""
    connection.exec_driver_sql(
        f"PRAGMA synchronous={'NORMAL' if _may_be_lost(connection) else 'FULL'}"
    )
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _lock_the_meter(connection: sa.Connection) -> None:
    """The same where there is no lock of the whole file: one transaction at a time, and a commit
    that is on the disk."""
    connection.exec_driver_sql(
        f"SET LOCAL synchronous_commit TO {'off' if _may_be_lost(connection) else 'on'}"
    )
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(METER)))


def _may_be_lost(connection: sa.Connection) -> bool:
    """Whether the machine may lose the transaction with its power: what goes back to what was held
    then, over-counts."""
    return bool(connection.get_execution_options().get(_MAY_BE_LOST))
