"""Issues that say much the same in other words: one of them is worked on at a time.

Triage calls the clear cases duplicates. What is left here is alike by its words and was accepted
all the same: it may be the same fault told twice, or a flood of rewordings. The second waits for
the first, and once the first has landed, a person says whether there is anything left to do."""

from collections.abc import Collection

from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History
from harness.factory.records.issue_index import Known
from harness.governance.text.likeness import ALIKE, Texts, resemblance

AT_WORK = frozenset(
    {State.IMPLEMENTING, State.CHANGES_REQUESTED, State.VALIDATING, State.APPROVED, State.MERGING}
)


def is_at_work(history: History) -> bool:
    """Whether a change for it is being made, judged or landed."""
    return history.state in AT_WORK


class SimilarIssues:
    """What is alike among the issues that are known. Two texts are compared once, however often it
    is asked."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._compared: dict[
            int, tuple[int, int]
        ] = {}  # issue → since where, and up to where, it was compared
        self.texts = Texts()

    def waits_for(self, history: History, *, under_way: Collection[int]) -> History | None:
        """The issue like this one that is worked on, while this one has not been begun."""
        if history.state is not State.ACCEPTED:
            return None
        begun = [
            other
            for other in map(self._known.of, sorted(under_way))
            if other.state is State.ACCEPTED
        ]
        others = sorted((*self._known.those(is_at_work), *begun), key=lambda other: other.issue)
        return next(
            (
                other
                for other in others
                if other.issue != history.issue and are_alike(history, other)
            ),
            None,
        )

    def landed_meanwhile(self, history: History) -> History | None:
        """The issue like this one that landed since somebody last looked what there is beside this
        one."""
        if history.state is not State.ACCEPTED or not history.transitions:
            return None
        looked = _looked(history)
        of, through = self._compared.get(history.issue, (looked, looked))
        landed, now = self._known.moved_after(through if of == looked else looked, Event.LANDED)
        found = next(
            (
                other
                for other in map(self._known.of, sorted(landed - {history.issue}))
                if has_landed(other) and are_alike(history, other)
            ),
            None,
        )
        if found is None:
            self._compared[history.issue] = looked, now
        return found


def _looked(history: History) -> int:
    """The entry since which nobody has looked what else has landed: where it was last accepted, by
    a person or because it came back; where triage accepted it, where that began, which has seen
    nothing that landed meanwhile."""
    accepted = max(
        (entry for entry in history.transitions if entry.event.after is State.ACCEPTED),
        key=lambda entry: entry.seq,
    )
    by_triage = accepted.event.event is Event.TRIAGE_ACCEPTED and history.triages
    return history.triages[-1].seq if by_triage else accepted.seq


def has_landed(history: History) -> bool:
    """Whether it is done, by us, and stands."""
    return history.state is State.MERGED and history.last_event is Event.LANDED


def are_alike(one: History, other: History) -> bool:
    """Whether their triaged texts share most of their words."""
    if not one.triage or not other.triage:
        return False
    return resemblance(_text(one), _text(other)) >= ALIKE


def _text(history: History) -> str:
    return f"{history.triage.title}\n{history.triage.body}" if history.triage else ""
