"""Which attempts at an issue failed because of the models, and how the next one is made. A fold of
the ledger.

Properties:
- what the machine, the forge, the provider or a cap did to an attempt does not count against a
  model;
- when a person retries an issue, the count starts again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.domain.events import NodeEnded, TransitionRecorded
from harness.domain.ledger import Recorded
from harness.domain.lifecycle import Event
from harness.domain.model_choice.escalation import Approach, approach
from harness.factory.records.history import BEGINS, History
from harness.factory.run.node import MACHINE
from harness.factory.settings.model_config import Models

_FAILS = frozenset(
    {Event.RUN_FAILED, Event.CHANGES_REQUESTED, Event.CHECKS_FAILED, Event.LOW_CONFIDENCE}
)


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One failed attempt: its run, its node, and the message of the step that failed."""

    run: str
    node: str
    message: str
    entry: int


def failed_attempts(history: History) -> tuple[FailedAttempt, ...]:
    """The failed attempts since triage or a person last accepted the issue, oldest first."""
    begun = max(
        (entry.seq for entry in history.transitions if entry.event.event in BEGINS), default=0
    )
    # A node may be tried again within a run; its last try is the one that ended it.
    steps = {(entry.run, entry.event.result.event): entry for entry in history.nodes}
    ended = (
        entry for entry in history.transitions if entry.seq > begun and entry.event.event in _FAILS
    )
    return tuple(_failed(ended, steps))


def _failed(
    ended: Iterator[Recorded[TransitionRecorded]],
    steps: Mapping[tuple[str | None, str | None], Recorded[NodeEnded]],
) -> Iterator[FailedAttempt]:
    for entry in ended:
        step = steps.get((entry.run, entry.event.event))
        # An attempt without a failed step of its own was stopped from outside, by a cap say.
        if step is not None and step.event.result.output.get("fault") != MACHINE:
            yield FailedAttempt(
                str(entry.run), step.event.node, step.event.result.message, entry=step.seq
            )


def approach_of(history: History, models: Models) -> Approach:
    """How to make the next attempt. A diagnosis needs a diagnoser, and smaller steps need a
    planner."""
    found = approach(len(failed_attempts(history)), tiers=len(models.implementer))
    return Approach(
        found.tier, found.diagnosed and bool(models.diagnoser), found.split and bool(models.planner)
    )
