"""The JSON of check runs and commit statuses."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from harness.programs.local_forge.git.commits import Commit
from harness.programs.local_forge.links import Links
from harness.programs.local_forge.shapes.common import Json, moment, moment_or_none, node_id
from harness.programs.local_forge.shapes.people import account, repository
from harness.programs.local_forge.storage.records import CheckRun, Repo, Status, Suite, User


def check_run(links: Links, repo: Repo, item: CheckRun) -> Json:
    """GitHub's `check-run`. Its App has the number of the account that created it."""
    here = f"{links.repo(repo)}/check-runs/{item.id}"
    return {
        "id": item.id,
        "node_id": node_id("CheckRun", item.id),
        "name": item.name,
        "head_sha": item.head_sha,
        "external_id": item.external_id,
        "status": item.status,
        "conclusion": item.conclusion,
        "url": here,
        "html_url": links.page(repo, "commit", item.head_sha),
        "details_url": item.details_url,
        "started_at": moment(item.started_at),
        "completed_at": moment_or_none(item.completed_at),
        "output": {
            "title": item.title,
            "summary": item.summary,
            "text": item.text,
            "annotations_count": len(item.annotations),
            "annotations_url": f"{here}/annotations",
        },
        "check_suite": {"id": item.suite_id},
        "pull_requests": [],
        "app": _app(links, item.creator),
    }


def check_runs(links: Links, repo: Repo, items: Sequence[CheckRun], *, total: int) -> Json:
    """A page of check runs."""
    return {"total_count": total, "check_runs": [check_run(links, repo, item) for item in items]}


def annotation(links: Links, repo: Repo, item: CheckRun, said: Mapping[str, object]) -> Json:
    """GitHub's `check-annotation`."""
    page = f"{links.page(repo, 'blob', item.head_sha)}/{quote(str(said['path']))}"
    return {**said, "blob_href": page}


def suite(links: Links, repo: Repo, item: Suite, tip: Commit) -> Json:
    """GitHub's `check-suite`, with the commit it is about."""
    here = f"{links.repo(repo)}/check-suites/{item.id}"
    first, last = item.runs[0], max(item.runs, key=lambda run: run.completed_at or run.started_at)
    return {
        "id": item.id,
        "node_id": node_id("CheckSuite", item.id),
        "head_branch": None,
        "head_sha": item.head_sha,
        "status": item.status,
        "conclusion": item.conclusion,
        "url": here,
        "before": None,
        "after": None,
        "pull_requests": [],
        "app": _app(links, item.creator),
        "repository": repository(links, repo),
        "created_at": moment(first.started_at),
        "updated_at": moment(last.completed_at or last.started_at),
        "latest_check_runs_count": len(item.runs),
        "check_runs_url": f"{here}/check-runs",
        "head_commit": {
            "id": tip.sha,
            "tree_id": tip.tree,
            "message": tip.message,
            "timestamp": moment(tip.committer.at),
            "author": {"name": tip.author.name, "email": tip.author.email},
            "committer": {"name": tip.committer.name, "email": tip.committer.email},
        },
    }


def status(links: Links, repo: Repo, item: Status) -> Json:
    """GitHub's `status`."""
    return {
        "id": item.id,
        "node_id": node_id("Status", item.id),
        "state": item.state,
        "context": item.context,
        "description": item.description,
        "target_url": item.target_url,
        "avatar_url": None,
        "url": f"{links.repo(repo)}/statuses/{item.sha}",
        "creator": account(links, item.creator),
        "created_at": moment(item.created_at),
        "updated_at": moment(item.created_at),
    }


def combined(links: Links, repo: Repo, sha: str, items: Sequence[Status]) -> Json:
    """GitHub's `combined-commit-status`: the newest of each context. No status at all is
    pending, never success."""
    states = {item.state for item in items}
    state = (
        "failure"
        if states & {"error", "failure"}
        else "success"
        if states == {"success"}
        else "pending"
    )
    here = f"{links.repo(repo)}/commits/{sha}"
    return {
        "state": state,
        "sha": sha,
        "total_count": len(items),
        "statuses": [status(links, repo, item) for item in items],
        "repository": repository(links, repo),
        "commit_url": here,
        "url": f"{here}/status",
    }


def _app(links: Links, user: User) -> Json:
    slug = user.login.removesuffix("[bot]")
    return {
        "id": user.id,
        "slug": slug,
        "node_id": node_id("App", user.id),
        "name": slug,
        "description": None,
        "owner": account(links, user),
        "external_url": f"{links.web}/{user.login}",
        "html_url": links.app_page(slug),
        "created_at": moment(user.created_at),
        "updated_at": moment(user.created_at),
        "permissions": {"checks": "write"},
        "events": [],
    }
