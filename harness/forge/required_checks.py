"""The checks that a branch requires, from rulesets and branch protection, as far as the forge shows
them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.domain.checks import RequiredCheck
from harness.domain.plain import JsonObject

if TYPE_CHECKING:
    from harness.forge.transport import Wire


def required_checks(wire: "Wire", repository: str, branch: str) -> tuple[RequiredCheck, ...]:
    """The checks without which the branch accepts no commit, each once. Raises what PyGithub
    raises."""
    _, shown = wire.requestJsonAndCheck("GET", f"/repos/{repository}/branches/{quote(branch)}")
    found = set(of_protection(shown))
    found |= {check for rule in _rules(wire, repository, branch) for check in of_rule(rule)}
    return tuple(sorted(found, key=lambda check: (check.name, check.app or 0)))


def _rules(wire: "Wire", repository: str, branch: str) -> list[JsonObject]:
    """The rules of rulesets for an existing branch.

    A server without rulesets answers 404. A private repository whose plan lacks them gets 403 with
    an offer to upgrade. Both have no rules; any other refusal means that the rules are unknown.
    """
    from github import GithubException

    try:
        return [
            rule
            for _, page in wire.pages(f"/repos/{repository}/rules/branches/{quote(branch)}")
            for rule in page
        ]
    except GithubException as error:
        message = str(error.data.get("message")) if isinstance(error.data, Mapping) else ""
        if error.status == 404 or (error.status == 403 and message.startswith("Upgrade to GitHub")):
            return []
        raise


def of_protection(branch: JsonObject) -> Iterator[RequiredCheck]:
    """The checks of a branch's protection: with apps if the server names them, else by name
    alone."""
    protection = branch.get("protection") or {}
    required = protection.get("required_status_checks") or {}
    if required.get("enforcement_level") == "off":
        return
    checks = required.get("checks") or ()
    yield from (_check(one["context"], one.get("app_id")) for one in checks)
    # The server lists a check with its app, and once more by its name alone.
    named = {one["context"] for one in checks}
    contexts = required.get("contexts") or ()
    yield from (_check(context, None) for context in contexts if context not in named)


def of_rule(rule: JsonObject) -> Iterator[RequiredCheck]:
    """The checks of one rule of a ruleset; none if it is about something else."""
    if rule.get("type") == "required_status_checks":
        required = (rule.get("parameters") or {}).get("required_status_checks") or ()
        yield from (_check(one["context"], one.get("integration_id")) for one in required)


def _check(name: str, app: int | None) -> RequiredCheck:
    """GitHub sends -1, or nothing, if any app will do."""
    return RequiredCheck(name, app if app is not None and app > 0 else None)
