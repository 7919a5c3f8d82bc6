"""The production demo as steps, in their order. Each does something, looks what came of it in the
ledger, on the forge and in the environments, and raises BrokenPromise where that is not what was
promised. People's acts, which the demo does in their place, are named as such."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from harness.domain.errors import FactoryError
from harness.domain.events import CommandGiven
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import State
from harness.domain.release import ReleaseState
from harness.factory.pipeline.tick import current_policy, tick
from harness.factory.records.history import history_of
from harness.factory.records.releases import RESUME_RELEASES, Release
from harness.factory.reporting.comments.error_issue import MARKER
from harness.factory.stages import revert
from harness.home.places import FOLDER, local_places, stop_place
from harness.operations.maintenance.sealed_journeys import MISSION, open_journeys
from harness.operations.production_demo.example import recorded_answers
from harness.operations.production_demo.timeline import timeline
from harness.operations.production_demo.visitors import (
    book,
    health_of,
    status_of,
    waiting_visitors,
)
from harness.wiring import Works

RELEASE_SECONDS, REPORT_SECONDS, POLL_SECONDS = 600.0, 60.0, 0.1
SETTLE_SECONDS = 2.0
"""Many times as long as the SDK took for all events before."""
ROLLBACK_SECONDS = 60.0
FIRST, SECOND, THIRD, FOURTH = 1, 2, 3, 4
FULL_WALK, ITS_PLACES = 2, 8
VISITORS = 4
"""As many as the app has threads."""
ERRORS = 50
TOO_MANY = "/room?people=30"


class BrokenPromise(Exception):
    """What was seen is not what was promised."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was done: what it is about, what was seen, and how long it took."""

    title: str
    seen: str
    seconds: float
    holds: bool


