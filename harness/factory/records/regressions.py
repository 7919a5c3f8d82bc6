"""What is broken on the default branch, folded from what the watch recorded.

Properties:
- a journey is broken from the observation of the tip that found it red until one finds it green, or
  until it is in force no more;
- an unclear answer changes nothing;
- a journey of an issue all of whose landings were taken back is not broken: nobody promises it now;
- a person's thaw lifts the freeze of files, not the fact."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.domain.events import (
    Answer,
    CommandGiven,
    CommitObserved,
    Landed,
    RedJourney,
    RegressionAnswered,
    RegressionTraced,
    Reverted,
    TriageDecided,
)
from harness.domain.ledger import Recorded
from harness.factory.records.brakes import THAW
from harness.factory.records.history import History
from harness.factory.records.link import Link, LinkOutcome, Stage
from harness.ports.ledger import Ledger, recorded

ALL_FILES = "**"

MOST_NAMED = 500
"""How many journeys a request to the judge may name as taken back."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A journey that is red on the default branch. `seen` is the commit on which that was found
    first. `traced` is None while its landing is looked for; `mended_by` is the issue whose change
    is to make it green; `answered` is what followed from its landing, None before."""

    red: RedJourney
    seen: str
    traced: Recorded[RegressionTraced] | None = None
    mended_by: int | None = None
    answered: RegressionAnswered | None = None

    @property
    def words(self) -> str:
        """One sentence for people. It may hold text from outside."""
        what = f"{self.red.words}: {self.red.observed}" if self.red.observed else self.red.words
        if self.traced is None:
            return f"{what}; red on {self.seen:.7}, and its landing is looked for"
        found = self.traced.event
        if not found.culprit:
            return f"{what}; red on {self.seen:.7}: {found.message}"
        whose = f"the landing of #{found.culprit_issue}" if found.culprit_issue else "a push"
        follows = f"; {answer_words(self.answered)}" if self.answered else ""
        return f"{what}; red since {found.culprit:.7}, {whose}{follows}"


def answer_words(answered: RegressionAnswered) -> str:
    """What followed from a landing that broke something, for people: no text from outside."""
    return {
        Answer.FIX: "it is worked on again",
        Answer.REVERT: "it was reverted",
        Answer.FILED: f"#{answered.number} was filed",
        Answer.PERSON: "a person decides",
    }[answered.answer]


def origin_links(ledger: Ledger, issue: int) -> tuple[Link, ...]:
    """For the issue about a person's push that broke what worked: where it comes from."""
    answers = recorded(ledger, RegressionAnswered)
    filed = [one for one in answers if issue and one.event.number == issue]
    if not filed:
        return ()
    traced = {one.event.culprit: one.event for one in recorded(ledger, RegressionTraced)}
    return tuple(_origin(one, traced.get(one.event.culprit)) for one in filed)


def _origin(entry: Recorded[RegressionAnswered], traced: RegressionTraced | None) -> Link:
    culprit = entry.event.culprit
    before = f"green on {traced.before:.10}, " if traced and traced.before else ""
    return Link(
        stage=Stage.TRIAGE,
        outcome=LinkOutcome.DONE,
        rule="",
        title="Filed about a push that broke what worked",
        permalink="",
        fact=f"{before}red on {culprit:.10}",
        quote=traced.red.words if traced else "",
        evidence=(f"commit/{culprit}",),
        entry=entry.seq,
        at=entry.at,
        run=entry.run or "",
        rules="",
    )


def last_look(ledger: Ledger) -> Recorded[CommitObserved] | None:
    """The last observation of the tip; None before the first."""
    found = [one for one in recorded(ledger, CommitObserved) if one.event.cause.of_tip]
    return found[-1] if found else None


def look_words(seen: CommitObserved) -> str:
    """What an observation showed, for people. A reason may hold text from outside."""
    if seen.reason:
        return f"nothing is known of {seen.commit:.12}: {seen.reason}"
    if not seen.standing:
        return f"no sealed journey stands yet on {seen.commit:.12}"
    red = f", {len(seen.red)} red" if seen.red else ""
    unsure = f", {len(seen.unsure)} without a clear answer" if seen.unsure else ""
    green = f"{len(seen.green)} of {seen.standing} sealed journeys are green"
    return f"{green}{red}{unsure} on {seen.commit:.12}"


