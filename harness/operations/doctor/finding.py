"""What one check of `factory doctor` found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """OK: proved. WARN: works, with something to know. FAIL: the factory would not work, or not
    safely."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`says` is what was proved, or what was found instead; `fix` the next move, empty where there
    is nothing to do."""

    level: Level
    says: str
    fix: str = ""


def ok(says: str) -> Finding:
    """Proved."""
    return Finding(Level.OK, says)


def warn(says: str, fix: str) -> Finding:
    """It works, and somebody should know this."""
    return Finding(Level.WARN, says, fix)


def fail(says: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(Level.FAIL, says, fix)
