"""Issues, and the issue half of pull requests: search, creation and changes.

The caller checks the right to do it. Each change is recorded with its actor in the issue's events.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, insert, select, update

from harness.programs.local_forge.content import assignees, history, labels, webhook_payloads
from harness.programs.local_forge.content.people import association, users_by_id
from harness.programs.local_forge.content.repositories import next_number
from harness.programs.local_forge.refused import not_found
from harness.programs.local_forge.storage.records import Issue, Label, Repo, User
from harness.programs.local_forge.storage.tables import comments, issue_labels, issues, users
from harness.programs.local_forge.storage.tables import labels as label_table
from harness.programs.local_forge.transaction import Transaction

_NUMBERED = select(issues).where(
    issues.c.repository_id == bindparam("repo"), issues.c.number == bindparam("wanted")
)
_COUNTED = (
    select(comments.c.issue_id, func.count().label("many"))
    .where(comments.c.issue_id.in_(bindparam("ids", expanding=True)))
    .group_by(comments.c.issue_id)
)


@dataclass(frozen=True, slots=True)
class Search:
    """Filters and order. `since` compares the last update, inclusively."""

    state: str | None = "open"
    labels: tuple[str, ...] = ()
    since: int | None = None
    author: str | None = None
    pulls: bool | None = None
    words: str = ""
    # created, updated or comments.
    order: str = "created"
    rising: bool = False


def search(
    tx: Transaction, repo: Repo, wanted: Search, *, limit: int, skip: int = 0
) -> tuple[Issue, ...]:
    """One page of the matching issues."""
    return _assembled(
        tx, repo, tx.db.execute(query_for(repo, wanted, limit=limit, skip=skip)).all()
    )


def query_for(repo: Repo, wanted: Search, *, limit: int, skip: int = 0) -> Select[Any]:
    """The query for one page. By creation and by update it reads an index in order,
    without sorting."""
    by = {"updated": issues.c.updated_at, "comments": _comment_count()}.get(
        wanted.order, issues.c.created_at
    )
    # Ties are broken by number, so that pages neither repeat nor skip an issue.
    order = (
        (by.asc(), issues.c.number.asc()) if wanted.rising else (by.desc(), issues.c.number.desc())
    )
    return select(issues).where(_fits(repo, wanted)).order_by(*order).limit(limit).offset(skip)


def count(tx: Transaction, repo: Repo, wanted: Search) -> int:
    """The number of matching issues."""
    return int(
        tx.db.execute(
            select(func.count()).select_from(issues).where(_fits(repo, wanted))
        ).scalar_one()
    )


def numbered(tx: Transaction, repo: Repo, number: int) -> Issue:
    """One issue or pull request. Raises Refused (404)."""
    found = _assembled(
        tx,
        repo,
        tx.db.execute(_NUMBERED, {"repo": repo.id, "wanted": number}).all(),
    )
    if not found:
        raise not_found()
    return found[0]


def create(
    tx: Transaction, repo: Repo, *, title: str, body: str, author: User, is_pull: bool = False
) -> Issue:
    """Create an open issue."""
    number = next_number(tx, repo)
    tx.db.execute(
        insert(issues).values(
            repository_id=repo.id,
            number=number,
            title=title,
            body=body,
            state="open",
            author_id=author.id,
            is_pull=is_pull,
            created_at=tx.now,
            updated_at=tx.now,
        )
    )
    issue = numbered(tx, repo, number)
    if not is_pull:
        webhook_payloads.about_issue(tx, repo, issue, "opened", actor=author)
    return issue


def edit(tx: Transaction, repo: Repo, issue: Issue, *, title: str, body: str, actor: User) -> Issue:
    """Change title and body; a changed title is recorded as an event."""
    if (title, body) == (issue.title, issue.body):
        return issue
    if title != issue.title:
        history.record(tx, issue, "renamed", actor=actor, rename=(issue.title, title))
    changed = _set(tx, repo, issue, title=title, body=body)
    webhook_payloads.about_issue(tx, repo, changed, "edited", actor=actor)
    return changed


def close(
    tx: Transaction,
    repo: Repo,
    issue: Issue,
    *,
    actor: User,
    reason: str | None = "completed",
    commit: str | None = None,
) -> Issue:
    """Close it as `completed` or `not_planned`. A closed one gets the new reason,
    without an event."""
    if not issue.is_open:
        return issue if issue.reason == reason else _set(tx, repo, issue, reason=reason)
    history.record(tx, issue, "closed", actor=actor, commit=commit)
    changed = _set(
        tx, repo, issue, state="closed", reason=reason, closed_at=tx.now, closed_by_id=actor.id
    )
    if not issue.is_pull:
        webhook_payloads.about_issue(tx, repo, changed, "closed", actor=actor)
    return changed


def reopen(tx: Transaction, repo: Repo, issue: Issue, *, actor: User) -> Issue:
    """Reopen it."""
    if issue.is_open:
        return issue
    history.record(tx, issue, "reopened", actor=actor)
    changed = _set(
        tx, repo, issue, state="open", reason="reopened", closed_at=None, closed_by_id=None
    )
    if not issue.is_pull:
        webhook_payloads.about_issue(tx, repo, changed, "reopened", actor=actor)
    return changed


def set_labels(
    tx: Transaction, repo: Repo, issue: Issue, names: Iterable[str], *, actor: User
) -> Issue:
    """Set the issue's labels. A label that the repository lacks is created, as on GitHub."""
    wanted = {label.id: label for label in _ensured(tx, repo, names)}
    had = {label.id: label for label in issue.labels}
    for gone in had.keys() - wanted.keys():
        labels.take_off(tx, issue.id, had[gone])
        _labelled(tx, repo, issue, had[gone], "unlabeled", actor=actor)
    for new in (one for one in wanted if one not in had):
        labels.put_on(tx, issue.id, wanted[new])
        _labelled(tx, repo, issue, wanted[new], "labeled", actor=actor)
    return numbered(tx, repo, issue.number) if had.keys() != wanted.keys() else issue


