"""What people are shown of an issue: the row of the table of states that fits its history."""

from typing import TYPE_CHECKING

from harness.domain.lifecycle import Event, State
from harness.domain.shown_states import (
    CLOSED_BY_PERSON,
    DUPLICATE,
    LABELS,
    REGRESSED,
    STATES,
    SUSPECTED,
    TAKEN_BACK,
    UNANSWERED,
    WAITING,
    ShownState,
)

if TYPE_CHECKING:
    from harness.factory.records.history import History

ALL_LABELS = frozenset(LABELS)


def shown(history: "History") -> ShownState:
    """How every surface shows this issue now."""
    if history.is_duplicate:
        return DUPLICATE
    if history.state is State.NEEDS_HUMAN and history.suspicion:
        return SUSPECTED
    if history.state is State.NEEDS_HUMAN and history.last_event is Event.REVERTED:
        return TAKEN_BACK
    if history.state is State.ACCEPTED and history.last_event is Event.REGRESSED:
        return REGRESSED
    if history.waits:
        return WAITING
    if was_not_answered(history):
        return UNANSWERED
    if history.state is State.REJECTED and history.last_event is Event.CLOSED_BY_PERSON:
        return CLOSED_BY_PERSON
    return STATES[history.state]


def was_not_answered(history: "History") -> bool:
    """Whether it was closed because nobody answered the question on it."""
    return history.state is State.REJECTED and history.last_event is Event.NO_REPLY
