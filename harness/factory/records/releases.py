"""Releases, folded from the ledger. Nothing here remembers a status.

Properties:
- one release is under way at a time: the last one, unless it has ended;
- after a red end nothing is released, until a person resumes or the issue about it has landed;
- the last good release of an environment is the last one that was watched there to its end;
- an entry that does not fit those before it is never passed over: what is missing may be that a
  release is red."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from harness.domain.deployment import Environment
from harness.domain.errors import IllegalTransition, LedgerError
from harness.domain.events import (
    CommandGiven,
    HealthSeen,
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
    answers_wanted,
    next_release_state,
)
from harness.domain.shown_states import RELEASES
from harness.factory.records.error_groups import Landing, landings_in
from harness.ports.ledger import Ledger

HOLD_RELEASES, RESUME_RELEASES = "releases-hold", "releases-resume"
"""A person's commands: release nothing, and release again."""


@dataclass(slots=True)
class Release:
    """One release: how it began, and all that happened to it, oldest first. `filed` is the issue
    about what was red, 0 for none."""

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
    def name(self) -> str:
        return f"release-{self.number}"

    @property
    def commit(self) -> CommitSha:
        return CommitSha(self.began.event.commit)

    @property
    def environments(self) -> tuple[Environment, ...]:
        return self.began.event.environments

    @property
    def issue(self) -> int:
        """The issue whose landing it is; 0 for none."""
        return self.began.event.carries[-1] if self.began.event.carries else 0

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def environment(self) -> str:
        """Where it is, or was last; empty before the first."""
        return self.moves[-1].event.environment if self.moves else ""

    @property
    def place(self) -> Environment:
        """The environment that it is in; the first one before that."""
        found = (one for one in self.environments if one.name == self.environment)
        return next(found, self.environments[0])

    @property
    def next_place(self) -> Environment | None:
        """The environment that follows; None after the last one."""
        if not self.moves:
            return self.environments[0]
        rest = self.environments[self.environments.index(self.place) + 1 :]
        return rest[0] if rest else None

    @property
    def is_in_production(self) -> bool:
        return bool(self.moves) and self.next_place is None

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
        """How many errors of its commit had come in when it went live where it is."""
        live = self._live()
        return live.event.errors if live else 0

    @property
    def changed_at(self) -> datetime:
        """When the last thing happened to it."""
        return (self.moves[-1] if self.moves else self.began).moment

    def tries(self, event: ReleaseEvent) -> int:
        """How often this happened since anything else did."""
        count = 0
        for one in reversed(self.moves):
            if one.event.event is not event:
                break
            count += 1
        return count

    def answers_here(self) -> tuple[Recorded[HealthSeen], ...]:
        """What its environment answered since it is live there."""
        live = self._live()
        since = live.seq if live else self.began.seq
        return tuple(one for one in self.answers if one.seq > since)

    def soaked(self) -> tuple[int, int]:
        """How many healthy answers came where it is watched now, and how many are wanted there;
        zeros where it is not watched."""
        if self.state not in SOAKS:
            return 0, 0
        wanted = answers_wanted(self.place.soak_seconds, self.place.health_every)
        return min(wanted, sum(one.event.well for one in self.answers_here())), wanted

    def passed(self) -> frozenset[str]:
        """The environments in which it was watched to the end."""
        found, state, place = set(), ReleaseState.LANDED, ""
        for one in self.moves:
            if state in SOAKS and one.event.event is not ReleaseEvent.TURNED_RED:
                found.add(place)
            state, place = next_release_state(state, one.event.event), one.event.environment
        return frozenset(found)

    def _live(self) -> Recorded[ReleaseMoved] | None:
        live = [one for one in self.moves if one.event.event is ReleaseEvent.LIVE]
        return live[-1] if live else None


@dataclass(frozen=True, slots=True)
class LivePlace:
    """What an environment serves since `at`: a commit, the release that brought it and the issue
    that it landed for, both 0 for none. `is_rollback`: it is there again, since another was taken
    back."""

    environment: str
    commit: CommitSha
    release: int
    issue: int
    at: datetime
    is_rollback: bool = False


def live_words(one: LivePlace) -> str:
    """What an environment serves, for people."""
    release = f"release {one.release}" if one.release else "no release"
    whose = f" for #{one.issue}" if one.issue else ""
    again = ", again after a rollback" if one.is_rollback else ""
    return (
        f"{one.environment} serves {one.commit:.12} ({release}{whose}) since"
        f" {one.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{again}"
    )


