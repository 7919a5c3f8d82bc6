"""Releases as every surface shows them: the words of the one table, the place, what was seen."""

from dataclasses import asdict, dataclass
from datetime import datetime

from harness.domain.plain import JsonDict
from harness.domain.release import ENDED, RED, ReleaseState
from harness.domain.shown_states import RELEASES
from harness.factory.records.releases import LivePlace, Release, ReleaseIndex, live_words

SETTLED = RED | {ReleaseState.WATCHED, ReleaseState.DONE}
"""The states that those wait for who filed what a release carries."""


@dataclass(frozen=True, slots=True)
class ReleaseSummary:
    """One release in a list. `state` is the stored one, `shown` what people read. `environment` is
    where it is or was last, `at` since when. `fault` is why it turned red, text from outside, and
    `filed` the issue about that; empty and 0 where there is none. Where it is watched, `well` of
    `wanted` healthy answers came."""

    number: int
    commit: str
    issues: tuple[int, ...]
    state: str
    shown: str
    color: str
    environment: str
    at: datetime
    fault: str = ""
    filed: int = 0
    well: int = 0
    wanted: int = 0

    @property
    def stands(self) -> str:
        """Where it stands, for people: `soaking in staging`."""
        return stands(ReleaseState(self.state), self.environment)

    @property
    def words(self) -> str:
        """The same, with how far it is: `soaking in staging, 3 of 9 healthy answers`."""
        seen = f", {self.well} of {self.wanted} healthy answers" if self.wanted else ""
        return f"{self.stands}{seen}"

    @property
    def whose(self) -> str:
        """The issues that it carries, for people."""
        return ", ".join(f"#{one}" for one in self.issues if one) or "no issue"

    def document(self) -> JsonDict:
        """The release as JSON, its moment in ISO 8601."""
        return {
            **asdict(self),
            "issues": list(self.issues),
            "at": self.at.isoformat(),
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class ReleasesNow:
    """How it is with releases. `newest` is the last one, None before the first; `live` is what the
    environments serve; `held` is why nothing more is released, empty where it is."""

    newest: ReleaseSummary | None
    live: tuple[LivePlace, ...]
    held: str

    @property
    def under_way(self) -> bool:
        """Whether a release has begun and not ended."""
        return self.newest is not None and ReleaseState(self.newest.state) not in ENDED

    @property
    def has_failed_rollback(self) -> bool:
        """Whether the last release is red, live and could not be taken back."""
        return self.newest is not None and self.newest.state == ReleaseState.NEEDS_HUMAN

    def document(self) -> JsonDict:
        """The object that `factory status --json` has under `releases`."""
        return {
            "newest": self.newest and self.newest.document(),
            "under_way": self.under_way,
            "rollback_failed": self.has_failed_rollback,
            "live": [live_document(one) for one in self.live],
            "held": self.held,
        }


def stands(state: ReleaseState, environment: str) -> str:
    """The words of a state, with the environment."""
    phrase = RELEASES[state].phrase
    preposition = "from" if state is ReleaseState.NEEDS_HUMAN else "in"
    return f"{phrase} {preposition} {environment}" if environment else phrase


def release_summary(release: Release) -> ReleaseSummary:
    """One release as it appears in a list."""
    row, (well, wanted) = RELEASES[release.state], release.soaked()
    return ReleaseSummary(
        release.number,
        release.commit,
        release.began.event.carries,
        release.state.value,
        row.phrase,
        row.color,
        release.environment,
        release.changed_at,
        release.fault,
        release.filed,
        well,
        wanted,
    )


def releases_now(index: ReleaseIndex) -> ReleasesNow:
    """How it is with releases, from a whole index."""
    last = index.last()
    return ReleasesNow(release_summary(last) if last else None, index.live(), index.why_frozen())


def carried_words(index: ReleaseIndex, issue: int) -> str:
    """What became of the issue's landing, for who filed it; empty where no release carries it."""
    releases = index.of_issue(issue)
    if not releases:
        return ""
    last = releases[-1]
    filed = f" (#{last.filed} is about that)" if last.filed else ""
    where = stands(last.state, last.environment) if last.state in SETTLED else "on its way"
    return f"Release {last.number}, which carries this, is {where}{filed}."


def live_document(one: LivePlace) -> JsonDict:
    """The place as JSON, its moment in ISO 8601."""
    return {**asdict(one), "at": one.at.isoformat(), "words": live_words(one)}
