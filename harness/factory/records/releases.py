"""Releases, folded from the ledger. Nothing here remembers a status.

Properties:
- one release is under way at a time: the last one, unless it has ended;
- after a red end nothing is released, until a person resumes or the issue about it has landed;
- the last good release of an environment is the last one that was watched there to its end."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from harness.domain.events import (
    CommandGiven,
    HealthSeen,
    Landed,
    LedgerEvent,
    ReleaseBegan,
    ReleaseIssueFiled,
    ReleaseMoved,
    SmokeSeen,
    Switched,
)
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, Recorded, is_of
from harness.domain.release import (
    ENDED,
    RED,
    SOAKS,
    ReleaseEvent,
    ReleaseState,
    next_release_state,
)
from harness.factory.records.error_groups import Landing, landings_in
from harness.ports.ledger import Ledger

HOLD_RELEASES, RESUME_RELEASES = "releases-hold", "releases-resume"
"""A person's commands: release nothing, and release again."""

_KINDS: tuple[type[LedgerEvent], ...] = (
    ReleaseBegan,
    ReleaseMoved,
    HealthSeen,
    SmokeSeen,
    Switched,
    ReleaseIssueFiled,
)


@dataclass(slots=True)
class Release:
    """One release: how it began, and all that happened to it, oldest first."""

    began: Recorded[ReleaseBegan]
    state: ReleaseState = ReleaseState.LANDED
    moves: list[Recorded[ReleaseMoved]] = field(default_factory=list)
    answers: list[Recorded[HealthSeen]] = field(default_factory=list)
    smokes: list[Recorded[SmokeSeen]] = field(default_factory=list)
    switches: list[Recorded[Switched]] = field(default_factory=list)
    filed: int = 0

    @property
    def number(self) -> int:
        return self.began.event.number

    @property
    def commit(self) -> CommitSha:
        return CommitSha(self.began.event.commit)

    @property
    def issue(self) -> int:
        """The issue whose landing it is."""
        return self.began.event.carries[-1] if self.began.event.carries else 0

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def environment(self) -> str:
        """Where it is, or was last; empty before the first."""
        return self.moves[-1].event.environment if self.moves else ""

    @property
    def fault(self) -> str:
        """Why it turned red; empty where it did not. It may hold text from outside."""
        found = [one.event for one in self.moves if one.event.event is ReleaseEvent.TURNED_RED]
        return found[-1].message if found else ""

    @property
    def before(self) -> str:
        """What the environment served before it went there; empty where nothing is known."""
        here = [one.event for one in self.moves if one.event.environment == self.environment]
        return next((one.before for one in here if one.before), "")

    @property
    def errors_before(self) -> int:
        """How many errors of its commit had come in when it went live there."""
        live = [one.event for one in self.moves if one.event.event is ReleaseEvent.LIVE]
        return live[-1].errors if live else 0

    @property
    def was_in_production(self) -> bool:
        """Whether it went to the last environment, however far it came there."""
        return any(one.event.event is ReleaseEvent.PROMOTED for one in self.moves)

    def tries(self, event: ReleaseEvent) -> int:
        """How often this happened since anything else did."""
        count = 0
        for one in reversed(self.moves):
            if one.event.event is not event:
                break
            count += 1
        return count

    def answers_here(self) -> tuple[HealthSeen, ...]:
        """What its environment answered since it is live there."""
        live = [one.seq for one in self.moves if one.event.event is ReleaseEvent.LIVE]
        since = live[-1] if live else self.began.seq
        return tuple(one.event for one in self.answers if one.seq > since)

    def passed(self) -> frozenset[str]:
        """The environments in which it was watched to the end."""
        found, state = set(), ReleaseState.LANDED
        last = ""
        for one in self.moves:
            is_over = state in SOAKS and one.event.event is not ReleaseEvent.TURNED_RED
            if is_over:
                found.add(last)
            state, last = next_release_state(state, one.event.event), one.event.environment
        return frozenset(found)


def releases(ledger: Ledger) -> tuple[Release, ...]:
    """Every release, oldest first. Without one, this costs one look."""
    if not ledger.entries(kind=ReleaseBegan.kind):
        return ()
    kinds = {kind.kind for kind in _KINDS}
    return releases_in(sorted(
        (one for kind in kinds for one in ledger.entries(kind=kind)), key=lambda one: one.seq
    ))  # fmt: skip


def releases_in(entries: Iterable[Entry]) -> tuple[Release, ...]:
    """The releases of which these entries tell. They are in the ledger's order."""
    found: dict[int, Release] = {}
    for entry in entries:
        if is_of(entry, ReleaseBegan):
            found[entry.event.number] = Release(entry)
        elif is_of(entry, ReleaseMoved):
            one = found[entry.event.number]
            one.state = next_release_state(one.state, entry.event.event)
            one.moves.append(entry)
        elif is_of(entry, HealthSeen):
            found[entry.event.number].answers.append(entry)
        elif is_of(entry, SmokeSeen):
            found[entry.event.number].smokes.append(entry)
        elif is_of(entry, Switched):
            found[entry.event.number].switches.append(entry)
        elif is_of(entry, ReleaseIssueFiled):
            found[entry.event.release].filed = entry.event.issue
    return tuple(found.values())


def last_good(found: Iterable[Release], environment: str, *, before: int) -> Release | None:
    """The last release before that number that was watched there to its end."""
    passed = [one for one in found if one.number < before and environment in one.passed()]
    return passed[-1] if passed else None


def why_held(ledger: Ledger) -> str:
    """Why nothing is released, in words that may hold text from outside; empty where it is."""
    marks = [
        one
        for one in ledger.entries(kind=CommandGiven.kind)
        if is_of(one, CommandGiven) and one.event.command in (HOLD_RELEASES, RESUME_RELEASES)
    ]
    if marks and marks[-1].event.command == HOLD_RELEASES:
        return f"a person holds releases: {marks[-1].event.why or 'no reason was given'}"
    found = releases(ledger)
    if not found or found[-1].state not in RED:
        return ""
    last = found[-1]
    ended = last.moves[-1].seq
    if marks and marks[-1].seq > ended:
        return ""
    if last.filed and any(one.issue == last.filed and one.seq > ended for one in landings(ledger)):
        return ""
    mend = f"#{last.filed} lands" if last.filed else "its issue lands"
    return (
        f"release {last.number} is {last.state}: {last.fault}. Until {mend}, or"
        " `factory releases resume`"
    )


def landings(ledger: Ledger) -> tuple[Landing, ...]:
    """What landed, oldest first."""
    return landings_in(ledger.entries(kind=Landed.kind))


def since(release: Release) -> datetime:
    """When the last thing happened to it."""
    return datetime.fromisoformat((release.moves[-1] if release.moves else release.began).at)
