"""Repositories: a row in the database, and a bare repository on disk named by the row's number."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select, update

from harness.programs.local_forge.content.people import role_on
from harness.programs.local_forge.refused import invalid, not_found
from harness.programs.local_forge.storage.records import Repo, Role, User
from harness.programs.local_forge.storage.tables import (
    events,
    issues,
    metadata,
    repositories,
    users,
)
from harness.programs.local_forge.transaction import Transaction

_EVERY = (
    select(
        repositories,
        users.c.login.label("owner_login"),
        users.c.kind.label("owner_kind"),
        users.c.role.label("owner_role"),
        users.c.created_at.label("owner_created_at"),
    )
    .join(users, users.c.id == repositories.c.owner_id)
    .order_by(repositories.c.id)
)
# Put together once, as in `people`.
_OF_OWNER = _EVERY.where(users.c.login == bindparam("owner"))
_NAMED = _OF_OWNER.where(repositories.c.name == bindparam("name"))
_BY_ID = _EVERY.where(repositories.c.id.in_(bindparam("wanted", expanding=True)))
_FORKS = _EVERY.where(repositories.c.source_id == bindparam("source"))


def create(
    tx: Transaction, owner: User, name: str, *, description: str, default_branch: str
) -> Repo:
    """Create an empty repository. Raises Refused (422) where the owner has one of that name."""
    repo = _row(tx, owner, name, description=description, default_branch=default_branch)
    tx.git(repo).create(default_branch)
    return repo


def adopt(
    tx: Transaction, owner: User, name: str, *, description: str, default_branch: str, store: Path
) -> Repo:
    """Create a repository from a bare one, which is moved here. Its history closes no issues."""
    repo = _row(tx, owner, name, description=description, default_branch=default_branch)
    tx.git(repo).adopt(store)
    remember_tip(tx, repo, tx.git(repo).refs().get(default_branch, ""))
    return repo


def fork(tx: Transaction, source: Repo, owner: User, *, name: str) -> Repo:
    """Fork a repository, or return the owner's existing fork."""
    # As on GitHub, an account has at most one fork of a repository.
    mine = [repo for repo in all_of(tx, owner.login) if repo.source_id == source.id]
    if mine:
        return mine[0]
    repo = _row(
        tx,
        owner,
        name,
        description=source.description,
        default_branch=source.default_branch,
        source=source,
    )
    tx.git(source).copy_to(tx.git(repo), source.default_branch)
    remember_tip(tx, repo, tx.git(repo).refs().get(source.default_branch, ""))
    return repo


def remove(tx: Transaction, repo: Repo) -> None:
    """Delete a repository with everything about it. Pull requests from it stay where
    they were opened."""
    of_it = select(issues.c.id).where(issues.c.repository_id == repo.id)
    event_ids = select(events.c.id).where(events.c.issue_id.in_(of_it))
    # Tables with foreign keys come first.
    for table in reversed(metadata.sorted_tables):
        for column, gone in (
            ("event_id", event_ids),
            ("issue_id", of_it),
            ("repository_id", [repo.id]),
        ):
            if column in table.c:
                tx.db.execute(delete(table).where(table.c[column].in_(gone)))
    tx.db.execute(delete(repositories).where(repositories.c.id == repo.id))
    # Only after the commit: a rollback must find the folder still there.
    tx.gone.append(tx.git(repo).folder)


def find(tx: Transaction, owner: str, name: str) -> Repo | None:
    """The repository `owner/name`, in any case of letters; None when there is none."""
    found = _repos(tx, _NAMED, owner=owner, name=name)
    return found[0] if found else None


def named(tx: Transaction, owner: str, name: str) -> Repo:
    """As `find`. Raises Refused (404)."""
    repo = find(tx, owner, name)
    if repo is None:
        raise not_found()
    return repo


def readable(tx: Transaction, owner: str, name: str, *, by: User | None) -> Repo:
    """As `named`, but also 404 for an account that may not read it."""
    repo = named(tx, owner, name)
    if role_on(tx, by, repo) < Role.READ:
        raise not_found()
    return repo


def all_of(tx: Transaction, owner: str | None = None) -> tuple[Repo, ...]:
    """Every repository, or those of one account, oldest first."""
    return _repos(tx, _EVERY) if owner is None else _repos(tx, _OF_OWNER, owner=owner)


def by_id(tx: Transaction, numbers: Iterable[int | None]) -> dict[int, Repo]:
    """Repositories by number; deleted ones are left out."""
    wanted = [*{number for number in numbers if number is not None}]
    return {repo.id: repo for repo in _repos(tx, _BY_ID, wanted=wanted)} if wanted else {}


def forks_of(tx: Transaction, repo: Repo) -> tuple[Repo, ...]:
    """Its forks, oldest first."""
    return _repos(tx, _FORKS, source=repo.id)


def next_number(tx: Transaction, repo: Repo) -> int:
    """The number of the next issue or pull request; both share one counter, as on GitHub."""
    where = repositories.c.id == repo.id
    tx.db.execute(
        update(repositories).where(where).values(next_number=repositories.c.next_number + 1)
    )
    return int(tx.db.execute(select(repositories.c.next_number).where(where)).scalar_one()) - 1


def remember_tip(tx: Transaction, repo: Repo, sha: str) -> None:
    """Record the default branch's tip as synced."""
    tx.db.execute(update(repositories).where(repositories.c.id == repo.id).values(seen=sha))


def _row(
    tx: Transaction,
    owner: User,
    name: str,
    *,
    description: str,
    default_branch: str,
    source: Repo | None = None,
) -> Repo:
    if find(tx, owner.login, name) is not None:
        raise invalid(
            "Repository", "name", "name already exists on this account", code="already_exists"
        )
    tx.db.execute(
        insert(repositories).values(
            owner_id=owner.id,
            name=name,
            description=description,
            default_branch=default_branch,
            seen="",
            next_number=1,
            created_at=tx.now,
            source_id=source and source.id,
        )
    )
    repo = named(tx, owner.login, name)
    # A server that was killed before it committed the row may have left a folder.
    shutil.rmtree(tx.git(repo).folder, ignore_errors=True)
    return repo


def _repos(tx: Transaction, query: Select[Any], **wanted: Any) -> tuple[Repo, ...]:
    return tuple(
        Repo(
            row.id,
            User(
                row.owner_id,
                row.owner_login,
                row.owner_kind,
                Role(row.owner_role),
                row.owner_created_at,
            ),
            row.name,
            row.description,
            row.default_branch,
            row.seen,
            row.created_at,
            row.source_id,
        )
        for row in tx.db.execute(query, wanted)
    )
