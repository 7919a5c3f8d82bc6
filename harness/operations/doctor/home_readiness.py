"""The facts about a home and its machine on which the first lines of `factory doctor` rest."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.domain.errors import FactoryError
from harness.domain.events import Landed, ProposalPushed, VerdictRecorded
from harness.home.document import FILE
from harness.operations.doctor import home_checks
from harness.operations.doctor.finding import CheckResult, Severity
from harness.operations.readiness import (
    APP,
    BROWSER,
    FORGE,
    LOCK,
    POLICY,
    ROLES,
    SANDBOX,
    TRUST,
    Fact,
    Readiness,
    facts_of_folder,
    facts_of_policy,
    lacking,
    readiness,
    seen,
    untried,
)


def home_readiness(home: Path, found: Iterable[CheckResult], *, here: Path) -> Readiness:
    """The table for a home, or for the folder `here` where there is no home yet. `found` are the
    results of the checks."""
    checks = tuple(found)
    by_name = {one.name: one for one in checks}
    facts = {SANDBOX: _of_check(by_name, "sandbox"), BROWSER: _of_check(by_name, "browser")}
    facts |= _about_models(checks)
    if (home / FILE).exists():
        facts |= _about_policy(home, by_name) | {FORGE: _about_forge(checks)}
        facts = _with_what_was_done(home, facts)
    else:
        facts |= _without_a_home(here)
    return readiness(facts)


def _of_check(by_name: Mapping[str, CheckResult], name: str) -> Fact:
    one = by_name.get(name)
    if one is None:
        return untried(f"the {name}", "")
    finding = one.finding
    return lacking(finding.message, finding.fix) if finding.level is Severity.FAIL else seen("")


def _about_models(checks: tuple[CheckResult, ...]) -> dict[str, Fact]:
    failed = next((one.finding for one in checks if one.name == "model" and one.finding.fix), None)
    return {
        name: lacking(failed.message, failed.fix)
        if failed
        else _about_roles([one for one in checks if set(one.roles) & set(roles)])
        for name, roles in ROLES.items()
    }


def _about_roles(calls: list[CheckResult]) -> Fact:
    if not calls:
        return untried("no model was called", "")
    for one in calls:
        if one.finding.level is Severity.FAIL:
            return lacking(one.finding.message, one.finding.fix)
    for one in calls:
        if one.finding.level is Severity.WARN:
            return untried(one.finding.message, one.finding.fix)
    return seen("; ".join(one.finding.message for one in calls))


def _about_policy(home: Path, by_name: Mapping[str, CheckResult]) -> dict[str, Fact]:
    governance = by_name["governance"].finding
    policy, repository = home_checks.policy_of(home), home_checks.fetched_repository(home)
    if policy is None or repository is None:
        return {
            POLICY: lacking(governance.message, governance.fix)
            if governance.level is Severity.FAIL
            else untried("the repository, which was not fetched yet", "run `factory tick`")
        }
    facts = facts_of_policy(policy, lambda path: repository.read(policy.base, path))
    # The files could be read, so what fails is that they do not trust this launcher.
    if governance.level is Severity.FAIL:
        return facts | {TRUST: lacking(governance.message, governance.fix)}
    return facts | {TRUST: seen("")}


def _about_forge(checks: tuple[CheckResult, ...]) -> Fact:
    of_forge = [one for one in checks if one.name.startswith("forge")]
    for one in of_forge:
        if one.finding.level is Severity.FAIL:
            return lacking(one.finding.message, one.finding.fix)
    if any(one.name == "forge push" for one in of_forge):
        return seen("")
    return untried("a push to the forge", "")


def _with_what_was_done(home: Path, facts: dict[str, Fact]) -> dict[str, Fact]:
    """What this home has done before was tried, where nothing speaks against it now."""
    from harness.home.state import open_ledger

    try:
        with open_ledger(home) as ledger:
            done = Counter(type(entry.event) for entry in ledger.entries())
    # The check of the ledger reports that.
    except FactoryError:
        return facts
    done_before = (
        (LOCK, ProposalPushed, "built here before"),
        (APP, VerdictRecorded, "judged here before"),
        (FORGE, Landed, "landed here before"),
    )
    proved = {
        name: seen(f"{done[kind]} {words}")
        for name, kind, words in done_before
        if done[kind] and name in facts and not facts[name].fix
    }
    return facts | proved


def _without_a_home(here: Path) -> dict[str, Fact]:
    from harness.operations.setup.init import checkout_of

    try:
        checkout = checkout_of(here)
    except FactoryError:
        return {POLICY: untried("no home and no repository here", "run `factory init` in yours")}
    facts = facts_of_folder(checkout.top, checkout.tracked, {})
    return {FORGE: untried("no forge is connected", "run `factory connect OWNER/NAME`"), **facts}
