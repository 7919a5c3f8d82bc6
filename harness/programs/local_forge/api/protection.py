"""Branch protection and rulesets, as far as this forge enforces them. It refuses
what it does not enforce."""

from collections.abc import Callable
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.paging import page_of
from harness.programs.local_forge.content import apps, branch_rules, people
from harness.programs.local_forge.git.protection import RULESET, Rules
from harness.programs.local_forge.refused import invalid, not_found
from harness.programs.local_forge.shapes import protection as shapes
from harness.programs.local_forge.storage.records import Repo, Role, StoredRule

_RESOURCE = "ProtectedBranch"
_NOT_HELD = (
    "required_linear_history",
    "required_conversation_resolution",
    "lock_branch",
    "block_creations",
    "allow_fork_syncing",
)
_RULES = frozenset(
    {"creation", "update", "deletion", "non_fast_forward", "required_status_checks", "pull_request"}
)
_ENFORCEMENT = frozenset({"active", "disabled", "evaluate"})
_ACTORS = frozenset({"Integration", "RepositoryRole", "User"})


def protect(call: ApiCall) -> ApiResponse:
    """Protect an existing branch."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    branch_rules.protect(call.tx, repo, _branch(call, repo), body=_protection(call))
    return protection(call)


def protection(call: ApiCall) -> ApiResponse:
    """A branch's protection."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    found = branch_rules.protection(call.tx, repo, _branch(call, repo))
    named = found.body["restrictions"] or {"users": [], "apps": []}
    return ApiResponse(
        shapes.protection(
            call.tx.links,
            repo,
            found,
            people=people.users_by_id(call.tx, named["users"]),
            apps={number: apps.numbered(call.tx, number) for number in named["apps"]},
        )
    )


def unprotect(call: ApiCall) -> ApiResponse:
    """Remove a branch's protection."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    branch_rules.remove(call.tx, branch_rules.protection(call.tx, repo, _branch(call, repo)))
    return ApiResponse(status=204)


def required_checks(call: ApiCall) -> ApiResponse:
    """The checks that a branch requires."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    found = branch_rules.protection(call.tx, repo, _branch(call, repo))
    if found.body["required_status_checks"] is None:
        raise not_found()
    return ApiResponse(shapes.required_checks(call.tx.links, repo, found))


def ruleset_list(call: ApiCall) -> ApiResponse:
    """The rulesets."""
    repo = call.repo
    return page_of(
        call,
        branch_rules.rulesets(call.tx, repo),
        shape=lambda one: shapes.ruleset(call.tx.links, repo, one),
    )


def create_ruleset(call: ApiCall) -> ApiResponse:
    """A new ruleset for branches."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    name = fields.needed_text(call.body, "name", "Ruleset", limit=100)
    made = branch_rules.add_ruleset(call.tx, repo, name, body=_ruleset(call.body))
    return ApiResponse(shapes.whole_ruleset(call.tx.links, repo, made), 201)


def one_ruleset(call: ApiCall) -> ApiResponse:
    """One ruleset with its rules."""
    repo = call.repo
    return ApiResponse(
        shapes.whole_ruleset(call.tx.links, repo, branch_rules.ruleset(call.tx, repo, call.number))
    )


def change_ruleset(call: ApiCall) -> ApiResponse:
    """Update a ruleset; absent fields stay."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    found = branch_rules.ruleset(call.tx, repo, call.number)
    name = fields.text(call.body, "name", "Ruleset", limit=100) or found.name
    branch_rules.change_ruleset(
        call.tx, found, name=name, body=_ruleset({**found.body, **call.body})
    )
    return one_ruleset(call)


def remove_ruleset(call: ApiCall) -> ApiResponse:
    """Delete a ruleset."""
    repo = call.repo
    call.need(repo, Role.ADMIN)
    branch_rules.remove(call.tx, branch_rules.ruleset(call.tx, repo, call.number))
    return ApiResponse(status=204)


