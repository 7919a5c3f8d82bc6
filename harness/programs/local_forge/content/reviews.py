"""Reviews of pull requests, with what they say about lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select

from harness.programs.local_forge.content import webhook_payloads
from harness.programs.local_forge.content.issues import touch
from harness.programs.local_forge.content.people import association, users_by_id
from harness.programs.local_forge.content.pulls import change_base, numbered
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.refused import invalid, not_found
from harness.programs.local_forge.storage.records import Pull, Repo, Review, ReviewComment, User
from harness.programs.local_forge.storage.tables import review_comments, reviews
from harness.programs.local_forge.transaction import Transaction

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
"""What a review does, and the state that it has from then on."""

MOST_HUNK = 20
"""Lines that are kept of the diff above a remark."""
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody wants to say about a line, named by its number on a side or by its position in
    the diff."""

    path: str
    body: str
    line: int | None = None
    side: str = "RIGHT"
    position: int | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    line: int
    side: str
    position: int
    hunk: str


def of_pull(
    tx: Transaction,
    pull: Pull,
    repo: Repo,
    *,
    limit: int,
    skip: int,
    states: Sequence[str] = (),
) -> tuple[Review, ...]:
    """The reviews of a pull request, oldest first; with `states` only those that are in one."""
    query = select(reviews).where(reviews.c.issue_id == pull.issue.id).order_by(reviews.c.id)
    if states:
        query = query.where(reviews.c.state.in_(states))
    return _reviews(tx, pull, repo, query.limit(limit).offset(skip))


def count(tx: Transaction, pull: Pull) -> int:
    """The number of its reviews."""
    query = select(func.count()).where(reviews.c.issue_id == pull.issue.id)
    return int(tx.db.execute(query).scalar_one())


def one(tx: Transaction, pull: Pull, repo: Repo, number: int) -> Review:
    """One review of a pull request, by its id. Raises Refused (404)."""
    query = select(reviews).where(reviews.c.id == number, reviews.c.issue_id == pull.issue.id)
    found = _reviews(tx, pull, repo, query)
    if not found:
        raise not_found()
    return found[0]


def comments_of(
    tx: Transaction, pull: Pull, repo: Repo, *, review: Review | None = None
) -> tuple[ReviewComment, ...]:
    """What its reviews, or one of them, say about lines, oldest first."""
    query = select(review_comments).where(review_comments.c.issue_id == pull.issue.id)
    if review is not None:
        query = query.where(review_comments.c.review_id == review.id)
    known = (review,) if review else of_pull(tx, pull, repo, limit=-1, skip=0)
    by_id = {found.id: found for found in known}
    return tuple(
        ReviewComment(
            row.id,
            by_id[row.review_id],
            row.path,
            row.line,
            row.side,
            row.position,
            row.hunk,
            row.body,
        )
        for row in tx.db.execute(query.order_by(review_comments.c.id)).all()
    )


def comment_count(tx: Transaction, pull: Pull) -> int:
    """How many lines its reviews say something about."""
    query = select(func.count()).where(review_comments.c.issue_id == pull.issue.id)
    return int(tx.db.execute(query).scalar_one())


def create(
    tx: Transaction,
    repo: Repo,
    pull: Pull,
    *,
    event: str,
    body: str,
    author: User,
    commit: str | None = None,
    remarks: Sequence[Remark] = (),
) -> Review:
    """Review a pull request at its head, or at `commit`.

    Raises Refused (422) for one's own pull request (a comment is allowed), for a change request or
    a comment without words, and for a line that is not in the diff.
    """
    at = commit or pull.head_sha
    if event != "COMMENT" and author.id == pull.issue.author.id:
        deed = "approve" if event == "APPROVE" else "request changes on"
        raise invalid("PullRequestReview", "event", f"Can not {deed} your own pull request")
    if event != "APPROVE" and not body.strip():
        raise invalid("PullRequestReview", "body", "body can't be blank", code="missing_field")
    places = _places(tx, repo, pull, at, remarks)
    number = tx.db.execute(
        insert(reviews)
        .values(
            issue_id=pull.issue.id,
            author_id=author.id,
            state=STATES[event],
            body=body,
            commit_id=at,
            created_at=tx.now,
        )
        .returning(reviews.c.id)
    ).scalar_one()
    for remark, place in zip(remarks, places, strict=True):
        tx.db.execute(
            insert(review_comments).values(
                issue_id=pull.issue.id,
                review_id=number,
                path=remark.path,
                line=place.line,
                side=place.side,
                position=place.position,
                hunk=place.hunk,
                body=remark.body,
            )
        )
    touch(tx, pull.issue.id)
    made = one(tx, pull, repo, number)
    webhook_payloads.about_review(tx, repo, numbered(tx, repo, pull.number), made)
    return made


def _places(
    tx: Transaction, repo: Repo, pull: Pull, at: str, remarks: Sequence[Remark]
) -> list[_Place]:
    git = tx.git(repo)
    if at != pull.head_sha and git.commit_named(at) != at:
        raise invalid("PullRequestReview", "commit_id", "commit_id is no commit of this repository")
    if not remarks:
        return []
    changed = commits.changes(git, change_base(tx, repo, pull), at)
    patches = {change.path: change.patch for change in changed}
    return [_place(patches.get(remark.path, ""), remark) for remark in remarks]


def _place(patch: str, remark: Remark) -> _Place:
    """Where in a file's diff a remark stands. Every line of a diff has a number on its side; an
    unchanged line has one on each."""
    old = new = start = 0
    rows = patch.split("\n")
    for position, row in enumerate(rows):
        if found := _HUNK.match(row):
            old, new, start = int(found[1]), int(found[2]), position
            continue
        sides = {"+": ("RIGHT",), "-": ("LEFT",), " ": ("RIGHT", "LEFT")}.get(row[:1], ())
        for side in sides:
            line = new if side == "RIGHT" else old
            if remark.position == position or (
                remark.position is None and (line, side) == (remark.line, remark.side)
            ):
                hunk = rows[max(start, position + 1 - MOST_HUNK) : position + 1]
                return _Place(line, side, position, "\n".join(hunk))
        new, old = new + ("RIGHT" in sides), old + ("LEFT" in sides)
    raise invalid(
        "PullRequestReviewComment", "line", f"{remark.path}: line must be part of the diff"
    )


def _reviews(tx: Transaction, pull: Pull, repo: Repo, query: Any) -> tuple[Review, ...]:
    rows = tx.db.execute(query).all()
    people = users_by_id(tx, (row.author_id for row in rows))
    associations = {user.id: association(tx, user, repo) for user in people.values()}
    return tuple(
        Review(
            row.id,
            pull.number,
            people[row.author_id],
            associations[row.author_id],
            row.state,
            row.body,
            row.commit_id,
            row.created_at,
        )
        for row in rows
    )
