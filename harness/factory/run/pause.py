"""A pause: for a while no model is asked, because a daily or monthly cap is used up, or a provider
has no more to give.

Properties:
- a pause counts against no issue, no attempt and no model; the run that met it stays open, as in a
  forge outage;
- while it is in force nothing begins that would ask a model, and what was approved still lands;
- it is in the ledger, so a restart keeps it;
- it ends by itself at the moment it names, or earlier by `factory resume` or a raised cap;
- a pause of one issue, for what its own sessions met at a provider, delays that issue alone, and
  not for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from harness.domain.budget import Caps
from harness.domain.errors import ModelsPaused
from harness.domain.events import CommandGiven, PauseBegan, PauseLifted
from harness.domain.ledger import Recorded
from harness.domain.workflow import NodeResult
from harness.factory.records.brakes import RESUME
from harness.factory.run.node import failed
from harness.ports.ledger import Ledger, recorded

if TYPE_CHECKING:
    from harness.factory.run.services import Services

PAUSE = "pause"
"""The key of a node's output that a pause a pause."""
BY_MONEY = frozenset({"day", "month"})
ISSUE_CAUSE = "issue"
"""The cause of a pause that holds for one issue."""
MOST_PAUSES = 10
"""How often a run is paused for what its own sessions met. Then that is a failure like any
other."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why and how long no model is asked. `cause` is `day`, `month`, `provider`, `meter` or
    `issue`; `why` may hold text from outside."""

    cause: str
    why: str
    since: datetime
    until: datetime

    @property
    def summary(self) -> str:
        return f"no model is asked until {self.until:%Y-%m-%d %H:%M} UTC: {self.why}"


def result_of_pause(error: ModelsPaused) -> NodeResult:
    """The result of a node that could not ask a model. It decides nothing, and the node is made
    again."""
    return failed(
        str(error),
        retryable=False,
        pause={"cause": error.cause, "until": error.again_at.isoformat()},
    )


def is_paused(result: NodeResult) -> bool:
    """Whether no model could be asked, so that nothing follows from this result."""
    return not result.outcome.succeeded and PAUSE in result.output


def pause_in_force(ledger: Ledger, now: datetime) -> Pause | None:
    """The pause of the whole factory that lasts longest, if there is one at `now`."""
    return max(
        (_of(entry) for entry in _in_force(ledger, now) if entry.event.issue is None),
        key=lambda one: one.until,
        default=None,
    )


def last_pause(ledger: Ledger) -> Pause | None:
    """The pause of the whole factory that began last, also if it is over."""
    began = [one for one in recorded(ledger, PauseBegan) if one.event.issue is None]
    return _of(began[-1]) if began else None


def paused_issues(ledger: Ledger, now: datetime) -> Mapping[int, Pause]:
    """The issues that are paused by themselves, whatever holds for the others."""
    return {
        entry.event.issue: _of(entry)
        for entry in _in_force(ledger, now)
        if entry.event.issue is not None
    }


def lift_pauses_below_raised_caps(services: Services, caps: Caps) -> None:
    """End each pause for money where its cap is higher now than when the pause began."""
    for entry in _in_force(services.ledger, services.clock.now()):
        cause = entry.event.cause
        if cause in BY_MONEY and _cap(cause, caps) > entry.event.caps[cause]:
            lifted = PauseLifted(entry.key, cap=str(_cap(cause, caps)))
            services.ledger.append(lifted, f"{entry.key}/lifted")


def record_pause(
    services: Services, caps: Caps, issue: int, run: str, missed: Iterable[NodeResult]
) -> bool:
    """Whether nodes of this run could not ask a model. Then record the pause, and keep the run
    open.

    The engine remembers the results, so the run's engine keys get a new generation. A run that met
    `MOST_PAUSES` of its own is not kept open once more."""
    paused = [one for one in missed if is_paused(one)]
    if not paused:
        return False
    # A pause of the whole factory goes before one of this issue; then the longest one counts.
    last = max(paused, key=lambda one: (_cause(one) != ISSUE_CAUSE, _until(one)))
    until, now = _until(last), services.clock.now()
    is_of_one = _cause(last) == ISSUE_CAUSE
    pauses = [entry.event for entry in recorded(services.ledger, PauseBegan)]
    times = sum(pause.run == run and pause.issue is not None for pause in pauses)
    # Whoever controls an issue's text may provoke its provider; that must not keep a run open for
    # ever.
    if is_of_one and times >= MOST_PAUSES:
        return False
    ledger = services.ledger
    current = paused_issues(ledger, now).get(issue) if is_of_one else pause_in_force(ledger, now)
    # Two runs may meet the same limit: the pause is recorded once, and only ever extended.
    if until > now and (current is None or current.until < until):
        services.ledger.append(
            PauseBegan(
                cause=_cause(last),
                why=last.message[:500],
                until=last.output[PAUSE]["until"],
                run=run,
                caps={cause: _cap(cause, caps) for cause in sorted(BY_MONEY)},
                issue=issue if is_of_one else None,
            ),
            f"pause/{len(pauses) + 1}",
        )
    times = sum(
        entry.key.startswith(f"{run}/paused/") for entry in services.ledger.entries(kind="command")
    )
    services.ledger.append(
        CommandGiven(RESUME, why=last.message[:200]), f"{run}/paused/{times}", run=run
    )
    return True


def _cause(result: NodeResult) -> str:
    return str(result.output[PAUSE]["cause"])


def _until(result: NodeResult) -> datetime:
    return datetime.fromisoformat(result.output[PAUSE]["until"])


def _in_force(ledger: Ledger, now: datetime) -> tuple[Recorded[PauseBegan], ...]:
    """The pauses that are neither over, nor lifted, nor ended by a resume of the whole factory."""
    resumed = max(
        (
            entry.seq
            for entry in recorded(ledger, CommandGiven)
            if entry.run is None and entry.event.command == RESUME
        ),
        default=0,
    )
    lifted = {entry.event.pause for entry in recorded(ledger, PauseLifted)}
    return tuple(
        entry
        for entry in recorded(ledger, PauseBegan)
        if entry.seq > resumed and entry.key not in lifted and _of(entry).until > now
    )


def _of(entry: Recorded[PauseBegan]) -> Pause:
    began, until = (datetime.fromisoformat(one) for one in (entry.at, entry.event.until))
    return Pause(entry.event.cause, entry.event.why, began, until)


def _cap(cause: str, caps: Caps) -> Decimal:
    return caps.usd_per_day if cause == "day" else caps.usd_per_month
