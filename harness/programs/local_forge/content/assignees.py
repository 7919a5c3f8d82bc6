"""Assignees of issues."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, select

from harness.programs.local_forge.content.people import all_of, role_on, users_by_id
from harness.programs.local_forge.storage.records import Repo, Role, User
from harness.programs.local_forge.storage.tables import assignees, issues
from harness.programs.local_forge.transaction import Transaction

MOST_TAKEN = 20
_OF_ISSUES = (
    select(assignees)
    .where(assignees.c.issue_id.in_(bindparam("ids", expanding=True)))
    .order_by(assignees.c.user_id)
)


def of_issues(tx: Transaction, ids: Sequence[int]) -> dict[int, tuple[User, ...]]:
    """The assignees of each issue, ordered by account number."""
    rows = tx.db.execute(_OF_ISSUES, {"ids": [*ids]}).all()
    people = users_by_id(tx, (row.user_id for row in rows)) if rows else {}
    found: dict[int, tuple[User, ...]] = {}
    for row in rows:
        found[row.issue_id] = (*found.get(row.issue_id, ()), people[row.user_id])
    return found


def possible(tx: Transaction, repo: Repo) -> tuple[User, ...]:
    """Who may be assigned: people with at least the triage role."""
    everybody = (user for user in all_of(tx) if user.kind == "User")
    return tuple(user for user in everybody if role_on(tx, user, repo) >= Role.TRIAGE)


def taken_by(tx: Transaction, repo: Repo, user: User) -> tuple[tuple[int, str, bool], ...]:
    """The last MOST_TAKEN open issues assigned to an account, newest first: number, title, and
    whether it is a pull request."""
    joined = select(issues.c.number, issues.c.title, issues.c.is_pull).join(
        assignees, assignees.c.issue_id == issues.c.id
    )
    theirs = joined.where(
        assignees.c.user_id == user.id, issues.c.repository_id == repo.id, issues.c.state == "open"
    )
    return tuple(
        (row.number, row.title, row.is_pull)
        for row in tx.db.execute(theirs.order_by(issues.c.id.desc()).limit(MOST_TAKEN))
    )


def put_on(tx: Transaction, issue_id: int, user: User) -> None:
    """Assign an issue to somebody who is not assigned yet."""
    tx.db.execute(insert(assignees).values(issue_id=issue_id, user_id=user.id))


def take_off(tx: Transaction, issue_id: int, user: User) -> None:
    """Remove an assignee from an issue."""
    tx.db.execute(
        delete(assignees).where(assignees.c.issue_id == issue_id, assignees.c.user_id == user.id)
    )
