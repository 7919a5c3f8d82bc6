"""Whether a branch may move: branch rules, a move, and the reasons against it. Pure; standard
library only.

The server uses it before the API moves a branch, and `pre_receive.py`, git's hook on a push, uses
the same. Tuples with names, because the hook starts for each ref: `dataclasses` would take half of
its time.
"""

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

PROTECTION, RULESET = "protection", "ruleset"
GREEN = frozenset({"success", "neutral", "skipped"})
WORKFLOWS = ".github/workflows"
REPORTS = """
SELECT name AS context, creator_id AS app_id, conclusion AS state FROM check_runs WHERE id IN (
    SELECT max(id) FROM check_runs WHERE repository_id = :repository AND head_sha = :sha GROUP BY name, creator_id)
UNION ALL
SELECT context, creator_id, state FROM statuses WHERE id IN (
    SELECT max(id) FROM statuses WHERE repository_id = :repository AND sha = :sha GROUP BY context, creator_id)
"""  # noqa: E501
"""The checks and statuses of a commit as rows (context, app_id, state): the newest
of each name and writer."""


class RequiredCheck(NamedTuple):
    """A required check by name and, with `app_id`, by the App that must have written it."""

    context: str
    app_id: int | None = None


class Report(NamedTuple):
    """A check's or status's result on a commit. `state` is a conclusion or a state;
    None: not completed."""

    context: str
    app_id: int
    state: str | None


class Rules(NamedTuple):
    """What one protection or ruleset requires of one account. `include` and `exclude`
    are patterns of full refs."""

    # Protection or ruleset
    origin: str
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    checks: tuple[RequiredCheck, ...] = ()
    may_update: bool = True
    may_force: bool = True
    may_delete: bool = True
    may_create: bool = True
    by_pull_request: bool = False

    def covers(self, ref: str) -> bool:
        """Whether the rules apply to a ref such as `refs/heads/main`."""
        return any(_fits(ref, one) for one in self.include) and not any(
            _fits(ref, one) for one in self.exclude
        )


class Move(NamedTuple):
    """A planned change of a ref. `forward`: the new commit contains the old one (always
    true for a new branch)."""

    ref: str
    created: bool
    deleted: bool
    forward: bool
    reports: tuple[Report, ...]
    # By a pull request, at the forge.
    merged: bool = False


class BranchPolicy(NamedTuple):
    """The rules that bind one account in a repository; the server passes them to the
    hook as JSON."""

    repository: int
    # The full ref of the default branch, which only ever moves forward.
    default: str
    rules: tuple[Rules, ...]
    # Whether files below .github/workflows may change.
    workflows: bool


def refusals(branch_policy: BranchPolicy, move: Move) -> tuple[str, ...]:
    """The reasons against a move, in GitHub's words: a headline, then each reason. Empty
    if it is allowed."""
    reasons = list(dict.fromkeys(_reasons(branch_policy, move)))
    if not reasons:
        return ()
    by_ruleset = any(
        one.origin == RULESET and one.covers(move.ref) and tuple(_against(one, move))
        for one in branch_policy.rules
    )
    headline = (
        f"GH013: Repository rule violations found for {move.ref}."
        if by_ruleset
        else (f"GH006: Protected branch update failed for {move.ref}.")
    )
    return (headline, *reasons)


def is_green(required: RequiredCheck, reports: Iterable[Report]) -> bool:
    """Whether a check exists and every result of its writers is good. A missing or
    unfinished check is not green."""
    states = [
        one.state
        for one in reports
        if one.context == required.context and required.app_id in (None, one.app_id)
    ]
    return bool(states) and all(state in GREEN for state in states)


def to_json(branch_policy: BranchPolicy) -> dict[str, Any]:
    """The policy as a JSON document for the hook."""
    rules = [
        {**one._asdict(), "checks": [check._asdict() for check in one.checks]}
        for one in branch_policy.rules
    ]
    return {**branch_policy._asdict(), "rules": rules}


def from_json(document: Mapping[str, Any]) -> BranchPolicy:
    """The reverse of `to_json`. Raises KeyError or TypeError for anything else."""
    rules = tuple(
        Rules(
            **{
                **one,
                "include": tuple(one["include"]),
                "exclude": tuple(one["exclude"]),
                "checks": tuple(RequiredCheck(**check) for check in one["checks"]),
            }
        )
        for one in document["rules"]
    )
    return BranchPolicy(document["repository"], document["default"], rules, document["workflows"])


def _reasons(branch_policy: BranchPolicy, move: Move) -> Iterable[str]:
    if move.ref == branch_policy.default and move.deleted:
        yield "Cannot delete the default branch"
    if move.ref == branch_policy.default and not move.forward:
        yield "Cannot force-push to this branch"
    for rules in branch_policy.rules:
        if rules.covers(move.ref):
            yield from _against(rules, move)


def _against(rules: Rules, move: Move) -> Iterable[str]:
    if move.deleted:
        if not rules.may_delete:
            yield "Cannot delete this branch"
        return
    if move.created and not rules.may_create:
        yield "Cannot create ref due to creations being restricted."
    if not move.created and not rules.may_update:
        yield "You're not authorized to push to this branch."
    if not move.forward and not rules.may_force:
        yield "Cannot force-push to this branch"
    if rules.by_pull_request and not move.merged:
        yield "Changes must be made through a pull request."
    for required in rules.checks:
        if not is_green(required, move.reports):
            yield f'Required status check "{required.context}" is expected.'


def _fits(ref: str, pattern: str) -> bool:
    return pattern == "~ALL" or fnmatch.fnmatchcase(ref, pattern)
