"""What a session may spend, and what happens when a call would cross a cap.

A cap of a call, a session, a run or an issue is final for the issue. One of a day or a month pauses
the factory, and names the time at which it ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from harness.domain.shortened import in_dollars
from harness.programs.broker.prices import NANO, Rates, dollars
from harness.programs.broker.refusal import exhausted, paused
from harness.programs.broker.spending_totals import ScopeKeys


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """Who a session is for."""

    id: str
    run: str
    role: str
    issue: int
    attempt: int
    model: str


@dataclass(frozen=True, slots=True)
class SessionCaps:
    """What a session may spend.

    `calls` and `usd` bound the session itself. The others bound one call, its run, its issue (for
    life), this day and this month (UTC), in US dollars; None means no such cap. `rates` are its
    model's when `factory.toml` names them.
    """

    calls: int
    usd: Decimal
    usd_issue: Decimal | None = None
    usd_day: Decimal | None = None
    usd_call: Decimal | None = None
    usd_run: Decimal | None = None
    usd_month: Decimal | None = None
    rates: Rates | None = None


def scope_keys(identity: SessionIdentity, day: date) -> ScopeKeys:
    """The keys of the totals that a call of that day counts in."""
    return {
        "session": identity.id,
        "run": identity.run,
        "issue": identity.issue,
        "day": day.isoformat(),
        "month": day.replace(day=1).isoformat(),
        "next_month": _next_month(day).isoformat(),
    }


def check_call_cap(caps: SessionCaps, call: int, *, price_note: str) -> None:
    """Raises Refusal when one call of `call` nanodollars is above its own cap."""
    if caps.usd_call is not None and call > _nano(caps.usd_call):
        raise exhausted(
            f"the cap of ${caps.usd_call} for one call would be crossed: it may come to"
            f" {_dollars(call)}{price_note}"
        )


def check_total_caps(
    identity: SessionIdentity,
    caps: SessionCaps,
    spent: Mapping[str, int],
    *,
    more: int,
    day: date,
    now: float,
    price_note: str,
) -> None:
    """Raises Refusal when `more` nanodollars would cross a cap, the final ones first.

    `spent` is in nanodollars by scope. `now` is seconds since the epoch. The caps of a day and of a
    month raise a pause, unless the call alone is above them.
    """
    for name, scope, cap in (
        ("session", "session", caps.usd),
        (f"run {identity.run}", "run", caps.usd_run),
        (f"issue {identity.issue}", "issue", caps.usd_issue),
    ):
        if crossed := _crossed(name, cap, spent[scope], more):
            raise exhausted(crossed + price_note)
    for name, cap, ends in (
        ("month", caps.usd_month, _next_month(day)),
        ("day", caps.usd_day, day + timedelta(days=1)),
    ):
        if crossed := _crossed(name, cap, spent[name], more):
            # No new day helps a call that is above the whole cap.
            if cap is not None and more > _nano(cap):
                raise exhausted(f"{crossed}: more than a whole {name} may cost{price_note}")
            again = datetime.combine(ends, time.min, UTC).timestamp()
            raise paused(crossed + price_note, cause=name, again_at=again, now=now)


def _crossed(name: str, cap: Decimal | None, spent: int, more: int) -> str:
    """The message that `more` would cross a cap; empty when it would not, or when there is none."""
    if cap is None or spent + more <= _nano(cap):
        return ""
    return (
        f"the cap of ${cap} for this {name} would be crossed: {_dollars(spent)} are spent or"
        f" reserved, and {_dollars(more)} more may be needed"
    )


def _nano(usd: Decimal) -> int:
    """A cap in nanodollars. Fractions are cut off, so the cap never becomes larger."""
    return int(usd * NANO)


def _dollars(nano: int) -> str:
    amount = dollars(nano)
    # Estimates have nine decimals, and four of them say enough where they are not nothing.
    return in_dollars(round(amount, 4) or amount)


def _next_month(day: date) -> date:
    # Four days after the 28th is in the next month, however long this one is.
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
