"""The audit of releases: the ledger's entries are replayed, and each is held against those before.

Properties:
- a release that is there twice, began beside another one, or moved as the table forbids, is found;
- so is one that went on without its switch, its smoke or its whole soak, and a rollback to what was
  never served there;
- after a fault of a release, what follows of it is still read: one fault hides no other."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.domain.deployment import Environment
from harness.domain.errors import GitError, IllegalTransition
from harness.domain.events import (
    CommandGiven,
    HealthSeen,
    Landed,
    ReleaseBegan,
    ReleaseIssueFiled,
    ReleaseMoved,
    Reverted,
    SmokeSeen,
    Switched,
)
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, of_kind
from harness.domain.release import (
    ENDED,
    RED,
    SOAKS,
    ReleaseEvent,
    ReleaseState,
    answers_wanted,
    next_release_state,
)
from harness.domain.shortened import count
from harness.factory.records.releases import RESUME_RELEASES
from harness.ports.git import Repository

_PROMOTIONS = (ReleaseEvent.STAGED, ReleaseEvent.PROMOTED)
_TAKEN_BACK = (ReleaseEvent.HELD, ReleaseEvent.TAKEN_BACK)


@dataclass(slots=True)
class _Replayed:
    """One release as far as it was read. `well` and `smoke` are what its environment showed since
    it went there, `switched` where a switch was made, and whether it took the release back."""

    began: ReleaseBegan
    state: ReleaseState = ReleaseState.LANDED
    place: str = ""
    well: int = 0
    smoke: SmokeSeen | None = None
    switched: set[tuple[str, bool]] = field(default_factory=set)
    filed: int = 0

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.began.environments]

    @property
    def environment(self) -> Environment | None:
        return next((one for one in self.began.environments if one.name == self.place), None)


def release_faults(
    entries: Sequence[Entry], repository: Repository, home: Path
) -> Iterator[tuple[int, str]]:
    """The number of each entry that does not fit, and what is wrong with it."""
    replay = _Replay(repository, home)
    for entry in entries:
        for message in replay.faults(entry):
            yield entry.seq, message


def not_asked(entries: Sequence[Entry]) -> Iterator[str]:
    """What an audit of the ledger cannot know of releases."""
    began = of_kind(entries, ReleaseBegan)
    if began:
        names = ", ".join(one.name for one in began[-1].event.environments)
        yield f"what {names} serve now: the audit asks no environment"
    if signed := [one for one in of_kind(entries, SmokeSeen) if one.event.envelope]:
        yield (
            f"who signed {count(len(signed), 'smoke')}: the digests alone are compared with the"
            " ledger"
        )


class _Replay:
    def __init__(self, repository: Repository, home: Path) -> None:
        self._repository, self._home = repository, home
        self._landed: dict[str, str] = {}
        self._releases: dict[int, _Replayed] = {}
        self._served: dict[str, set[str]] = {}
        # Whether somebody resumed, or the issue about the last red release landed.
        self._is_lifted = True

    def faults(self, entry: Entry) -> Iterator[str]:
        event = entry.event
        match event:
            case Landed() | Reverted():
                # What a revert brings back is compared with git alone.
                self._landed[event.commit] = event.tree if isinstance(event, Landed) else ""
                last = self._last()
                self._is_lifted |= bool(last and last.filed and last.filed == entry.issue)
            case CommandGiven():
                self._is_lifted |= event.command == RESUME_RELEASES
            case ReleaseBegan():
                yield from self._began(event)
            case ReleaseMoved() | HealthSeen() | SmokeSeen() | Switched():
                if one := self._releases.get(event.number):
                    yield from self._of(one, event)
                else:
                    yield f"release {event.number} never began"
            case ReleaseIssueFiled():
                yield from self._filed(event)

    def _last(self) -> _Replayed | None:
        return next(reversed(self._releases.values()), None)

    def _began(self, event: ReleaseBegan) -> Iterator[str]:
        subject, last = f"release {event.number}", self._last()
        if event.number in self._releases:
            yield f"{subject} began twice"
            return
        if last and last.state not in ENDED:
            yield f"{subject} began while release {last.began.number} was under way"
        if last and last.state in RED and not self._is_lifted:
            yield f"{subject} began after a red one that nobody had lifted"
        if last and last.began.commit == event.commit and last.state not in RED:
            yield f"{subject} brings what release {last.began.number} brought"
        yield from self._tree_faults(event, subject)
        self._releases[event.number] = _Replayed(event)

    def _tree_faults(self, event: ReleaseBegan, subject: str) -> Iterator[str]:
        landed = self._landed.get(event.commit)
        if landed is None:
            yield f"{subject}: commit {event.commit:.10} had not landed"
            return
        if landed not in ("", event.tree):
            yield f"{subject}: its tree is not the one that landed"
        try:
            if self._repository.tree_of(CommitSha(event.commit)) != event.tree:
                yield f"{subject}: commit {event.commit:.10} has another tree"
        except GitError as error:
            yield f"{subject}: {error}"

    def _of(
        self, one: _Replayed, event: ReleaseMoved | HealthSeen | SmokeSeen | Switched
    ) -> Iterator[str]:
        match event:
            case ReleaseMoved():
                yield from (f"release {event.number}: {fault}" for fault in self._moved(one, event))
            case HealthSeen():
                one.well += event.well if event.environment == one.place else 0
            case SmokeSeen():
                one.smoke = event
                yield from self._smoke_faults(event)
            case Switched():
                yield from self._switched(one, event)

    def _moved(self, one: _Replayed, event: ReleaseMoved) -> Iterator[str]:
        yield from _missing(one, event)
        yield from _wrong_place(one, event)
        if event.event in _PROMOTIONS:
            one.place, one.well, one.smoke = event.environment, 0, None
            self._served.setdefault(event.environment, set()).add(event.before)
        elif event.event is ReleaseEvent.LIVE:
            one.well = 0
        elif event.event is ReleaseEvent.TURNED_RED:
            one.place = event.environment
        try:
            one.state = next_release_state(one.state, event.event)
        except IllegalTransition as error:
            yield str(error)
        if one.state in RED:
            self._is_lifted = False

    def _smoke_faults(self, event: SmokeSeen) -> Iterator[str]:
        if not event.envelope:
            return
        subject = f"release {event.number}: its smoke in {event.environment}"
        try:
            content = (self._home / event.envelope).read_bytes()
        except OSError as error:
            yield f"{subject} cannot be read: {error.strerror}"
            return
        if hashlib.sha256(content).hexdigest() != event.envelope_sha256:
            yield f"{subject} was changed after it was recorded"

    def _switched(self, one: _Replayed, event: Switched) -> Iterator[str]:
        subject, place = f"release {event.number}", event.environment
        served = self._served.setdefault(place, set())
        if (place, event.is_rollback) in one.switched:
            yield f"{subject} was switched twice in {place}"
        if event.is_rollback and event.commit not in served:
            yield f"{subject} was taken back to {event.commit:.10}, which {place} never served"
        if not event.is_rollback and event.commit != one.began.commit:
            yield f"{subject} brought {event.commit:.10} to {place}, which is another commit"
        one.switched.add((place, event.is_rollback))
        served.add(event.commit)

    def _filed(self, event: ReleaseIssueFiled) -> Iterator[str]:
        one = self._releases.get(event.release)
        if one is None or one.state not in RED:
            yield f"#{event.issue} is about release {event.release}, which is not red"
        elif one.filed:
            yield f"#{one.filed} and #{event.issue} are about one release, {event.release}"
        if one:
            one.filed = event.issue


def _missing(one: _Replayed, event: ReleaseMoved) -> Iterator[str]:
    """What should have been seen before this."""
    place = one.environment
    if event.event is ReleaseEvent.LIVE and (one.place, False) not in one.switched:
        yield f"it is live in {one.place} without a switch"
    if event.event in _TAKEN_BACK and (one.place, True) not in one.switched:
        yield f"it is taken back in {one.place} without a switch"
    if place is None:
        return
    if event.event is ReleaseEvent.SMOKE_PASSED and place.smoke and not _is_clear(one):
        yield f"its smoke in {one.place} passed without its sealed journeys being green"
    is_further = event.event in (*_PROMOTIONS, ReleaseEvent.SOAKED)
    wanted = answers_wanted(place.soak_seconds, place.health_every)
    if is_further and one.state in SOAKS and one.well < wanted:
        yield f"its soak in {one.place} was cut short: {one.well} of {wanted} healthy answers"


def _is_clear(one: _Replayed) -> bool:
    seen = one.smoke
    return bool(
        seen
        and seen.commit == one.began.commit
        and seen.environment == one.place
        and seen.standing
        and len(seen.green) >= seen.standing
        and not (seen.red or seen.unsure or seen.reason)
    )


def _wrong_place(one: _Replayed, event: ReleaseMoved) -> Iterator[str]:
    """Whether an environment was left out, or another one is meant."""
    names, place = one.names, event.environment
    if event.event in _PROMOTIONS:
        following = names[names.index(one.place) + 1 :] if one.place in names else names
        is_last = event.event is ReleaseEvent.PROMOTED
        if following[:1] != [place] or is_last is not (place == names[-1]):
            yield f"it went to {place or 'nowhere'}, which is not the next environment"
    # Whoever deploys to one place may change a later one, which is then red.
    elif event.event is not ReleaseEvent.TURNED_RED and place != one.place:
        yield f"{event.event} in {place or 'nowhere'}, while it was in {one.place or 'none'}"
