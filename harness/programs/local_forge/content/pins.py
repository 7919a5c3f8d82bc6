"""Pinned issues: at most three in a repository."""

from sqlalchemy import delete, func, insert, select

from harness.programs.local_forge.content import history, issues
from harness.programs.local_forge.refused import invalid
from harness.programs.local_forge.storage.records import Issue, Repo, User
from harness.programs.local_forge.storage.tables import issues as issue_table
from harness.programs.local_forge.storage.tables import pins
from harness.programs.local_forge.transaction import Transaction

MOST = 3


def pin(tx: Transaction, repo: Repo, issue: Issue, *, actor: User) -> None:
    """Pin an issue. Raises Refused (422) for a pull request, or where three are pinned."""
    if is_pinned(tx, issue):
        return
    if issue.is_pull:
        raise invalid("Issue", "issueId", "Only issues can be pinned")
    if len(pinned(tx, repo)) >= MOST:
        raise invalid("Issue", "issueId", f"Maximum {MOST} pinned issues per repository")
    tx.db.execute(insert(pins).values(issue_id=issue.id, actor_id=actor.id, created_at=tx.now))
    history.record(tx, issue, "pinned", actor=actor)


def unpin(tx: Transaction, issue: Issue, *, actor: User) -> None:
    """Unpin an issue."""
    if is_pinned(tx, issue):
        tx.db.execute(delete(pins).where(pins.c.issue_id == issue.id))
        history.record(tx, issue, "unpinned", actor=actor)


def is_pinned(tx: Transaction, issue: Issue) -> bool:
    """Whether the issue is pinned."""
    return bool(tx.db.execute(select(func.count()).where(pins.c.issue_id == issue.id)).scalar_one())


def pinned(tx: Transaction, repo: Repo) -> tuple[Issue, ...]:
    """The pinned issues, in the order they were pinned."""
    query = select(issue_table.c.number).join(pins, pins.c.issue_id == issue_table.c.id)
    numbers = tx.db.execute(
        query.where(issue_table.c.repository_id == repo.id).order_by(
            pins.c.created_at, pins.c.issue_id
        )
    )
    return tuple(issues.numbered(tx, repo, number) for number in numbers.scalars().all())
