"""One attack as a value: which brake it trips, how, and what was seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.operations.drill.scene import Ground


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether the brake held, what was seen, and where it did not, the next move."""

    held: bool
    says: str
    fix: str = ""


def held(says: str) -> Seen:
    """The brake's own effect was seen."""
    return Seen(True, says)


def open_(says: str, fix: str = "") -> Seen:
    """It was not, or it could not be told."""
    return Seen(False, says, fix)


@dataclass(frozen=True, slots=True)
class Attack:
    """`rows` are the classes of attack that it is a sample of (tests/redteam names them); `brake`
    is the control's own name; `trip` says how it is tripped; `run` trips it."""

    name: str
    subject: str
    rows: tuple[int, ...]
    brake: str
    trip: str
    run: "Callable[[Ground], Seen]"
