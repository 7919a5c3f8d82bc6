"""Events of releases: what went where, what was seen there, and what was taken back."""

from dataclasses import dataclass, field
from typing import ClassVar

from harness.domain.deployment import Environment
from harness.domain.events.base import LedgerEvent
from harness.domain.events.effects import EffectDone
from harness.domain.events.watching import RedJourney
from harness.domain.plain import OPTIONAL
from harness.domain.release import ReleaseEvent


@dataclass(frozen=True, slots=True)
class ReleaseBegan(LedgerEvent):
    """A release of the landed commit began, through these environments as they were set then.
    `carries` are the issues whose landings reach people with it, that of the commit last."""

    kind: ClassVar[str] = "release"

    number: int
    commit: str
    tree: str
    environments: tuple[Environment, ...]
    carries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseMoved(LedgerEvent):
    """Something happened to a release, in the environment of this name. `before` is what was served
    there until then, and `errors` how many errors of its commit had come in; both where it goes
    there, or is live. `message` may hold text from outside."""

    kind: ClassVar[str] = "release-moved"

    number: int
    event: ReleaseEvent
    environment: str = ""
    message: str = ""
    before: str = field(default="", metadata=OPTIONAL)
    errors: int = field(default=0, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class HealthSeen(LedgerEvent):
    """Answers of an environment to the question for its health: how many were healthy, and how many
    at the end were not. `message` is the last one's, a stranger's text."""

    kind: ClassVar[str] = "health"

    number: int
    environment: str
    well: int
    unwell: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class SmokeSeen(LedgerEvent):
    """Sealed journeys were performed on the living place. `green` and `unsure` are digests;
    `standing` is how many were to be performed; `reason` is why nothing is known, where nothing
    is."""

    kind: ClassVar[str] = "smoke"

    number: int
    environment: str
    commit: str
    standing: int = 0
    green: tuple[str, ...] = ()
    red: tuple[RedJourney, ...] = ()
    unsure: tuple[str, ...] = ()
    reason: str = ""
    key_id: str = ""
    envelope: str = ""
    envelope_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Prepared(EffectDone):
    """A deployer said that a commit is ready beside what is live."""

    effect: ClassVar[str] = "prepare-release"

    number: int
    environment: str
    commit: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Switched(EffectDone):
    """The commit is live there, as a look at the place found. `seconds` is how long the switch
    took; `is_rollback`: it took a release back."""

    effect: ClassVar[str] = "switch-release"

    number: int
    environment: str
    commit: str
    reference: str = ""
    seconds: float = 0.0
    is_rollback: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseIssueFiled(EffectDone):
    """An issue was filed about a release that turned red."""

    effect: ClassVar[str] = "file-release"

    issue: int
    release: int
