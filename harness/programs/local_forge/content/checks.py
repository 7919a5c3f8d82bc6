"""Check runs with annotations, check suites, and commit statuses."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update

from harness.programs.local_forge.content import webhook_payloads
from harness.programs.local_forge.content.people import users_by_id
from harness.programs.local_forge.refused import invalid, not_found
from harness.programs.local_forge.storage.records import CheckRun, Repo, Status, Suite, User
from harness.programs.local_forge.storage.tables import check_runs, statuses
from harness.programs.local_forge.transaction import Transaction

STATUSES = frozenset({"queued", "in_progress", "completed"})
CONCLUSIONS = frozenset(
    {
        "success",
        "failure",
        "neutral",
        "cancelled",
        "skipped",
        "timed_out",
        "action_required",
    }
)
LEVELS = frozenset({"notice", "warning", "failure"})
STATES = frozenset({"error", "failure", "pending", "success"})


@dataclass(frozen=True, slots=True)
class CheckUpdate:
    """New values of a check run. None leaves a value unchanged."""

    name: str | None = None
    status: str | None = None
    conclusion: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    # Added to those that are there.
    annotations: tuple[Mapping[str, object], ...] = ()

    @property
    def said(self) -> dict[str, str]:
        """The columns to write. A conclusion completes the run, as on GitHub."""
        said = {name: getattr(self, name) for name in self.__slots__ if name != "annotations"}
        found = {name: value for name, value in said.items() if value is not None}
        return found | {"status": "completed"} if self.conclusion else found


def create(
    tx: Transaction, repo: Repo, sha: str, outcome: CheckUpdate, *, creator: User
) -> CheckRun:
    """Create a check run on a commit."""
    _agree(outcome)
    values = {"status": "queued", "external_id": "", **outcome.said}
    made = tx.db.execute(
        insert(check_runs)
        .values(
            repository_id=repo.id,
            head_sha=sha,
            creator_id=creator.id,
            started_at=tx.now,
            completed_at=_end(tx, values),
            annotations=json.dumps(outcome.annotations),
            **values,
        )
        .returning(check_runs.c.id)
    ).scalar_one()
    check = numbered(tx, repo, made)
    webhook_payloads.about_check(tx, repo, check, "completed" if check.conclusion else "created")
    return check


def change(tx: Transaction, repo: Repo, check: CheckRun, outcome: CheckUpdate) -> CheckRun:
    """Update a check run."""
    _agree(outcome)
    values = outcome.said
    if outcome.annotations:
        values["annotations"] = json.dumps((*check.annotations, *outcome.annotations))
    if values:
        tx.db.execute(
            update(check_runs)
            .where(check_runs.c.id == check.id)
            .values(completed_at=_end(tx, values) or check.completed_at, **values)
        )
    changed = numbered(tx, repo, check.id)
    webhook_payloads.about_check(
        tx, repo, changed, "completed" if changed.conclusion else "created"
    )
    return changed


def numbered(tx: Transaction, repo: Repo, number: int) -> CheckRun:
    """One check run. Raises Refused (404)."""
    found = _runs(tx, check_runs.c.id == number, check_runs.c.repository_id == repo.id)
    if not found:
        raise not_found()
    return found[0]


def of_commit(
    tx: Transaction,
    repo: Repo,
    sha: str,
    *,
    name: str | None = None,
    app: int | None = None,
    every: bool = False,
) -> tuple[CheckRun, ...]:
    """A commit's check runs, oldest first: the latest of each name and creator, or all with
    `every`; filtered by name and App."""
    where = [check_runs.c.repository_id == repo.id, check_runs.c.head_sha == sha]
    if name is not None:
        where.append(check_runs.c.name == name)
    if app is not None:
        where.append(check_runs.c.creator_id == app)
    if not every:
        # Ids only grow, so the highest one is the newest run.
        latest = (
            select(func.max(check_runs.c.id))
            .where(*where)
            .group_by(check_runs.c.name, check_runs.c.creator_id)
        )
        where = [check_runs.c.id.in_(latest)]
    return _runs(tx, *where)


def suites_of(tx: Transaction, repo: Repo, sha: str) -> tuple[Suite, ...]:
    """A commit's check suites, oldest first."""
    latest = of_commit(tx, repo, sha)
    return tuple(
        Suite(
            number,
            sha,
            next(run.creator for run in latest if run.suite_id == number),
            tuple(run for run in latest if run.suite_id == number),
        )
        for number in sorted({run.suite_id for run in latest})
    )


def create_status(
    tx: Transaction, repo: Repo, sha: str, *, creator: User, **said: str | None
) -> Status:
    """Create a commit status; the newest of a context counts."""
    tx.db.execute(
        insert(statuses).values(
            repository_id=repo.id, sha=sha, creator_id=creator.id, created_at=tx.now, **said
        )
    )
    return statuses_of(tx, repo, sha)[0]


def statuses_of(
    tx: Transaction, repo: Repo, sha: str, *, latest: bool = False
) -> tuple[Status, ...]:
    """A commit's statuses, newest first; with `latest`, one of each context."""
    query = select(statuses).where(statuses.c.repository_id == repo.id, statuses.c.sha == sha)
    rows = tx.db.execute(query.order_by(statuses.c.id.desc())).all()
    people = users_by_id(tx, (row.creator_id for row in rows))
    found = [
        Status(
            row.id,
            row.sha,
            row.state,
            row.context,
            row.description,
            row.target_url,
            people[row.creator_id],
            row.created_at,
        )
        for row in rows
    ]
    return tuple({one.context: one for one in reversed(found)}.values()) if latest else tuple(found)


def _agree(outcome: CheckUpdate) -> None:
    if outcome.status == "completed" and outcome.conclusion is None:
        raise invalid(
            "CheckRun", "conclusion", "a completed check needs a conclusion", code="missing_field"
        )


def _end(tx: Transaction, values: dict[str, str]) -> int | None:
    return tx.now if values.get("status") == "completed" else None


def _runs(tx: Transaction, *where: Any) -> tuple[CheckRun, ...]:
    rows = tx.db.execute(select(check_runs).where(*where).order_by(check_runs.c.id)).all()
    people, suites = users_by_id(tx, (row.creator_id for row in rows)), _suites(tx, rows)
    return tuple(
        CheckRun(
            id=row.id,
            head_sha=row.head_sha,
            name=row.name,
            status=row.status,
            conclusion=row.conclusion,
            details_url=row.details_url,
            external_id=row.external_id,
            title=row.title,
            summary=row.summary,
            text=row.text,
            creator=people[row.creator_id],
            started_at=row.started_at,
            completed_at=row.completed_at,
            suite_id=suites[row.repository_id, row.head_sha, row.creator_id],
            annotations=tuple(json.loads(row.annotations or "[]")),
        )
        for row in rows
    )


def _suites(tx: Transaction, rows: Sequence[Any]) -> dict[tuple[int, str, int], int]:
    """The suite number of each creator on each of the rows' commits."""
    # A suite has no row of its own: its number is that of its first run.
    key = (check_runs.c.repository_id, check_runs.c.head_sha, check_runs.c.creator_id)
    shas = {row.head_sha for row in rows}
    found = tx.db.execute(
        select(*key, func.min(check_runs.c.id))
        .where(check_runs.c.head_sha.in_(shas))
        .group_by(*key)
    )
    return {(row[0], row[1], row[2]): row[3] for row in found}
