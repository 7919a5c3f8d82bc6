"""Check runs and commit statuses."""

from collections.abc import Sequence

from harness.forge.embedded.links import Links
from harness.forge.embedded.records import CheckRun, Repo, Status
from harness.forge.embedded.shapes.common import Json, moment, moment_or_none, node_id
from harness.forge.embedded.shapes.people import account, repository


def check_run(links: Links, repo: Repo, item: CheckRun) -> Json:
    """GitHub's `check-run`. Only Apps write checks there; here each writer counts as an App of the same number."""
    here = f"{links.repo(repo)}/check-runs/{item.id}"
    return {
        "id": item.id, "node_id": node_id("CheckRun", item.id), "name": item.name, "head_sha": item.head_sha,
        "external_id": item.external_id, "status": item.status, "conclusion": item.conclusion, "url": here,
        "html_url": links.page(repo, "commit", item.head_sha), "details_url": item.details_url,
        "started_at": moment(item.started_at), "completed_at": moment_or_none(item.completed_at),
        "output": {"title": item.title, "summary": item.summary, "text": item.text, "annotations_count": 0,
                   "annotations_url": f"{here}/annotations"},
        "check_suite": {"id": item.id}, "pull_requests": [], "app": _app(links, item),
    }


def check_runs(links: Links, repo: Repo, items: Sequence[CheckRun], *, total: int) -> Json:
    """A page of check runs."""
    return {"total_count": total, "check_runs": [check_run(links, repo, item) for item in items]}


def status(links: Links, repo: Repo, item: Status) -> Json:
    """GitHub's `status`."""
    return {
        "id": item.id, "node_id": node_id("Status", item.id), "state": item.state, "context": item.context,
        "description": item.description, "target_url": item.target_url, "avatar_url": None,
        "url": f"{links.repo(repo)}/statuses/{item.sha}", "creator": account(links, item.creator),
        "created_at": moment(item.created_at), "updated_at": moment(item.created_at),
    }


def combined(links: Links, repo: Repo, sha: str, items: Sequence[Status]) -> Json:
    """GitHub's `combined-commit-status`: the newest of each context; nothing at all is pending, never success."""
    states = {item.state for item in items}
    state = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
    here = f"{links.repo(repo)}/commits/{sha}"
    return {
        "state": state, "sha": sha, "total_count": len(items),
        "statuses": [status(links, repo, item) for item in items],
        "repository": repository(links, repo), "commit_url": here, "url": f"{here}/status",
    }


def _app(links: Links, item: CheckRun) -> Json:
    user = item.creator
    return {
        "id": user.id, "slug": user.login, "node_id": node_id("App", user.id), "name": user.login, "description": None,
        "owner": account(links, user), "external_url": f"{links.web}/{user.login}",
        "html_url": f"{links.web}/{user.login}", "created_at": moment(user.created_at),
        "updated_at": moment(user.created_at), "permissions": {"checks": "write"}, "events": [],
    }
