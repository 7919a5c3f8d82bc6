"""Issues that say much the same in other words: one of them is worked on at a time.

Triage calls the clear cases duplicates. What is left here is alike by its words and was accepted all the same: it may
be the same fault told twice, or a flood of rewordings. The second waits for the first, and once the first has landed,
a person says whether there is anything left to do.
"""

from collections.abc import Collection, Iterable

from harness.domain.lifecycle import Event, State
from harness.factory.history import History
from harness.governance.text.likeness import ALIKE, resemblance

AT_WORK = frozenset({State.IMPLEMENTING, State.CHANGES_REQUESTED, State.VALIDATING, State.APPROVED, State.MERGING})


def waits_for(told: History, others: Iterable[History], *, under_way: Collection[int]) -> History | None:
    """The issue like this one that is worked on, while this one has not been begun."""
    if told.state is not State.ACCEPTED:
        return None
    return next((other for other in others if other.issue != told.issue
                 and (other.state in AT_WORK or (other.state is State.ACCEPTED and other.issue in under_way))
                 and are_alike(told, other)), None)


def landed_meanwhile(told: History, others: Iterable[History]) -> History | None:
    """The issue like this one that landed after this one was last accepted."""
    if told.state is not State.ACCEPTED or not told.transitions:
        return None
    accepted = max(entry.seq for entry in told.transitions if entry.data["to"] == State.ACCEPTED)
    return next((other for other in others if other.issue != told.issue and other.state is State.MERGED
                 and other.transitions[-1].data["event"] == Event.LANDED and other.transitions[-1].seq > accepted
                 and are_alike(told, other)), None)


def are_alike(one: History, other: History) -> bool:
    """Whether their triaged texts share most of their words."""
    if not one.triage or not other.triage:
        return False
    return resemblance(_text(one), _text(other)) >= ALIKE


def _text(told: History) -> str:
    triaged = told.triage or {}
    return f"{triaged['title']}\n{triaged['body']}"