def rules_of_branch(call: ApiCall) -> ApiResponse:
    """The rules of every active ruleset that covers a branch, whether the branch exists or not."""
    repo = call.repo
    covering = [
        one for one in branch_rules.rulesets(call.tx, repo) if _covers(one, repo, call.path["ref"])
    ]
    listed = [(found, rule) for found in covering for rule in found.body["rules"]]
    return page_of(call, listed, shape=lambda item: shapes.rule(repo, *item))


def _covers(found: StoredRule, repo: Repo, branch: str) -> bool:
    about = Rules(RULESET, *branch_rules.named_refs(found, repo))
    return bool(found.body["enforcement"] == "active" and about.covers(f"refs/heads/{branch}"))


def _branch(call: ApiCall, repo: Repo) -> str:
    if call.path["ref"] not in call.tx.git(repo).refs():
        raise not_found()
    return call.path["ref"]


def _protection(call: ApiCall) -> JsonDict:
    """The protection in a request's body, with names resolved to numbers."""
    # Numbers, not names: a login or a slug may later belong to somebody else.
    body = call.body
    for field in (
        "required_status_checks",
        "enforce_admins",
        "required_pull_request_reviews",
        "restrictions",
    ):
        if field not in body:
            raise invalid(
                _RESOURCE, field, f"{field} must be given, perhaps as null", code="missing_field"
            )
    # Accepting a rule without enforcing it would promise a protection that is not there.
    for field in _NOT_HELD:
        if body.get(field):
            raise invalid(_RESOURCE, field, f"{field} is not held by this forge; leave it out")
    return {
        "required_status_checks": _required(body["required_status_checks"]),
        "enforce_admins": body["enforce_admins"] is True,
        "required_pull_request_reviews": _reviews(body["required_pull_request_reviews"]),
        "restrictions": _restrictions(call, body["restrictions"]),
        "allow_force_pushes": body.get("allow_force_pushes") is True,
        "allow_deletions": body.get("allow_deletions") is True,
    }


def _required(sent: object) -> JsonDict | None:
    if sent is None:
        return None
    given = _object(sent, "required_status_checks")
    checks = [
        _check(_object(one, "checks"), "app_id") for one in _list(given.get("checks", []), "checks")
    ]
    plain = [
        {"context": one, "app_id": None}
        for one in fields.names(given.get("contexts", []), _RESOURCE, "contexts", limit=200)
        if one not in {check["context"] for check in checks}
    ]
    return {"strict": given.get("strict") is True, "checks": [*checks, *plain]}


def _check(given: JsonObject, field: str) -> JsonDict:
    """One required check. -1 is GitHub's value for any App."""
    number = given.get(field)
    if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        raise invalid(_RESOURCE, field, f"{field} must be the number of an App")
    return {
        "context": fields.needed_text(given, "context", _RESOURCE, limit=200),
        field: None if number == -1 else number,
    }


def _reviews(sent: object) -> JsonDict | None:
    """Changes must come by pull request. This forge stores no reviews, so it cannot require any."""
    if sent is None:
        return None
    if (
        _object(sent, "required_pull_request_reviews").get("required_approving_review_count", 0)
        != 0
    ):
        raise invalid(
            _RESOURCE, "required_approving_review_count", "this forge keeps no reviews; ask for 0"
        )
    return {"required_approving_review_count": 0}


def _restrictions(call: ApiCall, sent: object) -> dict[str, list[int]] | None:
    if sent is None:
        return None
    given = _object(sent, "restrictions")
    if given.get("teams"):
        raise invalid(_RESOURCE, "teams", "this forge has no teams; name users and apps")
    numbered: tuple[tuple[str, Callable[[str], int]], ...] = (
        ("users", lambda name: people.user_named(call.tx, name).id),
        ("apps", lambda name: apps.named(call.tx, name).id),
    )
    return {
        kind: [number(name) for name in fields.names(given.get(kind, []), _RESOURCE, kind)]
        for kind, number in numbered
    }


