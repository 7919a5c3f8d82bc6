"""The JSON of pull requests."""

from harness.programs.local_forge.links import Links
from harness.programs.local_forge.shapes.common import Json, moment_or_none, node_id
from harness.programs.local_forge.shapes.issues import issue
from harness.programs.local_forge.shapes.people import account, repository
from harness.programs.local_forge.storage.records import Pull, Repo, User

_OF_ISSUE = (
    "number",
    "title",
    "body",
    "state",
    "user",
    "labels",
    "author_association",
    "assignee",
    "assignees",
    "milestone",
    "locked",
    "active_lock_reason",
    "created_at",
    "updated_at",
    "closed_at",
    "html_url",
    "comments_url",
)


def pull(links: Links, repo: Repo, item: Pull) -> Json:
    """GitHub's `pull-request-simple`."""
    shared = issue(links, repo, item.issue, merged_at=item.merged_at)
    here = links.pull(repo, item.number)
    return {key: shared[key] for key in _OF_ISSUE} | {
        "id": item.issue.id,
        "node_id": node_id("PullRequest", item.issue.id),
        "url": here,
        "issue_url": shared["url"],
        "diff_url": f"{shared['html_url']}.diff",
        "patch_url": f"{shared['html_url']}.patch",
        "commits_url": f"{here}/commits",
        "review_comments_url": f"{here}/comments",
        "review_comment_url": f"{links.repo(repo)}/pulls/comments{{/number}}",
        "statuses_url": f"{links.repo(repo)}/statuses/{item.head_sha}",
        "merged_at": moment_or_none(item.merged_at),
        "merge_commit_sha": item.merge_commit,
        "requested_reviewers": [],
        "requested_teams": [],
        "draft": False,
        "auto_merge": None,
        "head": _end(links, item.head_owner, item.head_repo, item.head, item.head_sha),
        "base": _end(links, repo.owner, repo, item.base, item.base_sha),
        "_links": {
            name: {"href": href}
            for name, href in (
                ("self", here),
                ("html", shared["html_url"]),
                ("issue", shared["url"]),
                ("comments", shared["comments_url"]),
                ("commits", f"{here}/commits"),
                ("review_comments", f"{here}/comments"),
                ("review_comment", f"{links.repo(repo)}/pulls/comments{{/number}}"),
                ("statuses", f"{links.repo(repo)}/statuses/{item.head_sha}"),
            )
        },
    }


def whole_pull(
    links: Links,
    repo: Repo,
    item: Pull,
    *,
    mergeable: bool | None,
    commits: int,
    review_comments: int,
    size: tuple[int, int, int],
) -> Json:
    """GitHub's `pull-request`. `size` is files, lines added and lines deleted."""
    state = "unknown" if mergeable is None else "clean" if mergeable else "dirty"
    merged_by = None if item.merged_by is None else account(links, item.merged_by)
    return pull(links, repo, item) | {
        "merged": item.merged_at is not None,
        "merged_by": merged_by,
        "mergeable": mergeable,
        "rebaseable": None,
        "mergeable_state": state,
        "comments": item.issue.comments,
        "review_comments": review_comments,
        "maintainer_can_modify": False,
        "commits": commits,
        "changed_files": size[0],
        "additions": size[1],
        "deletions": size[2],
    }


def _end(links: Links, owner: User, repo: Repo | None, branch: str, sha: str) -> Json:
    return {
        "label": f"{owner.login}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": account(links, owner),
        "repo": None if repo is None else repository(links, repo),
    }
