"""When which workflow works, by its own `on:`.

A workflow that names a schedule and no event waits for its hour. Every other works as soon as
something happens. What was begun is finished whatever the hour."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from harness.domain.events import ScheduleDue
from harness.domain.ledger import Entry, of_kind
from harness.domain.lifecycle import Event, State
from harness.domain.workflow import Workflow
from harness.factory.records.history import History
from harness.governance.triage import Priority

_PRIORITIES = tuple(Priority)
SCHEDULE = "schedule"
"""The kind of entry that says: this workflow's hour came, and all it could do was done."""

START_STATES: Mapping[str, frozenset[State]] = {
    "triage": frozenset({State.UNTRIAGED}),
    "implement": frozenset({State.ACCEPTED, State.CHANGES_REQUESTED}),
    "validate": frozenset({State.VALIDATING}),
    "merge": frozenset({State.APPROVED}),
}
"""Where an issue stands when a workflow is what it needs next."""


def schedules(workflows: Mapping[str, Workflow]) -> dict[str, str]:
    """The cron line of each workflow that has one."""
    return {
        name: found.triggers.schedule
        for name, found in workflows.items()
        if found.triggers.schedule
    }


def active_states(workflows: Mapping[str, Workflow], due: Iterable[str]) -> frozenset[State]:
    """The states whose issues are moved on now, while the hour of the workflows in `due` has
    come."""
    waits = {
        name
        for name, found in workflows.items()
        if found.triggers.schedule and not found.triggers.events
    }
    asleep = {state for name in waits - set(due) for state in START_STATES.get(name, ())}
    return frozenset(State) - asleep


def last_passes(entries: Iterable[Entry]) -> dict[str, datetime]:
    """When each workflow's hour was last honoured, from the ledger's entries of kind `schedule`."""
    return {
        entry.event.workflow: datetime.fromisoformat(entry.at)
        for entry in of_kind(entries, ScheduleDue)
    }


def urgency(history: History, *, now: datetime, days: int) -> int:
    """How soon an accepted issue is worked on, 0 first: its priority, and one step less for each
    `days` since it was accepted, so that what is low is not put off for ever. The rest are all the
    same."""
    accepted = [
        entry
        for entry in history.transitions
        if entry.event.event in (Event.TRIAGE_ACCEPTED, Event.RETRIED)
    ]
    priority = history.triage.priority if history.triage else ""
    if not accepted or priority not in _PRIORITIES:
        return len(_PRIORITIES)
    waited = now - datetime.fromisoformat(accepted[-1].at)
    return max(_PRIORITIES.index(priority) - waited.days // days, 0)
