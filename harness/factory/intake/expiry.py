"""What is closed when its time runs out: a rejection that nobody appealed against, a question that
nobody answered.

The day was told to the filer when the decision was made, and is in the ledger with it: a change of
the configuration takes nothing back. An answer or an appeal is taken in before this is asked, and
reopens what was closed already."""

from datetime import datetime, timedelta

from harness.domain.lifecycle import Event, State
from harness.factory.records.history import RAN_OUT, History, history
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.effects import effect
from harness.factory.run.policy_snapshot import Steering
from harness.factory.run.services import Plant


def close_what_ran_out(plant: Plant, steering: Steering) -> None:
    """Close every issue whose time is over, each once. Killed at any instant, the next tick goes on
    from there."""
    now = plant.clock.now()
    for told in plant.known.those(has_a_day):
        if is_over(told, now=now):
            _close(plant, told, steering)


def has_a_day(told: History) -> bool:
    """Whether this issue is to be closed some day, and is not."""
    return (
        told.state in (State.REJECTED, State.NEEDS_INFO)
        and told.closes is not None
        and told.closed is None
    )


def is_over(told: History, *, now: datetime) -> bool:
    """Whether this issue was to be closed by now, and is not."""
    return has_a_day(told) and datetime.fromisoformat(str(told.closes)) <= now


def closing_time(plant: Plant, *, days: int) -> str:
    """The moment that many days from now, as the ledger has moments."""
    return (plant.clock.now() + timedelta(days=days)).isoformat()


def _close(plant: Plant, told: History, steering: Steering) -> None:
    if told.state is State.NEEDS_INFO:
        transition(
            plant,
            told.issue,
            Event.NO_REPLY,
            key=f"event/{told.issue}/{len(told.transitions)}",
            says="the question had no answer in time",
            rules=steering.digest,
        )
        told = history(plant.ledger, told.issue)

    def close() -> dict[str, int]:
        plant.writer.close_issue(told.issue, completed=False)
        return {"issue": told.issue}

    effect(
        plant,
        RAN_OUT,
        f"{RAN_OUT}/{told.issue}/{len(told.transitions)}",
        close,
        issue=told.issue,
        run=told.transitions[-1].run or "",
    )
    project(plant, told.issue)
