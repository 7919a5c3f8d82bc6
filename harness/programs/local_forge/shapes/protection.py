"""The JSON of branch protection and rulesets."""

from collections.abc import Mapping
from urllib.parse import quote

from harness.domain.plain import JsonObject
from harness.programs.local_forge.links import Links
from harness.programs.local_forge.shapes.apps import app
from harness.programs.local_forge.shapes.common import Json, moment, node_id
from harness.programs.local_forge.shapes.people import account
from harness.programs.local_forge.storage.records import App, Repo, StoredRule, User

_OFF = (
    "required_linear_history",
    "block_creations",
    "required_conversation_resolution",
    "lock_branch",
    "allow_fork_syncing",
)


def protection(
    links: Links,
    repo: Repo,
    item: StoredRule,
    *,
    people: Mapping[int, User],
    apps: Mapping[int, App],
) -> Json:
    """GitHub's `protected-branch`. `people` and `apps` are those in its restrictions, by number."""
    here, body = _here(links, repo, item), item.body
    shape: Json = {
        "url": here,
        "enforce_admins": {"url": f"{here}/enforce_admins", "enabled": body["enforce_admins"]},
        "allow_force_pushes": {"enabled": body["allow_force_pushes"]},
        "allow_deletions": {"enabled": body["allow_deletions"]},
        "required_signatures": {"url": f"{here}/required_signatures", "enabled": False},
        **{name: {"enabled": False} for name in _OFF},
    }
    if body["required_status_checks"] is not None:
        shape["required_status_checks"] = required_checks(links, repo, item)
    if body["required_pull_request_reviews"] is not None:
        shape["required_pull_request_reviews"] = {
            "url": f"{here}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "require_last_push_approval": False,
            **body["required_pull_request_reviews"],
        }
    if body["restrictions"] is not None:
        shape["restrictions"] = {
            "url": f"{here}/restrictions",
            "teams": [],
            "users": [account(links, one) for one in people.values()],
            "apps": [app(links, one) for one in apps.values()],
            **{f"{kind}_url": f"{here}/restrictions/{kind}" for kind in ("users", "teams", "apps")},
        }
    return shape


def required_checks(links: Links, repo: Repo, item: StoredRule) -> Json:
    """GitHub's `status-check-policy`."""
    here = f"{_here(links, repo, item)}/required_status_checks"
    policy = item.body["required_status_checks"]
    return {
        "url": here,
        "strict": policy["strict"],
        "contexts": [one["context"] for one in policy["checks"]],
        "contexts_url": f"{here}/contexts",
        "checks": policy["checks"],
    }


def ruleset(links: Links, repo: Repo, item: StoredRule) -> Json:
    """GitHub's `repository-ruleset`, as in a list."""
    here = f"{links.repo(repo)}/rulesets/{item.id}"
    return {
        "id": item.id,
        "name": item.name,
        "target": "branch",
        "source_type": "Repository",
        "source": repo.full_name,
        "enforcement": item.body["enforcement"],
        "node_id": node_id("RepositoryRuleset", item.id),
        "_links": {"self": {"href": here}, "html": {"href": links.page(repo, "rules", item.id)}},
        "created_at": moment(item.created_at),
        "updated_at": moment(item.updated_at),
    }


def whole_ruleset(links: Links, repo: Repo, item: StoredRule) -> Json:
    """GitHub's `repository-ruleset` with its rules."""
    return ruleset(links, repo, item) | {
        name: item.body[name] for name in ("conditions", "rules", "bypass_actors")
    }


def rule(repo: Repo, item: StoredRule, content: JsonObject) -> Json:
    """GitHub's `repository-rule-detailed`: a rule with its ruleset's id."""
    return {
        **content,
        "ruleset_source_type": "Repository",
        "ruleset_source": repo.full_name,
        "ruleset_id": item.id,
    }


def _here(links: Links, repo: Repo, item: StoredRule) -> str:
    return f"{links.repo(repo)}/branches/{quote(item.name)}/protection"
