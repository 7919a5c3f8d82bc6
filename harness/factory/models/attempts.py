"""Which attempts at an issue failed by the models' own doing, and how the next one is made. A fold
of the ledger.

Properties: what the machine, the forge, the provider or the purse did to an attempt counts against
no model; a person's yes begins the count anew."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.domain.events import NodeEnded, TransitionRecorded
from harness.domain.ledger import Recorded
from harness.domain.lifecycle import Event
from harness.domain.model_choice.escalation import Approach, approach
from harness.factory.records.history import History
from harness.factory.run.node import MACHINE
from harness.factory.settings.model_config import Models

_BEGINS = frozenset({Event.TRIAGE_ACCEPTED, Event.RETRIED})
_FAILS = frozenset({Event.RUN_FAILED, Event.CHANGES_REQUESTED})


@dataclass(frozen=True, slots=True)
class Failed:
    """One attempt that failed, in which run, at which node, and in whose words: those of the step
    that said so."""

    run: str
    node: str
    says: str
    entry: int


def failed_attempts(history: History) -> tuple[Failed, ...]:
    """Those since a person or a triage last said yes to it, oldest first."""
    begun = max(
        (entry.seq for entry in history.transitions if entry.event.event in _BEGINS), default=0
    )
    steps = {(entry.run, entry.event.result.event): entry for entry in history.nodes}
    ended = (
        entry for entry in history.transitions if entry.seq > begun and entry.event.event in _FAILS
    )
    return tuple(_failed(ended, steps))


def _failed(
    ended: Iterator[Recorded[TransitionRecorded]],
    steps: Mapping[tuple[str | None, str | None], Recorded[NodeEnded]],
) -> Iterator[Failed]:
    for entry in ended:
        step = steps.get((entry.run, entry.event.event))
        if step is not None and step.event.result.output.get("fault") != MACHINE:
            yield Failed(str(entry.run), step.event.node, step.event.result.message, entry=step.seq)


def approach_of(history: History, models: Models) -> Approach:
    """How the next attempt is made, as far as there is somebody to make it so: a diagnosis needs a
    diagnoser, smaller steps need a planner."""
    found = approach(len(failed_attempts(history)), tiers=len(models.implementer))
    return Approach(
        found.tier, found.diagnosed and bool(models.diagnoser), found.split and bool(models.planner)
    )
