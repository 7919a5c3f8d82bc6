"""Events of the watch: what landed work showed later, who broke it, and what followed."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.events.effects import EffectDone
from harness.domain.plain import OPTIONAL


class Cause(StrEnum):
    """Why a commit was observed. The first two are about the tip of the default branch; `search`
    looks for the landing that broke something, `origin` for where a reported bug came from."""

    MOVED = "moved"
    NIGHT = "night"
    SEARCH = "search"
    ORIGIN = "origin"

    @property
    def of_tip(self) -> bool:
        return self in (Cause.MOVED, Cause.NIGHT)


@dataclass(frozen=True, slots=True)
class RedJourney:
    """A journey that is red, by its digest, and what it protects, in words that may be public.
    `issue` is the one that it was written for, 0 for the mission alone."""

    journey: str
    issue: int
    words: str
    observed: str


@dataclass(frozen=True, slots=True)
class CommitObserved(LedgerEvent):
    """Journeys of landed work were performed on a commit, and no change was judged. `green` and
    `unsure` are digests; `standing` is how many were to be performed. `reason` is why nothing is
    known, where nothing is. `about` is the reported bug whose origin is looked for."""

    kind: ClassVar[str] = "observed"

    commit: str
    tree: str
    cause: Cause
    standing: int = 0
    green: tuple[str, ...] = ()
    red: tuple[RedJourney, ...] = ()
    unsure: tuple[str, ...] = ()
    reason: str = ""
    key_id: str = ""
    envelope: str = ""
    envelope_sha256: str = ""
    about: int | None = field(default=None, metadata=OPTIONAL)

    @property
    def is_whole(self) -> bool:
        """Whether every journey that stands was performed."""
        return not self.reason and self.standing == len((*self.green, *self.red, *self.unsure))


@dataclass(frozen=True, slots=True)
class RegressionTraced(LedgerEvent):
    """The search for the landing that broke a journey ended. `seen` is the commit on which it was
    first found red, `before` the commit on which it was green last.

    `culprit` is the landing's commit, empty where none can be named; `message` tells why.
    `culprit_issue` is the issue whose change it was: None for a person's push. `files` are the
    paths that it changed; `**` for all. `escaped` is the reported bug that the journey was written
    for, where the journeys of landed work had missed it."""

    kind: ClassVar[str] = "regression"

    red: RedJourney
    seen: str
    culprit: str = ""
    culprit_issue: int | None = None
    before: str = ""
    files: tuple[str, ...] = ()
    message: str = ""
    escaped: int | None = field(default=None, metadata=OPTIONAL)


class Answer(StrEnum):
    """What followed from a landing that broke something."""

    FIX = "fix"
    REVERT = "revert"
    FILED = "filed"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class RegressionAnswered(LedgerEvent):
    """What follows from the landing `culprit` was decided and done. `number` is the issue that was
    filed for a person's push; `message` is for people."""

    kind: ClassVar[str] = "regression-answered"

    culprit: str
    answer: Answer
    message: str = ""
    number: int | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class RegressionFiled(EffectDone):
    """An issue was filed for a person's push that broke what worked."""

    effect: ClassVar[str] = "file-regression"

    number: int
    culprit: str