def broken(ledger: Ledger) -> tuple[Broken, ...]:
    """What is broken now, in the order in which it was found."""
    traced = {
        (entry.event.red.journey, entry.event.seen): entry
        for entry in recorded(ledger, RegressionTraced)
        if entry.event.escaped is None
    }
    answers = {entry.event.culprit: entry.event for entry in recorded(ledger, RegressionAnswered)}
    taken_back = _taken_back(ledger)
    return tuple(
        Broken(red, seen, found, _mender(found, answers), _answer(found, answers))
        for red, seen in red_now(ledger).values()
        for found in (traced.get((red.journey, seen)),)
        if red.issue not in taken_back
    )


def broken_words(ledger: Ledger) -> tuple[str, ...]:
    """What is broken now, a sentence each. Several journeys may protect one promise: what is the
    same of them is said once, with their number."""
    found = Counter(one.words for one in broken(ledger))
    return tuple(
        f"{words} ({count} journeys)" if count > 1 else words for words, count in found.items()
    )


def _taken_back(ledger: Ledger) -> frozenset[int]:
    """The issues that landed, and of which nothing that landed is left."""
    reverted = {entry.event.of for entry in recorded(ledger, Reverted)}
    landed: dict[int, set[str]] = {}
    for entry in recorded(ledger, Landed):
        landed.setdefault(entry.issue or 0, set()).add(entry.event.commit)
    return frozenset(issue for issue, commits in landed.items() if commits <= reverted) - {0}


def red_now(ledger: Ledger) -> Mapping[str, tuple[RedJourney, str]]:
    """Each journey that is red on the tip by the last observation that tells of it, with the commit
    on which it turned red."""
    found: dict[str, tuple[RedJourney, str]] = {}
    for entry in recorded(ledger, CommitObserved):
        one = entry.event
        if not one.cause.of_tip:
            continue
        for red in one.red:
            found.setdefault(red.journey, (red, one.commit))
        gone = found.keys() - {red.journey for red in one.red} - {*one.unsure}
        for journey in gone if one.is_whole else gone & {*one.green}:
            del found[journey]
    return found


def mends(ledger: Ledger, issue: int) -> tuple[str, ...]:
    """The digests of the journeys that a change for this issue must make green."""
    return tuple(one.red.journey for one in broken(ledger) if one.mended_by == issue)


def taken_back(ledger: Ledger) -> tuple[str, ...]:
    """The digests of the journeys that are red on the tip because what they promise was taken back,
    `MOST_NAMED` of them at most. One that a person made green again is not among them, once that
    was observed."""
    issues = _taken_back(ledger)
    red = [one.journey for one, _ in red_now(ledger).values() if one.issue in issues]
    return tuple(red[:MOST_NAMED])


def is_another_wish(history: History) -> bool:
    """Whether triage has read another wish since the one that landed last; where none has landed,
    since the first. Such an issue mends nothing: a mend is judged by what is red alone."""
    landed, read = history.of(Landed), history.of(TriageDecided)
    before = [one for one in read if landed and one.seq < landed[-1].seq] or [*read[:1]]
    return bool(before) and _wish(before[-1].event) != _wish(read[-1].event)


def held_files(ledger: Ledger, *, issue: int) -> Mapping[str, str]:
    """The paths that no change but their mender's may land on, each with the reason. `issue` is the
    one whose change asks."""
    thaws = [entry.seq for entry in recorded(ledger, CommandGiven) if entry.event.command == THAW]
    thawed = max(thaws, default=0)
    return {
        path: one.words
        for one in broken(ledger)
        if one.traced and one.traced.seq > thawed and one.mended_by != issue
        for path in one.traced.event.files
    }


def held_back(held: Mapping[str, str], changed: Collection[bytes]) -> str:
    """Why a change of these paths may not land now; empty where it may."""
    paths = {path.decode("utf-8", "replace") for path in changed}
    for path, why in held.items():
        if path == ALL_FILES or path in paths:
            return f"{path if path != ALL_FILES else 'every file'} is frozen: {why}"
    return ""


def _wish(triage: TriageDecided) -> tuple[object, ...]:
    return triage.title, triage.body, triage.replies, triage.issue_kind


def _answer(
    found: Recorded[RegressionTraced] | None, answers: Mapping[str, RegressionAnswered]
) -> RegressionAnswered | None:
    return answers.get(found.event.culprit) if found else None


def _mender(
    found: Recorded[RegressionTraced] | None, answers: Mapping[str, RegressionAnswered]
) -> int | None:
    if found is None or not found.event.culprit:
        return None
    answer = answers.get(found.event.culprit)
    return found.event.culprit_issue or (answer.number if answer else None)
