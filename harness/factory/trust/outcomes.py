"""What became of each landing, with the facts of its change as they were before it landed.

Properties:
- everything is from the ledger, so the same ledger gives the same past on every machine;
- nothing that happened after a landing is among its facts;
- the worst that became of a landing counts, whenever it was found."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.domain.events import (
    ApproachChanged,
    FactsRecorded,
    Landed,
    LandingFollowed,
    PersonLanded,
    RegressionTraced,
    Reverted,
)
from harness.domain.facts import UNKNOWN, FileChange, Maybe, shown_path
from harness.domain.ledger import Entry, is_of
from harness.domain.lifecycle import Event
from harness.domain.trust import ChangeTraits, Followed, Outcome
from harness.factory.records.history import History, histories
from harness.governance.past.factsjson import facts_from_json

_WORST = (Outcome.REVERTED, Outcome.REGRESSED, Outcome.AMENDED, Outcome.STAYED)
_TESTS = frozenset({b"test", b"tests", b"spec", b"__tests__"})


@dataclass(frozen=True, slots=True)
class OwnLanding:
    """A change on the default branch: by the factory, or by a person who merged its proposal."""

    issue: int
    commit: str
    at: str
    seq: int


def landings(history: History) -> tuple[OwnLanding, ...]:
    """Every landing for an issue, in order. One that was lost and confirmed again is one."""
    found: dict[str, OwnLanding] = {}
    for entry in history.entries:
        if is_of(entry, Landed) or is_of(entry, PersonLanded):
            commit = entry.event.commit
            found.setdefault(commit, OwnLanding(history.issue, commit, entry.at, entry.seq))
    return tuple(found.values())


def main_area(files: Sequence[FileChange]) -> str:
    """The folder at the root in which most lines change; `.` for the root itself. Tests speak for
    no area of their own, unless nothing else changes."""
    lines: dict[str, int] = {}
    for change in (*_outside_tests(files),) or files:
        first, below, _ = change.path.partition(b"/")
        area = shown_path(first) if below else "."
        lines[area] = lines.get(area, 0) + (change.added or 0) + (change.deleted or 0)
    return min(lines, key=lambda area: (-lines[area], area), default="")


def traits(history: History, files: Maybe[Sequence[FileChange]], *, area: str) -> ChangeTraits:
    """The facts of the change that an issue has now."""
    verdict = history.verdict
    happened = [entry.event.event for entry in history.transitions]
    tiers = [entry.event.tier for entry in history.of(ApproachChanged)]
    return ChangeTraits(
        area=area,
        kind=history.triage.issue_kind if history.triage else "",
        lines=UNKNOWN if files is UNKNOWN else _lines(files),
        files=UNKNOWN if files is UNKNOWN else len(files),
        rounds=history.rounds,
        retries=happened.count(Event.RUN_FAILED),
        tier=max(tiers, default=0),
        findings=sum(len(entry.event.findings) for entry in history.verdicts),
        controls_held=verdict.controls.held if verdict else UNKNOWN,
        red_on_base=verdict.controls.red_on_base if verdict else UNKNOWN,
    )


def followed(entries: Iterable[Entry]) -> tuple[Followed, ...]:
    """Every landing with its outcome, in the order of landing."""
    known = tuple(entries)
    found = _outcomes(known)
    past = [
        _followed(history, landing, found.get(landing.commit, {}))
        for history in histories(known)
        for landing in landings(history)
    ]
    return tuple(sorted(past, key=lambda one: (one.landed, one.commit)))


def _outcomes(entries: Iterable[Entry]) -> dict[str, dict[Outcome, str]]:
    """By commit: each outcome that was found, and when it was found first."""
    found: dict[str, dict[Outcome, str]] = {}
    for entry in entries:
        for commit, outcome in _outcomes_in(entry):
            found.setdefault(commit, {}).setdefault(outcome, entry.at)
    return found


def _outcomes_in(entry: Entry) -> Iterator[tuple[str, Outcome]]:
    match entry.event:
        case Reverted(of=commit):
            yield commit, Outcome.REVERTED
        case RegressionTraced(culprit=commit) if commit:
            yield commit, Outcome.REGRESSED
        case LandingFollowed(commit=commit, outcome=outcome):
            yield commit, outcome


def _followed(history: History, landing: OwnLanding, found: dict[Outcome, str]) -> Followed:
    before = History(
        history.issue, tuple(entry for entry in history.entries if entry.seq < landing.seq)
    )
    files = _files(before)
    area = "" if files is UNKNOWN else main_area(files)
    outcome = next((one for one in _WORST if one in found), Outcome.OPEN)
    return Followed(
        landing.issue,
        landing.commit,
        traits(before, files, area=area),
        outcome,
        landed=datetime.fromisoformat(landing.at),
        known=datetime.fromisoformat(found.get(outcome, landing.at)),
        paths=() if files is UNKNOWN else tuple(change.name for change in files),
    )


def _files(history: History) -> Maybe[tuple[FileChange, ...]]:
    """The files of the change that the rules were asked about last."""
    asked = history.of(FactsRecorded)
    return facts_from_json(asked[-1].event.facts).files if asked else UNKNOWN


def _lines(files: Sequence[FileChange]) -> Maybe[int]:
    counted = [change.lines for change in files]
    return UNKNOWN if UNKNOWN in counted else sum(one for one in counted if one is not UNKNOWN)


def _outside_tests(files: Sequence[FileChange]) -> Iterator[FileChange]:
    return (change for change in files if not _TESTS & {*change.path.split(b"/")[:-1]})
