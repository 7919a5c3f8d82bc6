"""What the factory alone would have done with a change, beside what the person did who decided. A
fold of the ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.domain.events import TransitionRecorded, TrustDecided
from harness.domain.ledger import Entry, is_of
from harness.domain.lifecycle import Event
from harness.domain.trust import Decision, Level
from harness.factory.records.history import History

ACTS: Mapping[Event, Decision] = MappingProxyType(
    {
        Event.APPROVED_BY_PERSON: Decision.MERGE,
        Event.LANDED_BY_PERSON: Decision.MERGE,
        Event.REVISED: Decision.RETRY,
        Event.RETRIED: Decision.RETRY,
        Event.CLOSED_BY_PERSON: Decision.REJECT,
    }
)
"""What a person's act means for a change that was shown to them."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One area in shadow: what the factory alone would have done, and what the person did. `agrees`
    is None where the factory would have asked. `entry` is that of the person's act."""

    decided: TrustDecided
    person: Decision
    entry: int

    @property
    def agrees(self) -> bool | None:
        alone = Decision(self.decided.alone)
        return None if alone is Decision.REVIEW else alone is self.person

    @property
    def words(self) -> str:
        """One sentence for people."""
        area, alone = ", ".join(self.decided.paths), self.decided.alone
        result = {None: "would have asked", True: "agreed", False: "disagreed"}[self.agrees]
        return (
            f"{area} is in shadow; the factory alone: {alone}, the person: {self.person}: {result}"
        )


def compared(history: History) -> tuple[Compared, ...]:
    """Each decision in shadow that a person's act followed, in the order of the acts."""
    return tuple(_compared(history.entries))


def _compared(entries: tuple[Entry, ...]) -> Iterator[Compared]:
    waiting: dict[str, TrustDecided] = {}
    for entry in entries:
        if is_of(entry, TrustDecided):
            if entry.event.level == Level.SHADOW.word:
                waiting[entry.event.rule] = entry.event
        elif is_of(entry, TransitionRecorded) and entry.event.event in ACTS:
            act = ACTS[entry.event.event]
            yield from (Compared(decided, act, entry.seq) for decided in waiting.values())
            waiting.clear()