class ReleaseIndex:
    """Every release, from a ledger that is read once. Any thread may use it. `entries` are the
    ledger's, from the first on, where somebody has read them already.

    Every answer raises LedgerError where the ledger has an entry of a release that never began or
    cannot have come so far, or where what a release brought has not landed."""

    def __init__(self, ledger: Ledger, entries: Sequence[Entry] = ()) -> None:
        self._ledger, self._lock, self._last = ledger, threading.Lock(), 0
        self._releases: dict[int, Release] = {}
        self._landings: list[Landing] = []
        self._marks: list[Recorded[CommandGiven]] = []
        self._take_all(entries)

    def all(self) -> tuple[Release, ...]:
        """Every release, oldest first."""
        with self._lock:
            self._take_all(self._ledger.entries(after=self._last))
            return tuple(self._releases.values())

    def last(self) -> Release | None:
        """The newest release; None before the first."""
        return (self.all() or (None,))[-1]

    def current(self) -> Release | None:
        """The release that is under way; None where none is."""
        last = self.last()
        return None if last is None or last.has_ended else last

    def landings(self) -> tuple[Landing, ...]:
        """What landed, oldest first."""
        self.all()
        return tuple(self._landings)

    def waiting(self) -> tuple[Landing, ...]:
        """What landed, and reaches people with the next release: all since the last one that came
        to its good end. Before the first release, the newest alone."""
        done = [one for one in self.all() if one.state is ReleaseState.DONE]
        landings = self.landings()
        if not done:
            return landings[-1:]
        commits = [one.commit for one in landings]
        if done[-1].commit not in commits:
            raise _misfit(done[-1].began, f"commit {done[-1].commit:.10} had not landed")
        return landings[commits.index(done[-1].commit) + 1 :]

    def last_good(self, environment: str, *, before: int) -> Release | None:
        """The last release before that number that was watched there to its end."""
        passed = [one for one in self.all() if one.number < before and environment in one.passed()]
        return passed[-1] if passed else None

    def live(self) -> tuple[LivePlace, ...]:
        """What each environment serves, as the last switch there found, in the order of the last
        release that began."""
        found: dict[str, LivePlace] = {}
        releases = self.all()
        for release in releases:
            for one in release.switches:
                found[one.event.environment] = self._live_place(one)
        order = [one.name for one in releases[-1].environments] if releases else []
        return tuple(found[name] for name in order if name in found)

    def of_issue(self, issue: int) -> tuple[Release, ...]:
        """The releases that carry a landing of this issue, oldest first."""
        return tuple(one for one in self.all() if issue in one.began.event.carries)

    def about(self, issue: int) -> Release | None:
        """The red release that this issue was filed about; None for every other issue."""
        return next((one for one in self.all() if issue and one.filed == issue), None)

    def serving(self, landing: Landing) -> tuple[LivePlace, ...]:
        """The environments whose commit has this landing, and no later revert of it."""
        landings = self.landings()
        position = {one.commit: one.seq for one in landings}
        reverts = [one.seq for one in landings if one.is_revert and one.issue == landing.issue]

        def has_it(place: LivePlace) -> bool:
            # What lands later stands on what landed before.
            through = position.get(place.commit, 0)
            is_taken_back = any(landing.seq < revert <= through for revert in reverts)
            return landing.seq <= through and not is_taken_back

        return tuple(place for place in self.live() if has_it(place))

    def _live_place(self, switched: Recorded[Switched]) -> LivePlace:
        event = switched.event
        served = [one for one in self._releases.values() if one.commit == event.commit]
        # After a rollback it is served for the release that brought it, not for the one taken back.
        release = served[-1] if served and event.is_rollback else None
        issue = next((one.issue for one in self._landings if one.commit == event.commit), 0)
        return LivePlace(
            event.environment,
            CommitSha(event.commit),
            release.number if release else 0 if event.is_rollback else event.number,
            issue,
            switched.moment,
            is_rollback=event.is_rollback,
        )

    def is_resumed(self) -> bool:
        """Whether a person said to go on after the last release ended."""
        last = self.last()
        return last is not None and last.has_ended and self._resumed_after(last)

    def person_holds(self) -> str:
        """Why a person holds releases; empty where nobody does."""
        self.all()
        if not self._marks or self._marks[-1].event.command != HOLD_RELEASES:
            return ""
        return f"a person holds releases: {self._marks[-1].event.why or 'no reason was given'}"

    def why_frozen(self) -> str:
        """Why nothing is released, in words that may hold text from outside; empty where it is."""
        if held := self.person_holds():
            return held
        last = self.last()
        if last is None or last.state not in RED or self._resumed_after(last):
            return ""
        ended = last.moves[-1].seq
        if last.filed and any(
            one.issue == last.filed and one.seq > ended for one in self._landings
        ):
            return ""
        mend = f"#{last.filed} lands" if last.filed else "its issue lands"
        return f"release {last.number} is {RELEASES[last.state].phrase}: {last.fault}; until {mend}"

    def _resumed_after(self, last: Release) -> bool:
        return bool(
            self._marks
            and self._marks[-1].event.command == RESUME_RELEASES
            and self._marks[-1].seq > (last.moves[-1] if last.moves else last.began).seq
        )

    def _take_all(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._take(entry)
            self._last = entry.seq

    def _take(self, entry: Entry) -> None:
        self._landings += landings_in((entry,))
        if is_of(entry, CommandGiven):
            if entry.event.command in (HOLD_RELEASES, RESUME_RELEASES):
                self._marks.append(entry)
        elif is_of(entry, ReleaseBegan):
            self._releases[entry.event.number] = Release(entry)
        elif is_of(entry, ReleaseMoved):
            one = self._release(entry, entry.event.number)
            one.state = _next_state(one, entry)
            one.moves.append(entry)
        elif is_of(entry, HealthSeen):
            self._release(entry, entry.event.number).answers.append(entry)
        elif is_of(entry, SmokeSeen):
            self._release(entry, entry.event.number).smokes.append(entry)
        elif is_of(entry, Switched):
            self._release(entry, entry.event.number).switches.append(entry)
        elif is_of(entry, ReleaseIssueFiled):
            self._release(entry, entry.event.release).filed = entry.event.issue

    def _release(self, entry: Entry, number: int) -> Release:
        """The release that an entry is about."""
        if number not in self._releases:
            raise _misfit(entry, f"release {number} never began")
        return self._releases[number]


def _next_state(release: Release, entry: Recorded[ReleaseMoved]) -> ReleaseState:
    try:
        return next_release_state(release.state, entry.event.event)
    except IllegalTransition as error:
        raise _misfit(entry, f"release {release.number}: {error}") from error


def _misfit(entry: Entry, why: str) -> LedgerError:
    return LedgerError(
        f"entry {entry.seq} of the ledger, `{entry.key}`, does not fit those before it: {why}; run"
        " `factory audit`, which names what is wrong"
    )
