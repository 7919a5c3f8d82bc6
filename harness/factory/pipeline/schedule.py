"""When each workflow runs, by its own `on:`.

A workflow that names a schedule and no event waits for its hour. Every other runs as soon as
something happens. A run that has begun is finished whatever the hour."""

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
"""The kind of the ledger entry that records: this workflow's hour came, and its pass is done."""

START_STATES: Mapping[str, frozenset[State]] = {
    "triage": frozenset({State.UNTRIAGED}),
    "implement": frozenset({State.ACCEPTED, State.CHANGES_REQUESTED}),
    "validate": frozenset({State.VALIDATING}),
    "merge": frozenset({State.APPROVED}),
}
"""The states in which an issue needs each workflow next."""


def schedules(workflows: Mapping[str, Workflow]) -> dict[str, str]:
    """The cron line of each workflow that has one."""
    return {
        name: found.triggers.schedule
        for name, found in workflows.items()
        if found.triggers.schedule
    }


def active_states(workflows: Mapping[str, Workflow], due: Iterable[str]) -> frozenset[State]:
    """The states whose issues may move now, when the hour of the workflows in `due` has come."""
    scheduled_only = {
        name
        for name, found in workflows.items()
        if found.triggers.schedule and not found.triggers.events
    }
    waiting = {state for name in scheduled_only - set(due) for state in START_STATES.get(name, ())}
    return frozenset(State) - waiting


def last_passes(entries: Iterable[Entry]) -> dict[str, datetime]:
    """When each workflow's hour was last served, from the ledger's entries of kind `schedule`."""
    return {entry.event.workflow: entry.moment for entry in of_kind(entries, ScheduleDue)}


def urgency(history: History, *, now: datetime, days: int) -> int:
    """How soon an accepted issue is worked on, 0 first. It is the priority, less one step for each
    `days` since the issue was accepted, so that a low priority is not put off for ever. All other
    issues share the last place."""
    accepted = [
        entry
        for entry in history.transitions
        if entry.event.event in (Event.TRIAGE_ACCEPTED, Event.RETRIED)
    ]
    priority = history.triage.priority if history.triage else ""
    # A ledger of an older version may hold a priority that is no longer known.
    if not accepted or priority not in _PRIORITIES:
        return len(_PRIORITIES)
    waited = now - accepted[-1].moment
    return max(_PRIORITIES.index(priority) - waited.days // days, 0)