@dataclass(slots=True)
class Story:
    """The factory at work on the demo's home. `recordings` is the folder with the answers for the
    issue that the factory will file. `good` is the commit that production has to serve."""

    works: Works
    home: Path
    recordings: Path
    journey: str
    good: CommitSha = field(default=CommitSha(""))
    error_issue: int = 0

    def addresses(self) -> Iterator[tuple[str, str]]:
        """Where the forge and the environments are reached, for people."""
        yield "forge", self.works.url
        for one in current_policy(self.works.services).config.environments:
            yield one.name, one.url

    def first_lands(self) -> str:
        return self._landed(FIRST)

    def journey_is_sealed(self) -> str:
        with open_journeys(self.home) as store:
            done = store.added(self.journey, issue=MISSION, reason="booking must always work")
        _promised(done.outcome == "sealed", f"{done.outcome}: {done.message}")
        return "a maintainer's journey for M-BOOK: it is the smoke from here on"

    def first_goes_live(self) -> str:
        release = self._released(ReleaseState.DONE)
        self.good = release.commit
        self._promise_serves("staging", release.commit)
        self._promise_serves("production", release.commit)
        return timeline(release)

    def second_lands(self) -> str:
        # Real data are not as neat as those that the judge has.
        place = self.home / FOLDER / "staging" / "data" / "tidebook.sqlite"
        with closing(sqlite3.connect(place, timeout=10)) as data, data:
            data.execute(
                "INSERT INTO walks (title, guide, starts_at, meeting_point, capacity)"
                " VALUES ('Moonlight walk', 'Bo', '2030-06-01, after dinner', 'Dike gate 3', 6)"
            )
        return f"{self._landed(SECOND)}; staging has a walk that a guide wrote down by hand"

    def smoke_holds_second(self) -> str:
        release = self._released(ReleaseState.HELD)
        _promised("sealed journey is red in staging" in release.fault, release.fault)
        touched = {one.event.environment for one in release.moves + release.switches}
        _promised(touched == {"staging"}, f"it was in {', '.join(sorted(touched))}")
        self._promise_serves("staging", self.good)
        self._promise_serves("production", self.good)
        return f"production untouched; {self._filed(release)}; {timeline(release)}"

    def third_lands(self) -> str:
        self._take_back(SECOND)
        return f"a maintainer takes #{SECOND} back and resumes; {self._landed(THIRD)}"

    def third_is_rolled_back(self) -> str:
        self._until(lambda: self._is_in(ReleaseState.WATCHED))
        production = self._url("production")
        _promised(
            book(production, FULL_WALK, people=ITS_PLACES) == 303, "the walk could not be booked"
        )
        began = time.monotonic()
        with waiting_visitors(production, f"/walks/{FULL_WALK}/free", count=VISITORS):
            release = self._released(ReleaseState.ROLLED_BACK)
            self._promise_serves("production", self.good)
            seconds = time.monotonic() - began
        _promised(seconds <= ROLLBACK_SECONDS, f"it took {seconds:.1f} s")
        return (
            f"{VISITORS} visitors of a full walk hold all threads; {seconds:.1f} s after they came"
            f" production serves the release before; {self._filed(release)}; {timeline(release)}"
        )

    def fourth_goes_live(self) -> str:
        self._take_back(THIRD)
        landed = self._landed(FOURTH)
        release = self._released(ReleaseState.DONE)
        self.good = release.commit
        self._promise_serves("production", release.commit)
        return f"a maintainer takes #{THIRD} back and resumes; {landed}; {timeline(release)}"

    def errors_are_one_issue(self) -> str:
        began = time.monotonic()
        found = [self._visit(TOO_MANY) for _ in range(ERRORS)]
        _promised(found == [500] * ERRORS, f"the answers were {sorted(set(found))}")
        _wait_for(lambda: self._events() >= ERRORS, f"{ERRORS} events at the intake")
        took = time.monotonic() - began
        self._look()
        issues = self._error_issues()
        _promised(len(issues) == 1, f"{len(issues)} issues are filed")
        ((self.error_issue, body),) = issues
        missing = [one for one in (f"issues/{FOURTH})", f"Seen: {ERRORS} times") if one not in body]
        _promised(not missing, f"#{self.error_issue} does not name {', '.join(missing)}")
        return (
            f"{ERRORS} events of Sentry's SDK in {took:.1f} s; one issue, #{self.error_issue},"
            f" names release {self.good:.10} and #{FOURTH}"
        )

    def fix_lands(self) -> str:
        sealed = self.works.services.places.sealed
        recorded_answers(self.recordings, self.error_issue, self.home, sealed)
        return self._landed(self.error_issue)

    def errors_stop(self) -> str:
        release = self._released(ReleaseState.DONE)
        self._promise_serves("production", release.commit)
        before = self._all_events()
        found = [self._visit(TOO_MANY) for _ in range(ERRORS)]
        _promised(found == [200] * ERRORS, f"the answers were {sorted(set(found))}")
        time.sleep(SETTLE_SECONDS)
        more = self._all_events() - before
        _promised(not more, f"{more} events have come in")
        return f"the same {ERRORS} visits are answered, no event more; {timeline(release)}"

    def _landed(self, issue: int) -> str:
        services = self.works.services
        tick(services, self.works.dispatch, only={issue})
        history = history_of(services.ledger, issue)
        _promised(
            history.state is State.MERGED and history.landed is not None,
            f"#{issue} is {history.state}",
        )
        assert history.landed is not None
        return f"#{issue} landed as {history.landed.commit:.10}"

    def _look(self) -> None:
        """A look of the factory that moves no issue: it watches the tip, and what is released."""
        tick(self.works.services, self.works.dispatch, states=frozenset(), hours={})

    def _until(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + RELEASE_SECONDS
        while not is_so():
            _promised(time.monotonic() < until, f"nothing came of it in {RELEASE_SECONDS:g} s")
            time.sleep(POLL_SECONDS)
            self._look()

    def _released(self, end: ReleaseState) -> Release:
        """The release of what landed last, once it has ended."""
        self._until(lambda: self._newest() is not None and self._is_ended())
        release = self._newest()
        assert release is not None
        _promised(
            release.state is end, f"release {release.number} is {release.state}: {_why(release)}"
        )
        return release

    def _newest(self) -> Release | None:
        """The release of what landed last; None before it has begun."""
        index = self.works.services.releases
        last, landings = index.last(), index.landings()
        return last if last and landings and last.commit == landings[-1].commit else None

    def _is_ended(self) -> bool:
        release = self._newest()
        if release is None or not release.has_ended:
            return False
        # What turned red is filed at the next look.
        return release.state is ReleaseState.DONE or bool(release.filed)

    def _is_in(self, state: ReleaseState) -> bool:
        release = self._newest()
        if release is not None and release.has_ended:
            raise BrokenPromise(f"release {release.number} is {release.state}: {_why(release)}")
        return release is not None and release.state is state

    def _filed(self, release: Release) -> str:
        return f"#{release.filed} is filed"

    def _take_back(self, issue: int) -> None:
        """What a maintainer does with `factory revert` and `factory releases resume`."""
        services = self.works.services
        why = "taken back by a maintainer"
        revert.land(services, issue, rules=current_policy(services).digest, reason=why)
        number = len(services.ledger.entries(kind=CommandGiven.kind))
        command = CommandGiven(RESUME_RELEASES, why=why)
        services.ledger.append(command, f"command/{number}/{RESUME_RELEASES}")

    def _url(self, environment: str) -> str:
        places = current_policy(self.works.services).config.environments
        return next(one.url for one in places if one.name == environment)

    def _visit(self, path: str) -> int:
        return status_of(f"{self._url('production')}{path}")

    def _promise_serves(self, environment: str, commit: str) -> None:
        found = health_of(self._url(environment))
        _promised(
            (found.get("environment"), found.get("commit")) == (environment, commit),
            f"{environment} answers {found}",
        )

    def _events(self) -> int:
        """How many errors of what production has to serve have come in."""
        errors = self.works.services.errors
        found = errors.groups() if errors else ()
        return sum(one.count for one in found if one.release == self.good)

    def _all_events(self) -> int:
        errors = self.works.services.errors
        return sum(one.count for one in errors.groups()) if errors else 0

    def _error_issues(self) -> list[tuple[int, str]]:
        """What stands on the forge about errors of that release: each issue's number and text."""
        found = self.works.services.forge.issues(since="2000-01-01T00:00:00+00:00")
        return [
            (one.number, one.body)
            for one in found
            if one.body.startswith(MARKER) and f"`{self.good:.10}`" in one.body
        ]


Act = tuple[str, Callable[[Story], str]]
STEPS: tuple[Act, ...] = (
    ("A change lands", Story.first_lands),
    ("A journey is sealed", Story.journey_is_sealed),
    ("It goes to staging, soaks, is live", Story.first_goes_live),
    ("A second change lands", Story.second_lands),
    ("The smoke holds it", Story.smoke_holds_second),
    ("A third change lands", Story.third_lands),
    ("It breaks in production, is rolled back", Story.third_is_rolled_back),
    ("A fourth change is live", Story.fourth_goes_live),
    ("It throws fifty times: one issue", Story.errors_are_one_issue),
    ("The fix lands", Story.fix_lands),
    ("The fix is live, the error stops", Story.errors_stop),
)


def performed(story: Story, steps: Sequence[Act] = STEPS) -> Iterator[Step]:
    """Every step once it is done. The first that does not hold is the last one."""
    for title, act in steps:
        began, holds = time.monotonic(), True
        try:
            seen = act(story)
        except (BrokenPromise, FactoryError, OSError) as error:
            seen, holds = str(error), False
        yield Step(title, seen, round(time.monotonic() - began, 1), holds)
        if not holds:
            return


def end_places(home: Path) -> None:
    """End the processes of all places of a home. Their data stay."""
    for name in local_places(home):
        stop_place(home, name)


def _promised(holds: bool, seen: str) -> None:
    if not holds:
        raise BrokenPromise(seen)


def _why(release: Release) -> str:
    return release.fault or (release.moves[-1].event.message if release.moves else "")


def _wait_for(is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + REPORT_SECONDS
    while not is_so():
        _promised(time.monotonic() < until, f"expected {what} within {REPORT_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
