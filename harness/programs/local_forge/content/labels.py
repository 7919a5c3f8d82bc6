"""A repository's labels, and the labels of each issue."""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from harness.programs.local_forge.refused import invalid, not_found
from harness.programs.local_forge.storage.records import Label, Repo
from harness.programs.local_forge.storage.tables import issue_labels, labels
from harness.programs.local_forge.transaction import Transaction

DEFAULT_COLOR = "ededed"
_COLOR = re.compile(r"[0-9a-fA-F]{6}")
_OF_ISSUES = (
    select(issue_labels.c.issue_id, labels)
    .join(labels, labels.c.id == issue_labels.c.label_id)
    .where(issue_labels.c.issue_id.in_(bindparam("ids", expanding=True)))
    .order_by(labels.c.name)
)


def of_repository(tx: Transaction, repo: Repo) -> tuple[Label, ...]:
    """Every label, by name."""
    query = select(labels).where(labels.c.repository_id == repo.id).order_by(labels.c.name)
    return tuple(map(_label, tx.db.execute(query)))


def find(tx: Transaction, repo: Repo, name: str) -> Label | None:
    """The label with that name, in any case of letters; None when there is none."""
    query = select(labels).where(labels.c.repository_id == repo.id, labels.c.name == name)
    row = tx.db.execute(query).one_or_none()
    return None if row is None else _label(row)


def named(tx: Transaction, repo: Repo, name: str) -> Label:
    """As `find`. Raises Refused (404)."""
    label = find(tx, repo, name)
    if label is None:
        raise not_found()
    return label


def create(
    tx: Transaction, repo: Repo, name: str, *, color: str = DEFAULT_COLOR, description: str = ""
) -> Label:
    """Create a label. Raises Refused (422) where the name is taken, blank, or holds a comma
    (queries list labels by comma)."""
    if find(tx, repo, name) is not None:
        raise invalid("Label", "name", f"label {name} exists", code="already_exists")
    _check(name, color)
    tx.db.execute(
        insert(labels).values(
            repository_id=repo.id, name=name, color=color.lower(), description=description
        )
    )
    return named(tx, repo, name)


def change(
    tx: Transaction, repo: Repo, label: Label, *, name: str, color: str, description: str
) -> Label:
    """Change a label; issues keep it."""
    other = find(tx, repo, name)
    if other is not None and other.id != label.id:
        raise invalid("Label", "name", f"label {name} exists", code="already_exists")
    _check(name, color)
    tx.db.execute(
        update(labels)
        .where(labels.c.id == label.id)
        .values(name=name, color=color.lower(), description=description)
    )
    return named(tx, repo, name)


def remove(tx: Transaction, label: Label) -> None:
    """Delete a label, from the repository and from every issue."""
    tx.db.execute(delete(issue_labels).where(issue_labels.c.label_id == label.id))
    tx.db.execute(delete(labels).where(labels.c.id == label.id))


def of_issues(tx: Transaction, ids: Iterable[int]) -> dict[int, tuple[Label, ...]]:
    """The labels of several issues, by the issue's id."""
    found: dict[int, tuple[Label, ...]] = {}
    for row in tx.db.execute(_OF_ISSUES, {"ids": [*ids]}):
        found[row.issue_id] = (*found.get(row.issue_id, ()), _label(row))
    return found


def put_on(tx: Transaction, issue_id: int, label: Label) -> None:
    """Add a label to an issue that does not have it."""
    tx.db.execute(insert(issue_labels).values(issue_id=issue_id, label_id=label.id))


def take_off(tx: Transaction, issue_id: int, label: Label) -> None:
    """Remove a label from an issue."""
    tx.db.execute(
        delete(issue_labels).where(
            issue_labels.c.issue_id == issue_id, issue_labels.c.label_id == label.id
        )
    )


def _check(name: str, color: str) -> None:
    # A comma separates labels in the query of a list of issues.
    if not name.strip() or "," in name or not name.isprintable():
        raise invalid("Label", "name", "name must be printable text without a comma")
    if not _COLOR.fullmatch(color):
        raise invalid("Label", "color", "color must be six hexadecimal digits, such as d73a4a")


def _label(row: Any) -> Label:
    return Label(row.id, row.name, row.color, row.description)
