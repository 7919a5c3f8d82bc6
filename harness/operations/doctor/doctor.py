"""`factory doctor`: small checks, each of which does the thing itself and says what that proved. To
add one is a line."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.domain.errors import FactoryError
from harness.home.document import FILE
from harness.operations.doctor import agent_clis, home_checks, machine_checks
from harness.operations.doctor.finding import Finding, Level, fail
from harness.operations.doctor.forge_checks import forge_findings

MACHINE: tuple[tuple[str, Callable[[], Finding]], ...] = (
    ("python", machine_checks.python),
    ("git", machine_checks.git),
    ("box", machine_checks.box),
    ("browser", machine_checks.browser),
    ("wheels", machine_checks.wheels),
    ("clock", machine_checks.clock),
)
HOME: tuple[tuple[str, Callable[[Path], Finding]], ...] = (
    ("home", home_checks.home_file),
    ("disk", machine_checks.disk),
    ("model", home_checks.model),
    ("keys", home_checks.keys),
    ("store", home_checks.store),
    ("database", home_checks.database),
    ("ledger", home_checks.ledger),
    ("factory", home_checks.factory),
    ("governance", home_checks.governance),
    ("agents", agent_clis.found_by_doctor),
)
WITHOUT_A_HOME = ("disk", "model")
"""Checks of a home that say something before there is one."""


@dataclass(frozen=True, slots=True)
class Examined:
    """One check's name and what it found."""

    name: str
    finding: Finding


def checks_of(home: Path) -> tuple[tuple[str, Callable[[], Finding]], ...]:
    """Every check of the machine, and those of the home where there is one, by name and in
    order."""
    has_home = (home / FILE).exists()
    of_home = ((name, check) for name, check in HOME if has_home or name in WITHOUT_A_HOME)
    return (*MACHINE, *((name, partial(check, home)) for name, check in of_home))


def examined(home: Path) -> tuple[Examined, ...]:
    """What all of them found, the forge last: one that is slow keeps nobody from the rest. Never
    raises: what goes wrong is a finding."""
    found = tuple(Examined(name, found_by(check)) for name, check in checks_of(home))
    of_forge = forge_findings(home) if (home / FILE).exists() else ()
    return (*found, *(Examined(name, finding) for name, finding in of_forge))


def is_healthy(found: tuple[Examined, ...]) -> bool:
    """Whether nothing fails. A warning is no failure."""
    return all(one.finding.level is not Level.FAIL for one in found)


def found_by(check: Callable[[], Finding]) -> Finding:
    """What one check found; an error of ours or of the system is a failure with its words."""
    try:
        return check()
    except FactoryError as error:
        return fail(str(error), "what is named there has to work first")
    except OSError as error:
        return fail(
            f"{error.strerror or error}: {error.filename or 'no file is named'}",
            "give this account the right to it",
        )
