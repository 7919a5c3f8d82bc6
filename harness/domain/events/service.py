"""Events of the whole factory: pauses, outages, digests, schedules, its home."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.plain import OPTIONAL, stored_as


@dataclass(frozen=True, slots=True)
class PauseBegan(LedgerEvent):
    """No model is asked before `until` (ISO 8601, UTC). `issue` is the only one that it holds up,
    where it is of one; `caps` are the dollars that might be spent when it began, by cause."""

    kind: ClassVar[str] = "pause"

    cause: str
    why: str
    until: str
    run: str = ""
    caps: Mapping[str, Decimal] = field(default_factory=dict)
    issue: int | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class PauseLifted(LedgerEvent):
    """A cap was raised to `cap`, which ended the pause of this key."""

    kind: ClassVar[str] = "pause-lifted"

    pause: str
    cap: str = ""


@dataclass(frozen=True, slots=True)
class LandingSettled(LedgerEvent):
    """A landing needs no more attention. `message` is what was wrong, if anything was."""

    kind: ClassVar[str] = "landing-settled"

    commit: str
    message: str = field(default="", metadata=stored_as("says"))


@dataclass(frozen=True, slots=True)
class ForgeLooked(LedgerEvent):
    """The factory looked at every open issue. The times are ISO 8601."""

    kind: ClassVar[str] = "looked"

    began: str
    newest: str = ""


@dataclass(frozen=True, slots=True)
class DashboardShown(LedgerEvent):
    """The dashboard issue shows the text of this hash. `fault` is why the forge did not take it."""

    kind: ClassVar[str] = "dashboard"

    text: str
    number: int | None = None
    pinned: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class DigestWritten(LedgerEvent):
    """A digest was written to `path`, below the home, of what happened since that time."""

    kind: ClassVar[str] = "digest"

    path: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleDue(LedgerEvent):
    """A workflow's own schedule was due at that time (ISO 8601)."""

    kind: ClassVar[str] = "schedule"

    workflow: str
    due: str


@dataclass(frozen=True, slots=True)
class OutageBegan(LedgerEvent):
    """The forge, or what else the factory needs, is down."""

    kind: ClassVar[str] = "outage"

    message: str = field(metadata=stored_as("says"))


@dataclass(frozen=True, slots=True)
class OutageEnded(LedgerEvent):
    """The outage is over. `began` is the key of the outage's entry."""

    kind: ClassVar[str] = "outage-ended"

    began: str


@dataclass(frozen=True, slots=True)
class StateSealed(LedgerEvent):
    """The home's state was carried to the database. `list` is the hash of the list of what was
    sealed, empty before the first."""

    kind: ClassVar[str] = "carried"

    generation: int
    list: str


@dataclass(frozen=True, slots=True)
class FactoryLeft(LedgerEvent):
    """A factory that was to stay has left, or a killed one was found dead. `at` (ISO 8601) is its
    last sign of life; `how` tells how it ended."""

    kind: ClassVar[str] = "left"

    command: str
    at: str
    how: str
    died: bool = False


@dataclass(frozen=True, slots=True)
class NoticeBegan(LedgerEvent):
    """A notice is about to be sent: one message about the entries `about` (their numbers). All
    entries up to the number `through` are covered by it; without any, nothing is sent."""

    kind: ClassVar[str] = "notice"

    through: int
    about: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NoticeSent(LedgerEvent):
    """What became of the notice of the key `notice`: how many addresses took it, and how many did
    not."""

    kind: ClassVar[str] = "notice-sent"

    notice: str
    taken: int
    failed: int
