"""What follows from the errors that apps report: an issue for a new group, or the return of one
whose fix is in the release that reports it. Pure.

Properties:
- a group has one issue, ever;
- a release is a landing only where the ledger has that commit; an unknown release reopens nothing;
- no more issues are filed or opened again on a day (UTC) than is set, whatever the clock does."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.domain.error_groups import ErrorGroup
from harness.domain.events import ErrorIssueFiled, ErrorReturned, Landed, Reverted
from harness.domain.ledger import Entry, Recorded, is_of, of_kind
from harness.domain.plain import JsonDict

SHORTEST_COMMIT = 12
_COMMIT = re.compile(rf"[0-9a-f]{{{SHORTEST_COMMIT},40}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Landing:
    """A commit that the factory put on the default branch, in the order of the ledger (`seq`), for
    `issue`. `is_revert`: it takes back what landed for that issue."""

    seq: int
    commit: str
    issue: int
    at: datetime
    is_revert: bool = False


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """What the decision rests on. `fixes` are the landings of the issues that were filed for a
    group and are merged now."""

    groups: tuple[ErrorGroup, ...]
    filed: tuple[Recorded[ErrorIssueFiled], ...]
    returned: tuple[Recorded[ErrorReturned], ...]
    landings: tuple[Landing, ...]
    fixes: Mapping[int, Landing]


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A group to file an issue for: its first release, all of them, and the landing of the first
    one that names one."""

    group: str
    releases: tuple[ErrorGroup, ...]
    landing: Landing | None

    @property
    def count(self) -> int:
        """How many events it has, of all releases."""
        return sum(one.count for one in self.releases)

    @property
    def release(self) -> str:
        """The release whose landing is named, or else the first one."""
        return _release_of(self.releases, self.landing)


@dataclass(frozen=True, slots=True)
class ReturnedGroup:
    """A group that a release with its fix reported again. `is_by_secret`: so did a service that
    has a secret, and not only whoever has a DSN."""

    group: str
    issue: int
    fix: Landing
    landing: Landing
    is_by_secret: bool


def landings_in(entries: Iterable[Entry]) -> tuple[Landing, ...]:
    """What landed, oldest first."""
    found = []
    for entry in entries:
        if is_of(entry, Landed) or is_of(entry, Reverted):
            at = entry.moment
            reverted = is_of(entry, Reverted)
            found.append(Landing(entry.seq, entry.event.commit, entry.issue or 0, at, reverted))
    return tuple(found)


def landing_of(release: str, landings: Sequence[Landing]) -> Landing | None:
    """The landing that a release names: its commit, or the beginning of it, alone or behind a name
    and `@` or a version and `+`. None where no landing, or more than one, has that commit."""
    name = re.split(r"[@+]", release.lower())[-1]
    if not _COMMIT.fullmatch(name):
        return None
    found = [one for one in landings if one.commit.startswith(name)]
    return found[0] if len(found) == 1 else None


def new_groups(facts: ErrorFacts, *, least: int) -> tuple[NewGroup, ...]:
    """The groups that have no issue yet and were seen at least that often, the most frequent
    first."""
    filed = {one.event.group for one in facts.filed}
    rows: dict[str, list[ErrorGroup]] = {}
    for one in facts.groups:
        if one.group not in filed:
            rows.setdefault(one.group, []).append(one)
    found = [
        NewGroup(name, tuple(releases), _first_landing(releases, facts.landings))
        for name, releases in rows.items()
    ]
    return tuple(
        sorted(
            (one for one in found if one.count >= least),
            key=lambda one: (-one.count, one.releases[0].first_at, one.group),
        )
    )


def room_today(facts: ErrorFacts, now: datetime, *, per_day: int) -> int:
    """How many more issues may be filed or opened again today."""
    today = now.astimezone(UTC).date()
    # Not `==`: after the clock was set back, what was done in its future counts as well.
    used = sum(one.moment.date() >= today for one in (*facts.filed, *facts.returned))
    return max(0, per_day - used)


def returned_groups(facts: ErrorFacts, *, least: int) -> tuple[ReturnedGroup, ...]:
    """The groups whose issue is merged, and whose errors came after that, at least that often, from
    a release which has the landing."""
    issue_of = {one.event.group: one.event.issue for one in facts.filed}
    acted = {(one.event.group, one.event.fix) for one in facts.returned}
    found: dict[str, ReturnedGroup] = {}
    for one in facts.groups:
        fix = facts.fixes.get(issue_of.get(one.group, 0))
        if fix is None or (one.group, fix.commit) in acted or one.group in found:
            continue
        if one.count < least:
            continue
        landing = landing_of(one.release, facts.landings)
        # A release before the fix may go on to fail for as long as it is in use somewhere.
        if landing is None or landing.seq < fix.seq or datetime.fromisoformat(one.last_at) < fix.at:
            continue
        found[one.group] = ReturnedGroup(
            one.group, issue_of[one.group], fix, landing, is_by_secret=one.by_secret >= least
        )
    return tuple(found.values())


def _first_landing(releases: Sequence[ErrorGroup], landings: Sequence[Landing]) -> Landing | None:
    found = (landing_of(one.release, landings) for one in releases)
    return next((one for one in found if one is not None), None)


def _release_of(releases: Sequence[ErrorGroup], landing: Landing | None) -> str:
    for one in releases:
        if landing is not None and landing_of(one.release, (landing,)):
            return one.release
    return releases[0].release


def overview_of(groups: Sequence[ErrorGroup], done: Sequence[Entry]) -> tuple[JsonDict, ...]:
    """The groups as documents, the latest first: `group`, `count`, `first_at`, `last_at`, the
    `releases`, the `landed` issue of the last release that is known (0: unknown), and the `issue`
    that was filed (0: none). `done` are the ledger's effects."""
    landings = landings_in(done)
    issues = {one.event.group: one.event.issue for one in of_kind(done, ErrorIssueFiled)}
    rows: dict[str, list[ErrorGroup]] = {}
    for one in sorted(groups, key=lambda one: one.last_at, reverse=True):
        rows.setdefault(one.group, []).append(one)
    found = []
    for name, releases in rows.items():
        landing = _first_landing(releases, landings)
        found.append(
            {
                "group": name,
                "count": sum(one.count for one in releases),
                "first_at": min(one.first_at for one in releases),
                "last_at": releases[0].last_at,
                "releases": [one.release for one in releases],
                "landed": landing.issue if landing else 0,
                "issue": issues.get(name, 0),
            }
        )
    return tuple(found)
