"""Comments on issues and pull requests."""

from typing import Any

from sqlalchemy import delete, func, insert, select, update

from harness.programs.local_forge.content import webhook_payloads
from harness.programs.local_forge.content.issues import numbered, touch
from harness.programs.local_forge.content.people import association, users_by_id
from harness.programs.local_forge.refused import not_found
from harness.programs.local_forge.storage.records import Comment, Issue, Repo, User
from harness.programs.local_forge.storage.tables import comments, issues
from harness.programs.local_forge.transaction import Transaction


def of_issue(
    tx: Transaction, repo: Repo, issue: Issue, *, since: int = 0, limit: int = -1, skip: int = 0
) -> tuple[Comment, ...]:
    """The comments of an issue, oldest first; with `since`, only those updated then or later."""
    query = (
        _joined()
        .where(comments.c.issue_id == issue.id, comments.c.updated_at >= since)
        .order_by(comments.c.id)
    )
    return _comments(tx, repo, query.limit(limit).offset(skip))


def count(tx: Transaction, issue: Issue, *, since: int = 0) -> int:
    """The number of an issue's comments."""
    query = select(func.count()).where(
        comments.c.issue_id == issue.id, comments.c.updated_at >= since
    )
    return int(tx.db.execute(query).scalar_one())


def numbered_comment(tx: Transaction, repo: Repo, number: int) -> Comment:
    """One comment by its id. Raises Refused (404)."""
    found = _comments(
        tx, repo, _joined().where(comments.c.id == number, issues.c.repository_id == repo.id)
    )
    if not found:
        raise not_found()
    return found[0]


def repository_of(tx: Transaction, number: int) -> int | None:
    """The number of the repository that a comment is in; None where there is no such comment."""
    query = (
        select(issues.c.repository_id)
        .join(comments, issues.c.id == comments.c.issue_id)
        .where(comments.c.id == number)
    )
    found: int | None = tx.db.execute(query).scalar_one_or_none()
    return found


def create(tx: Transaction, repo: Repo, issue: Issue, body: str, *, author: User) -> Comment:
    """Create a comment."""
    made = tx.db.execute(
        insert(comments)
        .values(
            issue_id=issue.id,
            author_id=author.id,
            body=body,
            created_at=tx.now,
            updated_at=tx.now,
        )
        .returning(comments.c.id)
    ).scalar_one()
    touch(tx, issue.id)
    comment = numbered_comment(tx, repo, made)
    webhook_payloads.about_comment(
        tx, repo, numbered(tx, repo, issue.number), comment, "created", actor=author
    )
    return comment


def edit(tx: Transaction, repo: Repo, comment: Comment, body: str, *, actor: User) -> Comment:
    """Replace a comment's text."""
    if body == comment.body:
        return comment
    issue = numbered(tx, repo, comment.issue_number)
    tx.db.execute(
        update(comments)
        .where(comments.c.id == comment.id)
        .values(body=body, updated_at=tx.now, edited_at=tx.now)
    )
    touch(tx, issue.id)
    changed = numbered_comment(tx, repo, comment.id)
    webhook_payloads.about_comment(tx, repo, issue, changed, "edited", actor=actor)
    return changed


def remove(tx: Transaction, repo: Repo, comment: Comment, *, actor: User) -> None:
    """Delete a comment."""
    issue = numbered(tx, repo, comment.issue_number)
    tx.db.execute(delete(comments).where(comments.c.id == comment.id))
    touch(tx, issue.id)
    webhook_payloads.about_comment(tx, repo, issue, comment, "deleted", actor=actor)


def _joined() -> Any:
    return select(comments, issues.c.number, issues.c.is_pull).join(
        issues, issues.c.id == comments.c.issue_id
    )


def _comments(tx: Transaction, repo: Repo, query: Any) -> tuple[Comment, ...]:
    rows = tx.db.execute(query).all()
    people = users_by_id(tx, (row.author_id for row in rows))
    associations = {user.id: association(tx, user, repo) for user in people.values()}
    return tuple(
        Comment(
            row.id,
            row.number,
            row.is_pull,
            people[row.author_id],
            associations[row.author_id],
            row.body,
            row.created_at,
            row.updated_at,
            row.edited_at,
        )
        for row in rows
    )
