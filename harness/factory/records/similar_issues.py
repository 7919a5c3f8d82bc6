"""Similar issues: of issues that ask for nearly the same in other words, one is worked on at a
time.

Triage turns the clear cases away as duplicates. Two similar issues that were both accepted may be
one fault reported twice, or a flood of rewordings. The second waits for the first. Once the first
has landed, a person decides whether anything is left to do."""

from collections.abc import Collection

from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History
from harness.factory.records.issue_index import IssueIndex
from harness.governance.text.likeness import ALIKE, Texts, resemblance

AT_WORK = frozenset(
    {State.IMPLEMENTING, State.CHANGES_REQUESTED, State.VALIDATING, State.APPROVED, State.MERGING}
)


def is_at_work(history: History) -> bool:
    """Whether a change for it is being made, judged or landed."""
    return history.state in AT_WORK


class SimilarIssues:
    """Compares the issues of an index. Two texts are compared once, however often somebody asks."""

    def __init__(self, issue_index: IssueIndex) -> None:
        self._issue_index = issue_index
        # By issue: the range of ledger entries whose landings it was compared with.
        self._compared: dict[int, tuple[int, int]] = {}
        self.texts = Texts()

    def waits_for(self, history: History, *, under_way: Collection[int]) -> History | None:
        """The similar issue that is worked on, if this one has not been begun."""
        if history.state is not State.ACCEPTED:
            return None
        # What another worker has just begun is still accepted in the ledger.
        begun = [
            other
            for other in map(self._issue_index.of, sorted(under_way))
            if other.state is State.ACCEPTED
        ]
        others = sorted(
            (*self._issue_index.filter(is_at_work), *begun), key=lambda other: other.issue
        )
        return next(
            (
                other
                for other in others
                if other.issue != history.issue and are_alike(history, other)
            ),
            None,
        )

    def landed_meanwhile(self, history: History) -> History | None:
        """The similar issue that has landed since somebody last compared this one with landed
        work."""
        if history.state is not State.ACCEPTED or not history.transitions:
            return None
        since = _seen_through(history)
        of, through = self._compared.get(history.issue, (since, since))
        # Accepted anew since the last comparison: then all that landed since counts again.
        landed, now = self._issue_index.moved_after(through if of == since else since, Event.LANDED)
        found = next(
            (
                other
                for other in map(self._issue_index.of, sorted(landed - {history.issue}))
                if has_landed(other) and are_alike(history, other)
            ),
            None,
        )
        # A match is not remembered, so it is found again until the issue has moved.
        if found is None:
            self._compared[history.issue] = since, now
        return found


def _seen_through(history: History) -> int:
    """The number of the entry up to which landed work was considered: where the issue was accepted
    last. If triage accepted it, where that triage began, because it saw nothing that landed
    meanwhile."""
    accepted = max(
        (entry for entry in history.transitions if entry.event.after is State.ACCEPTED),
        key=lambda entry: entry.seq,
    )
    by_triage = accepted.event.event is Event.TRIAGE_ACCEPTED and history.triages
    return history.triages[-1].seq if by_triage else accepted.seq


def has_landed(history: History) -> bool:
    """Whether the factory landed it, and it was not reverted."""
    return history.state is State.MERGED and history.last_event is Event.LANDED


def are_alike(one: History, other: History) -> bool:
    """Whether their triaged texts share most of their words."""
    if not one.triage or not other.triage:
        return False
    return resemblance(_text(one), _text(other)) >= ALIKE


def _text(history: History) -> str:
    return f"{history.triage.title}\n{history.triage.body}" if history.triage else ""
