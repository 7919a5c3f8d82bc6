"""The labels: exactly one shows the state of an issue. They display the ledger and decide
nothing."""

from collections.abc import Mapping

from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History

LABELS: Mapping[State, str] = {
    State.UNTRIAGED: "factory:triage",
    State.ACCEPTED: "factory:accepted",
    State.REJECTED: "factory:rejected",
    State.NEEDS_INFO: "factory:needs-info",
    State.NEEDS_HUMAN: "factory:needs-human",
    State.IMPLEMENTING: "factory:building",
    State.CHANGES_REQUESTED: "factory:building",
    State.VALIDATING: "factory:validating",
    State.APPROVED: "factory:validating",
    State.MERGING: "factory:validating",
    State.MERGED: "factory:merged",
    State.PAUSED: "factory:paused",
}
DUPLICATE = "factory:duplicate"
RATE_LIMITED = "factory:rate-limited"
"""For an issue that waits its turn because of a limit or a rule, after its filer was informed.
(Rate limits of the forge concern accounts, not issues.)"""
ALL_LABELS = frozenset({*LABELS.values(), DUPLICATE, RATE_LIMITED})


def label_of(history: History) -> str:
    """The one label that shows the state of the issue."""
    if history.is_duplicate:
        return DUPLICATE
    if history.waits:
        return RATE_LIMITED
    # It was closed without an answer, but a later answer still opens it again.
    return LABELS[State.NEEDS_INFO if was_not_answered(history) else history.state]


def was_not_answered(history: History) -> bool:
    """Whether it was closed because nobody answered the question on it."""
    return history.state is State.REJECTED and history.last_event is Event.NO_REPLY