def set_assignees(
    tx: Transaction, repo: Repo, issue: Issue, wanted: Iterable[User], *, actor: User
) -> Issue:
    """Set the issue's assignees."""
    now, had = {user.id: user for user in wanted}, {user.id: user for user in issue.assignees}
    for gone in sorted(had.keys() - now.keys()):
        assignees.take_off(tx, issue.id, had[gone])
        _assigned(tx, repo, issue, had[gone], "unassigned", actor=actor)
    for new in sorted(now.keys() - had.keys()):
        assignees.put_on(tx, issue.id, now[new])
        _assigned(tx, repo, issue, now[new], "assigned", actor=actor)
    return numbered(tx, repo, issue.number) if had.keys() != now.keys() else issue


def touch(tx: Transaction, issue_id: int) -> None:
    """Set the time of the issue's last update to now."""
    tx.db.execute(update(issues).where(issues.c.id == issue_id).values(updated_at=tx.now))


def _labelled(
    tx: Transaction, repo: Repo, issue: Issue, label: Label, kind: str, *, actor: User
) -> None:
    history.record(tx, issue, kind, actor=actor, label=label)
    touch(tx, issue.id)
    # A payload costs a query, so build it only if somebody listens.
    if tx.has_hooks and not issue.is_pull:
        webhook_payloads.about_issue(
            tx, repo, numbered(tx, repo, issue.number), kind, actor=actor, label=label
        )


def _assigned(
    tx: Transaction, repo: Repo, issue: Issue, person: User, kind: str, *, actor: User
) -> None:
    history.record(tx, issue, kind, actor=actor, person=person)
    touch(tx, issue.id)
    if tx.has_hooks and not issue.is_pull:
        webhook_payloads.about_issue(tx, repo, numbered(tx, repo, issue.number), kind, actor=actor)


def _ensured(tx: Transaction, repo: Repo, names: Iterable[str]) -> tuple[Label, ...]:
    return tuple(labels.find(tx, repo, name) or labels.create(tx, repo, name) for name in names)


def _set(tx: Transaction, repo: Repo, issue: Issue, **values: Any) -> Issue:
    tx.db.execute(update(issues).where(issues.c.id == issue.id).values(updated_at=tx.now, **values))
    return numbered(tx, repo, issue.number)


def _fits(repo: Repo, wanted: Search) -> ColumnElement[bool]:
    clauses = [issues.c.repository_id == repo.id]
    if wanted.state is not None:
        clauses.append(issues.c.state == wanted.state)
    if wanted.since is not None:
        clauses.append(issues.c.updated_at >= wanted.since)
    if wanted.pulls is not None:
        clauses.append(issues.c.is_pull == wanted.pulls)
    if wanted.author is not None:
        clauses.append(
            issues.c.author_id.in_(select(users.c.id).where(users.c.login == wanted.author))
        )
    # At most eight words: each one is a scan of titles and bodies.
    for word in wanted.words.split()[:8]:
        clauses.append(
            issues.c.title.icontains(word, autoescape=True)
            | issues.c.body.icontains(word, autoescape=True)
        )
    for name in wanted.labels:
        carried = select(issue_labels.c.issue_id).join(
            label_table, label_table.c.id == issue_labels.c.label_id
        )
        of_that_name = carried.where(
            label_table.c.name == name, label_table.c.repository_id == repo.id
        )
        clauses.append(issues.c.id.in_(of_that_name))
    return and_(*clauses)


def _comment_count() -> Any:
    return select(func.count()).where(comments.c.issue_id == issues.c.id).scalar_subquery()


def _assembled(tx: Transaction, repo: Repo, rows: Sequence[Any]) -> tuple[Issue, ...]:
    """Build issues from rows, with people, labels and comment counts fetched once for all rows."""
    ids = [row.id for row in rows]
    people = users_by_id(tx, [row.author_id for row in rows] + [row.closed_by_id for row in rows])
    associations = {user.id: association(tx, user, repo) for user in people.values()}
    tags, assigned = labels.of_issues(tx, ids), assignees.of_issues(tx, ids)
    counts = {row.issue_id: row.many for row in tx.db.execute(_COUNTED, {"ids": ids})}
    return tuple(
        Issue(
            id=row.id,
            number=row.number,
            title=row.title,
            body=row.body,
            state=row.state,
            reason=row.reason,
            author=people[row.author_id],
            association=associations[row.author_id],
            is_pull=row.is_pull,
            created_at=row.created_at,
            updated_at=row.updated_at,
            closed_at=row.closed_at,
            closed_by=people.get(row.closed_by_id),
            labels=tags.get(row.id, ()),
            comments=counts.get(row.id, 0),
            assignees=assigned.get(row.id, ()),
        )
        for row in rows
    )
