"""The JSON of issues, comments, labels and events."""

from urllib.parse import quote

from harness.programs.local_forge.links import Links
from harness.programs.local_forge.shapes.common import Json, moment, moment_or_none, node_id
from harness.programs.local_forge.shapes.people import account
from harness.programs.local_forge.storage.records import Comment, Issue, Label, Repo, TimelineEvent


def label(links: Links, repo: Repo, item: Label) -> Json:
    """GitHub's `label`."""
    return {
        "id": item.id,
        "node_id": node_id("Label", item.id),
        "name": item.name,
        "color": item.color,
        "default": False,
        "url": f"{links.repo(repo)}/labels/{quote(item.name, safe='')}",
        "description": item.description or None,
        "archived_at": None,
        "archived_by": None,
    }


def issue(links: Links, repo: Repo, item: Issue, *, merged_at: int | None = None) -> Json:
    """GitHub's `issue`; a pull request has a `pull_request` key."""
    here, page = links.issue(repo, item.number), links.issue_page(repo, item)
    shape: Json = {
        "id": item.id,
        "node_id": node_id("Issue", item.id),
        "number": item.number,
        "title": item.title,
        "body": item.body or None,
        "state": item.state,
        "state_reason": item.reason,
        "user": account(links, item.author),
        "labels": [label(links, repo, one) for one in item.labels],
        "comments": item.comments,
        "author_association": item.association,
        "milestone": None,
        "assignee": account(links, item.assignees[0]) if item.assignees else None,
        "assignees": [account(links, one) for one in item.assignees],
        "locked": False,
        "active_lock_reason": None,
        "performed_via_github_app": None,
        "created_at": moment(item.created_at),
        "updated_at": moment(item.updated_at),
        "closed_at": moment_or_none(item.closed_at),
        "closed_by": None if item.closed_by is None else account(links, item.closed_by),
        "url": here,
        "html_url": page,
        "repository_url": links.repo(repo),
        "labels_url": f"{here}/labels{{/name}}",
        "comments_url": f"{here}/comments",
        "events_url": f"{here}/events",
        "timeline_url": f"{here}/timeline",
    }
    if item.is_pull:
        shape["pull_request"] = {
            "url": links.pull(repo, item.number),
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": moment_or_none(merged_at),
        }
    return shape


def comment(links: Links, repo: Repo, item: Comment) -> Json:
    """GitHub's `issue-comment`."""
    where = "pull" if item.is_pull else "issues"
    return {
        "id": item.id,
        "node_id": node_id("IssueComment", item.id),
        "body": item.body,
        "user": account(links, item.author),
        "author_association": item.association,
        "created_at": moment(item.created_at),
        "updated_at": moment(item.updated_at),
        "url": f"{links.repo(repo)}/issues/comments/{item.id}",
        "issue_url": links.issue(repo, item.issue_number),
        "html_url": f"{links.page(repo, where, item.issue_number)}#comment-{item.id}",
        "performed_via_github_app": None,
    }


def event(links: Links, repo: Repo, item: TimelineEvent) -> Json:
    """GitHub's `issue-event`."""
    shape: Json = {
        "id": item.id,
        "node_id": node_id("IssueEvent", item.id),
        "event": item.kind,
        "url": f"{links.repo(repo)}/issues/events/{item.id}",
        "actor": account(links, item.actor),
        "commit_id": item.commit,
        "created_at": moment(item.created_at),
        "performed_via_github_app": None,
        "commit_url": None if item.commit is None else f"{links.repo(repo)}/commits/{item.commit}",
    }
    if item.label is not None:
        shape["label"] = {"name": item.label[0], "color": item.label[1]}
    if item.person is not None:
        shape |= {"assignee": account(links, item.person), "assigner": account(links, item.actor)}
    if item.rename is not None:
        shape["rename"] = {"from": item.rename[0], "to": item.rename[1]}
    return shape
