"""What a branch demands of a commit, as the forge tells it to whoever may read: rulesets, and
branch protection."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.domain.checks import RequiredCheck

if TYPE_CHECKING:
    from harness.forge.transport import Wire


def required_checks(wire: "Wire", repository: str, branch: str) -> tuple[RequiredCheck, ...]:
    """The checks without which the branch takes nothing, each once. Raises what PyGithub raises."""
    _, shown = wire.requestJsonAndCheck("GET", f"/repos/{repository}/branches/{quote(branch)}")
    found = set(of_protection(shown))
    found |= {check for rule in _rules(wire, repository, branch) for check in of_rule(rule)}
    return tuple(sorted(found, key=lambda check: (check.name, check.app or 0)))


def _rules(wire: "Wire", repository: str, branch: str) -> list[Mapping[str, Any]]:
    """What rulesets say of a branch that is there. A server that is older than rulesets has none
    (404), and neither has a private repository whose plan is without them, which GitHub words as an
    offer (403); any other no is unknown."""
    from github import GithubException

    try:
        return [
            rule
            for _, page in wire.pages(f"/repos/{repository}/rules/branches/{quote(branch)}")
            for rule in page
        ]
    except GithubException as error:
        said = str(error.data.get("message")) if isinstance(error.data, Mapping) else ""
        if error.status == 404 or (error.status == 403 and said.startswith("Upgrade to GitHub")):
            return []
        raise


def of_protection(branch: Mapping[str, Any]) -> Iterator[RequiredCheck]:
    """What a branch's own page of the API names: with apps where the server tells them, else by
    name alone."""
    protection = branch.get("protection") or {}
    demanded = protection.get("required_status_checks") or {}
    if demanded.get("enforcement_level") == "off":
        return
    named = demanded.get("checks") or ()
    yield from (_check(one["context"], one.get("app_id")) for one in named)
    known = {one["context"] for one in named}
    yield from (
        _check(context, None) for context in demanded.get("contexts") or () if context not in known
    )


def of_rule(rule: Mapping[str, Any]) -> Iterator[RequiredCheck]:
    """What one rule of a ruleset demands: nothing, where it is about something else."""
    if rule.get("type") == "required_status_checks":
        demanded = (rule.get("parameters") or {}).get("required_status_checks") or ()
        yield from (_check(one["context"], one.get("integration_id")) for one in demanded)


def _check(name: str, app: int | None) -> RequiredCheck:
    """GitHub says -1, or nothing, where any app will do."""
    return RequiredCheck(name, app if app is not None and app > 0 else None)
