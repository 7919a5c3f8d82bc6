"""What one check of `factory doctor` found."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """OK: proved. WARN: it works, and somebody should know this. FAIL: the factory would not work,
    or not safely."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """`message` is what was proved, or what was found instead. `fix` is the next move, empty if
    there is nothing to do."""

    level: Severity
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The name of a check, and what it found. `roles` are those that it is about: of a call of a
    model, the roles that the model plays."""

    name: str
    finding: HealthFinding
    roles: tuple[str, ...] = ()


def ok(message: str) -> HealthFinding:
    """Proved."""
    return HealthFinding(Severity.OK, message)


def warn(message: str, fix: str) -> HealthFinding:
    """It works, and somebody should know this."""
    return HealthFinding(Severity.WARN, message, fix)


def fail(message: str, fix: str) -> HealthFinding:
    """It does not work."""
    return HealthFinding(Severity.FAIL, message, fix)
