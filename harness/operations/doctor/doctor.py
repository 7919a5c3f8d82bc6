"""Runs the checks of `factory doctor`. To add one, add a line to a table."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.domain.errors import FactoryError
from harness.home.document import FILE, read_home
from harness.operations.doctor import agent_clis, home_checks, machine_checks
from harness.operations.doctor.dependencies import dependencies, root_file_system
from harness.operations.doctor.error_intake import error_intake
from harness.operations.doctor.finding import CheckResult, HealthFinding, Severity, fail
from harness.operations.doctor.forge_checks import forge_findings

MACHINE: tuple[tuple[str, Callable[[], HealthFinding]], ...] = (
    ("python", machine_checks.python),
    ("git", machine_checks.git),
    ("sandbox", machine_checks.sandbox),
    ("browser", machine_checks.browser),
    ("wheels", machine_checks.wheels),
    ("clock", machine_checks.clock),
)
HOME: tuple[tuple[str, Callable[[Path], HealthFinding]], ...] = (
    ("home", home_checks.home_file),
    ("disk", machine_checks.disk),
    ("model", home_checks.model),
    ("keys", home_checks.keys),
    ("store", home_checks.store),
    ("database", home_checks.database),
    ("ledger", home_checks.ledger),
    ("factory", home_checks.factory),
    ("governance", home_checks.governance),
    ("author", home_checks.author),
    ("dependencies", dependencies),
    ("root", root_file_system),
    ("agents", agent_clis.check_agents),
    ("errors", error_intake),
)
MODEL_CALL = "model call"
WITHOUT_A_HOME = ("disk", "model")
"""Checks of a home that also work before a home exists."""


def checks_of(home: Path) -> tuple[tuple[str, Callable[[], HealthFinding]], ...]:
    """Every check of the machine, and those of the home if there is one; by name, in order."""
    has_home = (home / FILE).exists()
    of_home = ((name, check) for name, check in HOME if has_home or name in WITHOUT_A_HOME)
    return (*MACHINE, *((name, partial(check, home)) for name, check in of_home))


def run_checks(home: Path) -> tuple[CheckResult, ...]:
    """Run all checks. Never raises: what goes wrong is a finding."""
    # The forge comes last: a slow one must not delay the rest.
    found = tuple(CheckResult(name, run_check(check)) for name, check in checks_of(home))
    found += model_results(home)
    of_forge = forge_findings(home) if (home / FILE).exists() else ()
    return (*found, *(CheckResult(name, finding) for name, finding in of_forge))


def model_results(home: Path) -> tuple[CheckResult, ...]:
    """One call of each model that a role names; none where it is not known which do, or answers
    come from recordings. Never raises."""
    from harness.operations.doctor.model_calls import call_models, role_models

    try:
        if not (home / FILE).exists() or read_home(home).models == "replay":
            return ()
        policy = home_checks.policy_of(home)
        if policy is None:
            return ()
        called = call_models(home, role_models(policy))
    except FactoryError as error:
        return (CheckResult(MODEL_CALL, fail(str(error), "mend what is named there")),)
    return tuple(CheckResult(MODEL_CALL, finding, one.roles) for one, finding in called)


def is_healthy(found: tuple[CheckResult, ...]) -> bool:
    """Whether no check fails. A warning is not a failure."""
    return all(one.finding.level is not Severity.FAIL for one in found)


def run_check(check: Callable[[], HealthFinding]) -> HealthFinding:
    """Run one check. A FactoryError or an error of the system becomes a failure with its
    message."""
    try:
        return check()
    except FactoryError as error:
        return fail(str(error), "mend what is named there, and look again")
    except OSError as error:
        return fail(
            f"{error.strerror or error}: {error.filename or 'no file is named'}",
            "give this account access to it",
        )