def _ruleset(sent: JsonObject) -> JsonDict:
    if (fields.text(sent, "target", "Ruleset") or "branch") != "branch":
        raise invalid("Ruleset", "target", "only rulesets for branches are held by this forge")
    enforcement = fields.choice(sent, "enforcement", "Ruleset", among=_ENFORCEMENT)
    if enforcement is None:
        raise invalid(
            "Ruleset", "enforcement", "enforcement must be active or disabled", code="missing_field"
        )
    names = _object(
        _object(sent.get("conditions", {}), "conditions").get("ref_name", {}), "ref_name"
    )
    return {
        "enforcement": enforcement,
        "rules": [_rule(_object(one, "rules")) for one in _list(sent.get("rules", []), "rules")],
        "conditions": {
            "ref_name": {
                side: list(fields.names(names.get(side, []), "Ruleset", side, limit=250))
                for side in ("include", "exclude")
            }
        },
        "bypass_actors": [
            _actor(_object(one, "bypass_actors"))
            for one in _list(sent.get("bypass_actors", []), "bypass_actors")
        ],
    }


def _rule(given: JsonObject) -> JsonDict:
    kind = fields.choice(given, "type", "Ruleset", among=_RULES)
    if kind is None:
        raise invalid(
            "Ruleset",
            "rules",
            f"type must be one of {', '.join(sorted(_RULES))}",
            code="missing_field",
        )
    parameters = _object(given.get("parameters", {}), "parameters")
    if kind == "required_status_checks":
        checks = [
            _check(_object(one, kind), "integration_id")
            for one in _list(parameters.get(kind), kind)
        ]
        listed = [
            {name: value for name, value in one.items() if value is not None} for one in checks
        ]
        strict = parameters.get("strict_required_status_checks_policy") is True
        return {
            "type": kind,
            "parameters": {kind: listed, "strict_required_status_checks_policy": strict},
        }
    if kind == "pull_request":
        if parameters.get("required_approving_review_count", 0) != 0:
            raise invalid(
                "Ruleset",
                "required_approving_review_count",
                "this forge keeps no reviews; ask for 0",
            )
        return {
            "type": kind,
            "parameters": {
                "required_approving_review_count": 0,
                "dismiss_stale_reviews_on_push": False,
                "require_code_owner_review": False,
                "require_last_push_approval": False,
                "required_review_thread_resolution": False,
            },
        }
    return (
        {"type": kind, "parameters": {"update_allows_fetch_and_merge": False}}
        if kind == "update"
        else {"type": kind}
    )


def _actor(given: JsonObject) -> JsonDict:
    kind = fields.choice(given, "actor_type", "Ruleset", among=_ACTORS)
    number = given.get("actor_id")
    if (
        kind is None
        or not isinstance(number, int)
        or isinstance(number, bool)
        or given.get("bypass_mode", "always") != "always"
    ):
        raise invalid(
            "Ruleset",
            "bypass_actors",
            f"each must have an actor_id, an actor_type ({', '.join(sorted(_ACTORS))}) "
            "and, if any, the bypass_mode always",
        )
    return {"actor_id": number, "actor_type": kind, "bypass_mode": "always"}


def _object(value: object, field: str) -> JsonObject:
    if not isinstance(value, dict):
        raise invalid(_RESOURCE, field, f"{field} must be an object")
    return value


def _list(value: object, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(_RESOURCE, field, f"{field} must be a list")
    return value


_REPO = "/repos/{owner}/{repo}"
_PROTECTION = f"{_REPO}/branches/{{ref:path}}/protection"
ROUTES = (
    ("GET", f"{_PROTECTION}/required_status_checks", required_checks),
    ("GET", _PROTECTION, protection),
    ("PUT", _PROTECTION, protect),
    ("DELETE", _PROTECTION, unprotect),
    ("GET", f"{_REPO}/rules/branches/{{ref:path}}", rules_of_branch),
    ("GET", f"{_REPO}/rulesets", ruleset_list),
    ("POST", f"{_REPO}/rulesets", create_ruleset),
    ("GET", f"{_REPO}/rulesets/{{number:int}}", one_ruleset),
    ("PUT", f"{_REPO}/rulesets/{{number:int}}", change_ruleset),
    ("DELETE", f"{_REPO}/rulesets/{{number:int}}", remove_ruleset),
)
