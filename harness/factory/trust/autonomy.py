"""The autonomy index: which share of the issues went from filed to landed with no person's act.

Properties:
- an issue counts once it ended within the window: it landed, or a person got it, after it had been
  accepted. One that is still under way counts later, and one that a rule rejected never;
- it went alone if it is landed now, and no person did anything to it or to its change since it was
  filed; an answer to a question is an act, and so is a later commit that amends it;
- the index is never 1: it is the share as if one more issue had needed a person."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.domain.events import CommandGiven, LandingFollowed, PersonLanded
from harness.domain.lifecycle import Event, State
from harness.domain.trust import Outcome, wilson
from harness.factory.records.history import History

WINDOW = timedelta(days=30)
_OF_PEOPLE = {
    Event.ISSUE_EDITED: "edited the issue",
    Event.APPEALED: "appealed",
    Event.RETRIED: "asked for another try",
    Event.REVISED: "asked for another change",
    Event.APPROVED_BY_PERSON: "approved what the rules leave to a person",
    Event.CLOSED_BY_PERSON: "closed it",
    Event.LANDED_BY_PERSON: "merged it",
    Event.AUTHOR_REPLIED: "answered a question",
    Event.OWNER_HOLD: "put it on hold",
    Event.RESUMED: "lifted the hold",
}
WAITED = "was asked, and it has not landed"
AMENDED = "amended what had landed"
TAKEN_BACK = "took back what had landed"
COMMANDED = "gave another command"


@dataclass(frozen=True, slots=True)
class Autonomy:
    """The index at a moment: `alone` of `issues` needed nobody. `acts` counts, for each thing that
    people did, the other issues to which they did it."""

    issues: int
    alone: int
    acts: tuple[tuple[str, int], ...]

    @property
    def index(self) -> float:
        return self.alone / (self.issues + 1)

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson interval (95 %) of the share of issues that needed nobody."""
        return wilson(self.alone, self.issues)


def autonomy(histories: Iterable[History], *, now: datetime) -> Autonomy:
    """The index of the 30 days before `now`."""
    counted = [history for history in histories if _ended_within(history, now)]
    acts = [_acts(history) for history in counted]
    found = Counter(act for one in acts for act in one)
    return Autonomy(len(counted), acts.count(frozenset()), tuple(sorted(found.items(), key=_order)))


def _order(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _ended_within(history: History, now: datetime) -> bool:
    """Whether the issue, once accepted, landed or came to a person within the window."""
    moves = history.transitions
    accepted = [at for at, one in enumerate(moves) if one.event.after is State.ACCEPTED]
    ends = (
        one.moment
        for one in (moves[accepted[0] :] if accepted else ())
        if one.event.after in (State.MERGED, State.NEEDS_HUMAN)
    )
    return any(now - WINDOW < at <= now for at in ends)


def _acts(history: History) -> frozenset[str]:
    found = set(_of_people(history))
    if not found and history.state is not State.MERGED:
        found.add(WAITED)
    return frozenset(found)


def _of_people(history: History) -> Iterator[str]:
    for move in history.transitions:
        if words := _OF_PEOPLE.get(move.event.event):
            yield words
    for given in history.of(CommandGiven):
        if given.event.actor is not None:
            yield _command(given.event.command)
    if history.of(PersonLanded):
        yield _OF_PEOPLE[Event.LANDED_BY_PERSON]
    for seen in history.of(LandingFollowed):
        if seen.event.outcome is not Outcome.STAYED:
            yield AMENDED if seen.event.outcome is Outcome.AMENDED else TAKEN_BACK


def _command(command: str) -> str:
    known: Sequence[Event] = tuple(_OF_PEOPLE)
    return next((_OF_PEOPLE[one] for one in known if one == command), COMMANDED)
