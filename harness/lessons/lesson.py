"""Lessons from the ledger: who noted each, on what evidence, and how the runs that were shown it
fared."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from math import sqrt

from harness.domain.events import ContextShown, LessonMarked, LessonNoted, TransitionRecorded
from harness.domain.ledger import Entry, Recorded, of_kind
from harness.domain.lifecycle import Event

FEWEST = 3
"""Runs with a lesson that came to an end, before it may be demoted."""

_Z = 1.645


class LessonStatus(StrEnum):
    """Whether a lesson is shown. A person's word goes before any figure; nothing is ever
    deleted."""

    # by a person: shown before all others
    PINNED = "pinned"
    ACTIVE = "active"
    # runs that were shown it fared worse than those that were not
    DEMOTED = "demoted"
    # by a person: not shown
    RETIRED = "retired"


class Word(StrEnum):
    """A person's decision about a lesson. `restore` takes the earlier decision back."""

    PIN = "pin"
    RETIRE = "retire"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Tally:
    """Runs that came to an end: how many there were, and whose change was sound at its first
    judgement."""

    runs: int = 0
    sound: int = 0

    @property
    def share(self) -> float:
        """The share of sound ones, as if one of each had been seen before (Laplace)."""
        return (self.sound + 1) / (self.runs + 2)

    @property
    def between(self) -> tuple[float, float]:
        """The smallest and the largest share that these runs still allow: Wilson's interval (1927),
        each side at 95 of 100."""
        if not self.runs:
            return 0.0, 1.0
        part, count, square = self.sound / self.runs, self.runs, _Z * _Z
        middle, reach = (
            part + square / (2 * count),
            _Z * sqrt(part * (1 - part) / count + square / (4 * count * count)),
        )
        return (middle - reach) / (1 + square / count), (middle + reach) / (1 + square / count)

    def less(self, other: "Tally") -> "Tally":
        return Tally(self.runs - other.runs, self.sound - other.sound)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson and what is known of it. `entry` is where the ledger has it; `sightings` how often
    it was noted; `had` the runs that were shown it, `others` those since it was noted that were
    not; `word` what a person said last."""

    id: str
    sentence: str
    file: str
    quote: str
    base: str
    issue: int | None
    run: str | None
    role: str
    at: str
    entry: int
    sightings: int = 1
    had: Tally = field(default_factory=Tally)
    others: Tally = field(default_factory=Tally)
    word: Word | None = None
    why: str = ""

    @property
    def status(self) -> LessonStatus:
        if self.word is Word.PIN:
            return LessonStatus.PINNED
        if self.word is Word.RETIRE:
            return LessonStatus.RETIRED
        # The intervals must not overlap: a lesson is not dropped for bad luck in a few runs.
        fared_worse = self.had.runs >= FEWEST and self.had.between[1] < self.others.between[0]
        return LessonStatus.DEMOTED if fared_worse else LessonStatus.ACTIVE

    @property
    def score(self) -> float:
        """How much it helped, 0 to 1."""
        return self.had.share


def lessons(entries: Iterable[Entry]) -> tuple[Lesson, ...]:
    """Every lesson that was ever noted, oldest first."""
    listed = tuple(entries)
    all_noted = of_kind(listed, LessonNoted)
    # Reversed, so that of two entries with one id the older counts.
    new = {one.event.id: one for one in reversed(all_noted) if not one.event.same_as}
    seen_again = Counter(one.event.same_as for one in all_noted if one.event.same_as)
    words = {one.event.id: one.event for one in of_kind(listed, LessonMarked)}
    ends = _ends(listed)
    found = (
        _lesson(entry, 1 + seen_again[known_id], words.get(known_id), ends)
        for known_id, entry in new.items()
    )
    return tuple(sorted(found, key=lambda one: one.entry))


@dataclass(frozen=True, slots=True)
class _End:
    """A run that was shown lessons and came to an end: where it was shown them, which, and whether
    its change was sound."""

    entry: int
    shown: frozenset[str]
    sound: bool


def _lesson(
    entry: Recorded[LessonNoted],
    sightings: int,
    marked: LessonMarked | None,
    ends: Iterable[_End],
) -> Lesson:
    noted = entry.event
    # Only later runs: one before the lesson was noted shows nothing of its effect.
    since = [end for end in ends if end.entry > entry.seq]
    had = _tally(end for end in since if noted.id in end.shown)
    word = Word(marked.word) if marked else None
    return Lesson(
        id=noted.id,
        sentence=noted.sentence,
        file=noted.file,
        quote=noted.quote,
        base=noted.base,
        issue=entry.issue,
        run=entry.run,
        role=noted.role,
        at=entry.at,
        entry=entry.seq,
        sightings=sightings,
        had=had,
        others=_tally(since).less(had),
        word=None if word is Word.RESTORE else word,
        why=marked.why if marked else "",
    )


def _tally(ends: Iterable[_End]) -> Tally:
    sound = [end.sound for end in ends]
    return Tally(len(sound), sum(sound))


_FAILED = frozenset({Event.RUN_FAILED, Event.POLICY_REFUSED, Event.ATTACK_SUSPECTED})
_SENT_BACK = frozenset({Event.CHANGES_REQUESTED, Event.VERDICT_REJECTED})


def _ends(entries: tuple[Entry, ...]) -> tuple[_End, ...]:
    """Each run that an agent was shown something in, with its end; one that came to none is not
    among them."""
    moves: dict[int | None, list[Recorded[TransitionRecorded]]] = {}
    for moved in of_kind(entries, TransitionRecorded):
        moves.setdefault(moved.issue, []).append(moved)
    shown = {entry.run: entry for entry in of_kind(entries, ContextShown)}
    ended = ((entry, _sound(str(run), moves.get(entry.issue, []))) for run, entry in shown.items())
    return tuple(
        _End(entry.seq, frozenset(entry.event.lessons), sound)
        for entry, sound in ended
        if sound is not None
    )


def _sound(run: str, moves: Iterable[Recorded[TransitionRecorded]]) -> bool | None:
    """Whether the run's change stood at its first judgement; None where nobody has said so. A
    run that a budget, a machine or a person ended does not count."""
    ready = False
    for entry in moves:
        event = entry.event.event
        if entry.run == run and event in _FAILED:
            return False
        ready = ready or (entry.run == run and event is Event.CHANGE_READY)
        if ready and event is Event.VERDICT_PASSED:
            return True
        if ready and event in _SENT_BACK:
            return False
        # A new run began before the change was judged: this one's outcome is unknown.
        if ready and event is Event.DISPATCHED:
            return None
    return None
