"""How much an area of a repository is trusted with.

Properties:
- without a grant an area begins in shadow, and only outcomes raise it, one level at a time;
- each landing that regressed or was reverted takes a level back, whoever granted it;
- outcomes raise nothing above what the owner granted in the file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from types import MappingProxyType

from harness.domain.landing import Outcome
from harness.domain.trust.changes import Followed, settled


class Level(IntEnum):
    """SHADOW: everything is judged and a person lands it. SMALL: small changes merge alone. FULL:
    whatever the thresholds let through."""

    SHADOW = 0
    SMALL = 1
    FULL = 2

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def lower(self) -> "Level":
        return Level(max(self - 1, Level.SHADOW))


EVIDENCE: Mapping[Level, int] = MappingProxyType({Level.SHADOW: 10, Level.SMALL: 20})
"""How many landings in a row have to stay before an area leaves a level."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The level that the owner's file names for an area: where it begins, and the most it may have.
    What was known to have broken before `since` takes nothing back: the owner has seen it."""

    level: Level
    since: datetime | None = None


def moment_of(text: str) -> datetime | None:
    """A day (its beginning in UTC) or a moment; None for what is neither."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def level_of(area: str, past: Iterable[Followed], granted: Grant | None) -> Level:
    """The level of an area now. `granted` is None where the owner's file names none."""
    level = granted.level if granted else Level.SHADOW
    most = granted.level if granted else Level.FULL
    since = granted.since if granted else None
    stayed = 0
    for one in settled(past):
        if one.traits.area != area or (since and one.known < since):
            continue
        stayed = stayed + 1 if one.outcome is Outcome.STAYED else 0
        if one.outcome.broke:
            level = level.lower
        elif level < most and stayed >= EVIDENCE[level]:
            level, stayed = Level(level + 1), 0
    return level
