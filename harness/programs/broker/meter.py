"""Counts the money. Every call is reserved before it is made and settled after it, in one table.

Properties:

- What was spent is never stored, only summed (`spending_totals.py`). A call costs what it was
  settled at, or its reservation while its end is unknown. So a killed broker counts too much and
  never too little, and the next broker settles in full what it left open. A reservation is on the
  disk before its call is made; a settlement may be lost with the machine.
- A call is settled once. A later settlement, of a process that slept or was thought dead, changes
  nothing.
- Total and reservation are one transaction under one lock, so no two processes both find the last
  dollar.
- A cap of a call, a session, a run or an issue is final for the issue. A cap of a day or a month
  pauses the factory and names the end of the pause. A meter that does not answer, or holds
  impossible amounts, is a pause as well: nobody spends what nobody counts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from time import time as now
from typing import Any

import sqlalchemy as sa

from harness.domain.spending import SpendingLine
from harness.programs.broker.caps import (
    SessionCaps,
    SessionIdentity,
    check_call_cap,
    check_total_caps,
    scope_keys,
)
from harness.programs.broker.prices import Prices, Rates, Tokens, dollars
from harness.programs.broker.refusal import Refusal, exhausted, paused
from harness.programs.broker.spending_totals import NegativeAmount, RecordedUsage, SpendingTotals
from harness.programs.broker.tables import (
    CALLS,
    COST,
    COUNTED,
    HELD,
    HOLD_CALL,
    HOLD_MORE,
    LOST,
    MAY_BE_LOST,
    SCHEMA,
    SESSIONS,
    SETTLE_CALL,
    add_missing_columns,
    postgres_engine,
    sqlite_engine,
)

_PAUSE_SECONDS = 60
_UNLISTED = (
    ", at the dearest price of the list, which has none of {}: give its own as [prices] in"
    " factory.toml"
)
_NEGATIVE = "it holds a negative amount, which it never wrote; put it back from a copy of the home"


class Meter:
    """The table of calls, and the caps that are checked against it.

    It is safe between processes: the store's write lock decides. `database` is a PostgreSQL
    address; when it is empty, the table is in the SQLite `file`. `replays` means that answers come
    from recordings: their cost is counted and never paid.
    """

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
        self._engine = postgres_engine(database) if database else sqlite_engine(file)
        self._settling = self._engine.execution_options(**{MAY_BE_LOST: True})
        self._totals = SpendingTotals()
        with self._engine.begin() as tx:
            SCHEMA.create_all(tx)
            add_missing_columns(tx)

    @property
    def engine(self) -> sa.Engine:
        """The store, for what is kept beside the money."""
        return self._engine

    def close(self) -> None:
        self._engine.dispose()

    def take(self, other: "Meter") -> int:
        """Copy what another meter has counted; returns how many calls. Raises ValueError unless
        this one is empty."""
        with other._engine.begin() as theirs, self._engine.begin() as tx:
            if tx.execute(sa.select(sa.func.count()).select_from(SESSIONS)).scalar_one():
                raise ValueError("something was counted here already")
            calls = 0
            # Sessions first: a call refers to its session.
            for table, rows in (
                (table, theirs.execute(sa.select(table)).all()) for table in (SESSIONS, CALLS)
            ):
                for row in rows:
                    tx.execute(table.insert().values(**row._asdict()))
                calls = len(rows)
            # PostgreSQL does not advance a sequence past ids that were inserted.
            if tx.dialect.name == "postgresql" and calls:
                tx.execute(
                    sa.text(
                        "SELECT setval(pg_get_serial_sequence('calls', 'id'), (SELECT max(id) FROM"
                        " calls))"
                    )
                )
            return calls

    def calls(self) -> int:
        """How many calls were counted."""
        with self._engine.begin() as tx:
            return int(tx.execute(sa.select(sa.func.count()).select_from(CALLS)).scalar_one())

    def settle_lost(self) -> int:
        """Settle in full what earlier brokers left open; returns how many calls. Only for the
        one running broker."""
        with self._engine.begin() as tx:
            return tx.execute(
                CALLS.update()
                .where(CALLS.c.cost.is_(None))
                .values(cost=CALLS.c.reserved, ending=LOST)
            ).rowcount

    def open(self, identity: SessionIdentity, caps: SessionCaps) -> None:
        """Note the session. Raises Refusal when nothing is left to spend; a pause when that
        holds for this day or month."""
        with self._spending() as tx:
            # One nanodollar: a session that can pay for nothing is refused before it begins.
            self._check_caps(tx, identity, caps, more=1, day=self._now().date())
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

    def reserve(self, identity: SessionIdentity, caps: SessionCaps, worst: Tokens) -> "Reservation":
        """Reserve the most that the call can cost. Raises Refusal at a cap, a pause when time
        helps."""
        day = self._now().date()
        rates = caps.rates or self.prices.rates(identity.model, day=day.isoformat())
        amount = rates.worst(worst)
        with self._spending() as tx:
            if (
                self._check_caps(tx, identity, caps, more=amount, call=amount, day=day)
                >= caps.calls
            ):
                raise exhausted(f"this session may make {caps.calls} calls, and has made them")
            number: int = tx.execute(
                HOLD_CALL, {"session": identity.id, "day": day.isoformat(), "reserved": amount}
            ).scalar_one()
            self._totals.add(scope_keys(identity, day), amount, calls=1)
        return Reservation(self, identity, caps, rates=rates, id=number, amount=amount, day=day)

    def spent_by_session(self, session: str) -> RecordedUsage:
        with self._engine.connect() as tx:
            return self._usage(tx, CALLS.c.session == session)

    def spent_on_issue(self, issue: int) -> RecordedUsage:
        with self._engine.connect() as tx:
            return self._usage(tx, _of_issue(issue))

    def lines(self, *, since: str = "") -> tuple[SpendingLine, ...]:
        """All that was counted since the day `since` (ISO 8601, UTC), one line per session and
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

    def hold_more(self, call: "Reservation", amount: int, *, whole: int) -> None:
        """Reserve `amount` more for a call in flight, which may then cost `whole`. Raises
        Refusal as `reserve` does."""
        with self._spending() as tx:
            self._check_caps(tx, call.identity, call.caps, more=amount, call=whole, day=call.day)
            # Not when it was settled meanwhile.
            if tx.execute(HOLD_MORE, {"of_call": call.id, "more": amount}).scalar_one() is None:
                self._totals.add(scope_keys(call.identity, call.day), amount)

    def settle(
        self, call: "Reservation", tokens: Tokens, cost: int, *, held: int, ending: str = COUNTED
    ) -> None:
        """What the call cost, once: a settled call stays as it is.

        When that is no more than was held for it, this does not wait for the disk.
        """
        with self._transaction(self._settling if cost <= held else self._engine) as tx:
            reserved = tx.execute(
                SETTLE_CALL,
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
            # None when it was settled before: then the totals must not change again.
            if reserved is not None:
                self._totals.add(scope_keys(call.identity, call.day), cost - reserved)

    @contextmanager
    def _spending(self) -> Iterator[sa.Connection]:
        """A transaction that spends money. Raises Refusal, a pause, when the meter cannot count."""
        try:
            with self._transaction(self._engine) as tx:
                yield tx
        # The error's own text shows the address.
        except sa.exc.DBAPIError as error:
            raise self._meter_fault(str(error.orig).strip().partition("\n")[0]) from error

    @contextmanager
    def _transaction(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """A transaction. When it fails, the totals are summed again."""
        try:
            with engine.begin() as tx:
                yield tx
        # Also on an interrupt: nobody knows then whether the commit happened.
        except BaseException:
            self._totals.forget()
            raise

    def _meter_fault(self, why: str) -> Refusal:
        at = self._clock()
        return paused(
            f"the meter does not count: {why}; nothing is spent until it does",
            cause="meter",
            again_at=at + _PAUSE_SECONDS,
            now=at,
        )

    def _check_caps(
        self,
        tx: sa.Connection,
        identity: SessionIdentity,
        caps: SessionCaps,
        *,
        more: int,
        day: date,
        call: int = 0,
    ) -> int:
        """Raises Refusal when `more` on a call of that `day` would cross a cap. Returns the
        session's calls so far."""
        is_priced = caps.rates or self.prices.lists(identity.model, day=day.isoformat())
        price_note = "" if is_priced else _UNLISTED.format(identity.model)
        check_call_cap(caps, call, price_note=price_note)
        try:
            calls, spent = self._totals.of(tx, scope_keys(identity, day))
        except NegativeAmount:
            raise self._meter_fault(_NEGATIVE) from None
        now = self._clock()
        check_total_caps(identity, caps, spent, more=more, day=day, now=now, price_note=price_note)
        return calls

    def _usage(self, tx: sa.Connection, which: sa.ColumnElement[bool]) -> RecordedUsage:
        fresh = CALLS.c.input + CALLS.c.cache_write + CALLS.c.cache_write_1h
        sums = (
            sa.func.coalesce(sa.func.sum(column), 0)
            for column in (fresh, CALLS.c.output, CALLS.c.cache_read, COST)
        )
        return RecordedUsage(
            *map(
                int,
                tx.execute(sa.select(sa.func.count(), *sums).select_from(CALLS).where(which)).one(),
            )
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


class Reservation:
    """The money that is held for one call. Left alone, it stays reserved."""

    def __init__(
        self,
        meter: Meter,
        identity: SessionIdentity,
        caps: SessionCaps,
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
        """Hold as much once more, for another try after one that may have been billed. Raises
        Refusal at a cap."""
        self._meter.hold_more(self, self._amount, whole=self._amount)
        self._held += self._amount
        self._lost += self._amount

    def exceed(self, tokens: Tokens) -> None:
        """The provider reports more than was held. Raises Refusal when that crosses a cap."""
        cost = self._rates.cost(tokens)
        over = self._lost + cost - self._held
        if over > 0:
            self._held += over
            self._meter.hold_more(self, over, whole=cost)

    def settle(self, tokens: Tokens) -> None:
        """The call's true cost is known. What earlier tries may have cost is added to it."""
        self._meter.settle(self, tokens, self._lost + self._rates.cost(tokens), held=self._held)

    def forfeit(self, tokens: Tokens) -> None:
        """The call was cut. It costs what was held, or its known cost if that is more."""
        self._meter.settle(
            self,
            tokens,
            max(self._held, self._lost + self._rates.cost(tokens)),
            held=self._held,
            ending=HELD,
        )

    def free(self) -> None:
        """The call certainly cost nothing."""
        # Earlier tries of the same call may have been billed.
        self._meter.settle(self, Tokens(), self._lost, held=self._held)


def _line(row: Sequence[Any]) -> SpendingLine:
    """A `Line` of one row of `lines`. PostgreSQL returns a sum as a Decimal."""
    session, run, role, issue, model, day, replayed, *sums = row
    calls, read, cached, output, *money = map(int, sums)
    settled, held, opened = map(dollars, money)
    return SpendingLine(
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


def _of(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return CALLS.c.session.in_(sa.select(SESSIONS.c.id).where(which))


def _of_issue(issue: int) -> sa.ColumnElement[bool]:
    return _of(SESSIONS.c.issue == issue)
