"""The JSON of reviews and of what they say about lines."""

from harness.programs.local_forge.links import Links
from harness.programs.local_forge.shapes.common import Json, moment, node_id
from harness.programs.local_forge.shapes.people import account
from harness.programs.local_forge.storage.records import Repo, Review, ReviewComment


def review(links: Links, repo: Repo, item: Review) -> Json:
    """GitHub's `pull-request-review`."""
    here, page = links.pull(repo, item.issue_number), _page(links, repo, item)
    return {
        "id": item.id,
        "node_id": node_id("PullRequestReview", item.id),
        "user": account(links, item.author),
        "body": item.body,
        "state": item.state,
        "html_url": page,
        "pull_request_url": here,
        "_links": {"html": {"href": page}, "pull_request": {"href": here}},
        "submitted_at": moment(item.created_at),
        "commit_id": item.commit,
        "author_association": item.association,
    }


def review_comment(links: Links, repo: Repo, item: ReviewComment, *, head: str) -> Json:
    """GitHub's `review-comment`. On another head than the reviewed one it has no place any more,
    only its original one."""
    pull, page = links.pull(repo, item.review.issue_number), _page(links, repo, item.review)
    here = f"{links.repo(repo)}/pulls/comments/{item.id}"
    is_there = item.review.commit == head
    return {
        "id": item.id,
        "node_id": node_id("PullRequestReviewComment", item.id),
        "url": here,
        "pull_request_review_id": item.review.id,
        "diff_hunk": item.hunk,
        "path": item.path,
        "position": item.position if is_there else None,
        "original_position": item.position,
        "line": item.line if is_there else None,
        "original_line": item.line,
        "start_line": None,
        "original_start_line": None,
        "side": item.side,
        "start_side": None,
        "subject_type": "line",
        "commit_id": item.review.commit,
        "original_commit_id": item.review.commit,
        "user": account(links, item.review.author),
        "body": item.body,
        "created_at": moment(item.review.created_at),
        "updated_at": moment(item.review.created_at),
        "html_url": page,
        "pull_request_url": pull,
        "author_association": item.review.association,
        "_links": {
            "self": {"href": here},
            "html": {"href": page},
            "pull_request": {"href": pull},
        },
    }


def _page(links: Links, repo: Repo, item: Review) -> str:
    return f"{links.page(repo, 'pull', item.issue_number)}#review-{item.id}"
