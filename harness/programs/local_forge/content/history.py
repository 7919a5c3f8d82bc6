"""The events of issues: what happened, in order, and who did it. Events are never
changed or deleted."""

from typing import Any

from sqlalchemy import func, insert, select

from harness.programs.local_forge.content.people import users_by_id
from harness.programs.local_forge.storage.records import Issue, Label, Repo, TimelineEvent, User
from harness.programs.local_forge.storage.tables import event_people, events, issues
from harness.programs.local_forge.transaction import Transaction


def record(
    tx: Transaction,
    issue: Issue,
    kind: str,
    *,
    actor: User,
    label: Label | None = None,
    rename: tuple[str, str] | None = None,
    commit: str | None = None,
    person: User | None = None,
) -> None:
    """Record one event: labeled, unlabeled, assigned, unassigned, closed, reopened, renamed,
    merged, head_ref_deleted."""
    renamed_from, renamed_to = rename or (None, None)
    made = tx.db.execute(
        insert(events)
        .values(
            issue_id=issue.id,
            actor_id=actor.id,
            kind=kind,
            created_at=tx.now,
            commit_id=commit,
            label_name=label and label.name,
            label_color=label and label.color,
            renamed_from=renamed_from,
            renamed_to=renamed_to,
        )
        .returning(events.c.id)
    ).scalar_one()
    if person is not None:
        tx.db.execute(insert(event_people).values(event_id=made, user_id=person.id))


def of_issue(
    tx: Transaction, issue: Issue, *, limit: int = -1, skip: int = 0
) -> tuple[TimelineEvent, ...]:
    """The events of one issue, oldest first."""
    query = _joined().where(events.c.issue_id == issue.id).order_by(events.c.id)
    return _events(tx, query.limit(limit).offset(skip))


def of_repository(
    tx: Transaction, repo: Repo, *, limit: int, skip: int = 0
) -> tuple[TimelineEvent, ...]:
    """The events of all issues of a repository, newest first, as GitHub lists them."""
    query = _joined().where(issues.c.repository_id == repo.id).order_by(events.c.id.desc())
    return _events(tx, query.limit(limit).offset(skip))


def count(tx: Transaction, repo: Repo, issue: Issue | None = None) -> int:
    """The number of events of a repository, or of one issue."""
    where = events.c.issue_id == issue.id if issue else issues.c.repository_id == repo.id
    query = (
        select(func.count())
        .select_from(events.join(issues, issues.c.id == events.c.issue_id))
        .where(where)
    )
    return int(tx.db.execute(query).scalar_one())


def _joined() -> Any:
    meant = events.outerjoin(event_people, event_people.c.event_id == events.c.id)
    of_issues = meant.join(issues, issues.c.id == events.c.issue_id)
    return select(events, event_people.c.user_id, issues.c.number, issues.c.is_pull).select_from(
        of_issues
    )


def _events(tx: Transaction, query: Any) -> tuple[TimelineEvent, ...]:
    rows = tx.db.execute(query).all()
    people = users_by_id(tx, [row.actor_id for row in rows] + [row.user_id for row in rows])
    return tuple(
        TimelineEvent(
            id=row.id,
            issue_number=row.number,
            is_pull=row.is_pull,
            actor=people[row.actor_id],
            kind=row.kind,
            label=None if row.label_name is None else (row.label_name, row.label_color),
            rename=None if row.renamed_from is None else (row.renamed_from, row.renamed_to),
            commit=row.commit_id,
            created_at=row.created_at,
            person=people.get(row.user_id),
        )
        for row in rows
    )
