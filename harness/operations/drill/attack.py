"""One attack as a value: the brake that it trips, how, and its outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """Whether the brake held, what was observed and, where it did not hold, the next move."""

    held: bool
    observation: str
    fix: str = ""


def held(observation: str) -> AttackOutcome:
    """The brake's own effect was observed."""
    return AttackOutcome(True, observation)


def not_held(observation: str, fix: str = "") -> AttackOutcome:
    """The effect was not observed, or the observation proves nothing."""
    return AttackOutcome(False, observation, fix)


@dataclass(frozen=True, slots=True)
class Attack:
    """`rows` are the classes of attack that this one is a sample of (tests/redteam names them).
    `brake` is the control's own name, `trip` describes how it is tripped, and `run` trips it."""

    name: str
    subject: str
    rows: tuple[int, ...]
    brake: str
    trip: str
    run: "Callable[[DrillEnvironment], AttackOutcome]"
