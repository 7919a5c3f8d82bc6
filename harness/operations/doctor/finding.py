"""What one check of `factory doctor` found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """OK: proved. WARN: it works, and somebody should know this. FAIL: the factory would not work,
    or not safely."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`message` is what was proved, or what was found instead. `fix` is the next move, empty if
    there is nothing to do."""

    level: Level
    message: str
    fix: str = ""


def ok(message: str) -> Finding:
    """Proved."""
    return Finding(Level.OK, message)


def warn(message: str, fix: str) -> Finding:
    """It works, and somebody should know this."""
    return Finding(Level.WARN, message, fix)


def fail(message: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(Level.FAIL, message, fix)
