"""A pause: for a while no model is asked, because what a day or a month may cost is used up, or a
provider has no more to give.

Properties: no issue, no attempt and no model is counted for it, and the run that met it stays open,
as with a forge that is away; while it is in force nothing begins that would ask a model, and what
was approved still lands; it is in the ledger, so a restart keeps it; it ends by itself, at the
moment it names, or earlier by `factory resume` or a cap that was raised. A pause of one issue, for
what its own sessions met at a provider, holds up that issue alone, and not for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from harness.domain.budget import Caps
from harness.domain.errors import ModelsPaused
from harness.domain.ledger import Entry
from harness.domain.workflow import NodeResult
from harness.factory.records.history import RESUME
from harness.factory.run.node import failed
from harness.ports.ledger import Ledger

if TYPE_CHECKING:
    from harness.factory.run.services import Services

PAUSE = "pause"
"""The kind of entry that says it, and the key of a node's output by which it is known."""
PAUSE_LIFTED = "pause-lifted"
BY_MONEY = frozenset({"day", "month"})
ISSUE_CAUSE = "issue"
"""The cause of a pause that is of one issue."""
MOST_TIMES = 10
"""A run is paused that often for what its own sessions met alone; then that is a failure like any
other."""


@dataclass(frozen=True, slots=True)
class Pause:
    """`cause` is `day`, `month`, `provider`, `meter` or `issue`; `why` may hold text from
    outside."""

    cause: str
    why: str
    since: datetime
    until: datetime

    @property
    def says(self) -> str:
        return f"no model is asked until {self.until:%Y-%m-%d %H:%M} UTC: {self.why}"


def result_of_pause(error: ModelsPaused) -> NodeResult:
    """What a node gives that could not ask: it is made again, and nothing follows from this."""
    return failed(
        str(error),
        retryable=False,
        pause={"cause": error.cause, "until": error.again_at.isoformat()},
    )


def is_paused(result: NodeResult) -> bool:
    """Whether nobody could be asked, so that nothing follows from this."""
    return not result.outcome.succeeded and PAUSE in result.output


def pause_in_force(ledger: Ledger, now: datetime) -> Pause | None:
    """The pause of everybody that lasts longest, where there is one at `now`."""
    return max(
        (_of(entry) for entry in _in_force(ledger, now) if "issue" not in entry.data),
        key=lambda one: one.until,
        default=None,
    )


def paused_issues(ledger: Ledger, now: datetime) -> Mapping[int, Pause]:
    """The issues that are paused by themselves, whatever holds for the others."""
    return {
        entry.data["issue"]: _of(entry) for entry in _in_force(ledger, now) if "issue" in entry.data
    }


def lift_pauses_below_raised_caps(services: Services, caps: Caps) -> None:
    """Where more may be spent now than when a pause for money began, it is over."""
    for entry in _in_force(services.ledger, services.clock.now()):
        cause = entry.data["cause"]
        if cause in BY_MONEY and _cap(cause, caps) > Decimal(entry.data["caps"][cause]):
            services.ledger.append(
                PAUSE_LIFTED,
                f"{entry.key}/lifted",
                data={"pause": entry.key, "cap": str(_cap(cause, caps))},
            )


def record_pause(
    services: Services, caps: Caps, issue: int, run: str, missed: Iterable[NodeResult]
) -> bool:
    """Whether nodes of this run could ask nobody. Then that is in the ledger, the run is to stay
    open, and its engine's keys are of a new generation, for the engine remembers. Not for the
    eleventh time where only this issue met it."""
    told = [one for one in missed if is_paused(one)]
    if not told:
        return False
    last = max(told, key=lambda one: (_cause(one) != ISSUE_CAUSE, _until(one)))
    until, now = _until(last), services.clock.now()
    whose = {"issue": issue} if _cause(last) == ISSUE_CAUSE else {}
    times = sum(
        entry.data["run"] == run and "issue" in entry.data
        for entry in services.ledger.entries(kind=PAUSE)
    )
    if whose and times >= MOST_TIMES:
        return False
    known = (
        paused_issues(services.ledger, now).get(issue)
        if whose
        else pause_in_force(services.ledger, now)
    )
    if until > now and (known is None or known.until < until):
        services.ledger.append(
            PAUSE,
            f"pause/{len(services.ledger.entries(kind=PAUSE)) + 1}",
            data={
                **last.output[PAUSE],
                **whose,
                "why": last.message[:500],
                "run": run,
                "caps": {cause: str(_cap(cause, caps)) for cause in sorted(BY_MONEY)},
            },
        )
    turn = sum(
        entry.key.startswith(f"{run}/paused/") for entry in services.ledger.entries(kind="command")
    )
    services.ledger.append(
        "command",
        f"{run}/paused/{turn}",
        run=run,
        data={"command": RESUME, "why": last.message[:200]},
    )
    return True


def _cause(result: NodeResult) -> str:
    return str(result.output[PAUSE]["cause"])


def _until(result: NodeResult) -> datetime:
    return datetime.fromisoformat(result.output[PAUSE]["until"])


def _in_force(ledger: Ledger, now: datetime) -> tuple[Entry, ...]:
    resumed = max(
        (
            entry.seq
            for entry in ledger.entries(kind="command")
            if entry.run is None and entry.data["command"] == RESUME
        ),
        default=0,
    )
    lifted = {entry.data["pause"] for entry in ledger.entries(kind=PAUSE_LIFTED)}
    return tuple(
        entry
        for entry in ledger.entries(kind=PAUSE)
        if entry.seq > resumed and entry.key not in lifted and _of(entry).until > now
    )


def _of(entry: Entry) -> Pause:
    return Pause(
        entry.data["cause"],
        entry.data["why"],
        datetime.fromisoformat(entry.at),
        datetime.fromisoformat(entry.data["until"]),
    )


def _cap(cause: str, caps: Caps) -> Decimal:
    return caps.usd_per_day if cause == "day" else caps.usd_per_month
