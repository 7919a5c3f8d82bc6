"""Events of trust: what became of a landing in the days after it."""

from dataclasses import dataclass, field
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.landing import Outcome
from harness.domain.plain import OPTIONAL


@dataclass(frozen=True, slots=True)
class TipFollowed(LedgerEvent):
    """The landings that are still followed were compared with what the default branch held at
    `tip`."""

    kind: ClassVar[str] = "tip-followed"

    tip: str


@dataclass(frozen=True, slots=True)
class PersonLanded(LedgerEvent):
    """A person merged the factory's change for an issue: its head, and the commit that has it."""

    kind: ClassVar[str] = "person-landed"

    commit: str
    head: str


@dataclass(frozen=True, slots=True)
class LandingFollowed(LedgerEvent):
    """What became of the landed `commit`. `by` is the later commit that did it, empty where the
    change stayed for all its days."""

    kind: ClassVar[str] = "followed"

    commit: str
    outcome: Outcome
    by: str = field(default="", metadata=OPTIONAL)
