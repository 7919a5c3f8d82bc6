"""Whether a branch may move: rules about branches, a move of one, and what stands against it. Pure;
standard library only.

The server decides by it before the API moves a branch, and `gate.py`, the hook that git runs on a
push, decides by the same."""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

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
"""What is said of a commit, as rows (context, app_id, state): the newest of each check and status
by each writer."""


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check by its name and, where `app_id` is given, by who must have written it."""

    context: str
    app_id: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a check or a status says of a commit. `state` is a conclusion or a state; None: it is
    not over."""

    context: str
    app_id: int
    state: str | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What one protection or ruleset says to one account. `include` and `exclude` are patterns of
    full refs."""

    origin: str  # protection or ruleset
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    checks: tuple[RequiredCheck, ...] = ()
    may_update: bool = True
    may_force: bool = True
    may_delete: bool = True
    may_create: bool = True
    by_pull_request: bool = False

    def covers(self, ref: str) -> bool:
        """Whether they are about a ref, such as `refs/heads/main`."""
        return any(_fits(ref, one) for one in self.include) and not any(
            _fits(ref, one) for one in self.exclude
        )


@dataclass(frozen=True, slots=True)
class Move:
    """What is to happen to a ref. `forward`: the new commit has the old one behind it (a new branch
    has)."""

    ref: str
    created: bool
    deleted: bool
    forward: bool
    reports: tuple[Report, ...]
    merged: bool = False  # by a pull request, at the forge


@dataclass(frozen=True, slots=True)
class Standing:
    """The rules that bind an account in a repository, as they travel to the hook."""

    repository: int
    default: str  # the full ref of the default branch, which only ever moves forward
    rules: tuple[Rules, ...]
    workflows: bool  # whether files below .github/workflows may change


def refusals(standing: Standing, move: Move) -> tuple[str, ...]:
    """What stands against a move, in GitHub's words: a headline and its reasons; empty where it may
    be."""
    reasons = list(dict.fromkeys(_reasons(standing, move)))
    if not reasons:
        return ()
    by_ruleset = any(
        one.origin == RULESET and one.covers(move.ref) and tuple(_against(one, move))
        for one in standing.rules
    )
    headline = (
        f"GH013: Repository rule violations found for {move.ref}."
        if by_ruleset
        else (f"GH006: Protected branch update failed for {move.ref}.")
    )
    return (headline, *reasons)


def is_green(required: RequiredCheck, reports: Iterable[Report]) -> bool:
    """Whether a check is there and all that its writers say is good; what is absent or not over is
    not green."""
    said = [
        one.state
        for one in reports
        if one.context == required.context and required.app_id in (None, one.app_id)
    ]
    return bool(said) and all(state in GREEN for state in said)


def to_json(standing: Standing) -> dict[str, Any]:
    """As the hook is told."""
    return asdict(standing)


def from_json(told: Mapping[str, Any]) -> Standing:
    """What `to_json` made. Raises KeyError or TypeError for anything else."""
    rules = tuple(
        Rules(
            **{
                **one,
                "include": tuple(one["include"]),
                "exclude": tuple(one["exclude"]),
                "checks": tuple(RequiredCheck(**check) for check in one["checks"]),
            }
        )
        for one in told["rules"]
    )
    return Standing(told["repository"], told["default"], rules, told["workflows"])


def _reasons(standing: Standing, move: Move) -> Iterable[str]:
    if move.ref == standing.default and move.deleted:
        yield "Cannot delete the default branch"
    if move.ref == standing.default and not move.forward:
        yield "Cannot force-push to this branch"
    for rules in standing.rules:
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
