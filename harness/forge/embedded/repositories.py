"""Repositories: a row, and a bare repository on disk under the row's number."""

import shutil

from sqlalchemy import insert, select, update

from harness.forge.embedded.people import role_on, users_by_id
from harness.forge.embedded.records import Repo, Role, User
from harness.forge.embedded.refused import invalid, not_found
from harness.forge.embedded.tables import repositories, users
from harness.forge.embedded.transaction import Transaction


def create(tx: Transaction, owner: User, name: str, *, description: str, default_branch: str) -> Repo:
    """A new, empty repository. Raises Refused (422) where the owner has one of that name."""
    if find(tx, owner.login, name) is not None:
        raise invalid("Repository", "name", "name already exists on this account", code="already_exists")
    tx.db.execute(insert(repositories).values(
        owner_id=owner.id, name=name, description=description, default_branch=default_branch,
        seen="", next_number=1, created_at=tx.now,
    ))
    repo = named(tx, owner.login, name)
    bare = tx.git(repo)
    shutil.rmtree(bare.folder, ignore_errors=True)  # left by a creation that was killed before its row was kept
    bare.create(default_branch)
    return repo


def find(tx: Transaction, owner: str, name: str) -> Repo | None:
    """The repository `owner/name`, whatever the case of the letters."""
    found = _repos(tx, users.c.login == owner, repositories.c.name == name)
    return found[0] if found else None


def named(tx: Transaction, owner: str, name: str) -> Repo:
    """As `find`. Raises Refused (404)."""
    repo = find(tx, owner, name)
    if repo is None:
        raise not_found()
    return repo


def readable(tx: Transaction, owner: str, name: str, *, by: User | None) -> Repo:
    """As `named`, and to an account that may not read it there is none."""
    repo = named(tx, owner, name)
    if role_on(tx, by, repo) < Role.READ:
        raise not_found()
    return repo


def all_of(tx: Transaction, owner: str | None = None) -> tuple[Repo, ...]:
    """Every repository, or those of one account, oldest first."""
    return _repos(tx) if owner is None else _repos(tx, users.c.login == owner)


def next_number(tx: Transaction, repo: Repo) -> int:
    """A number for a new issue or pull request; both count in one row, as on GitHub."""
    where = repositories.c.id == repo.id
    tx.db.execute(update(repositories).where(where).values(next_number=repositories.c.next_number + 1))
    return int(tx.db.execute(select(repositories.c.next_number).where(where)).scalar_one()) - 1


def remember_tip(tx: Transaction, repo: Repo, sha: str) -> None:
    """Note how far the default branch has been settled."""
    tx.db.execute(update(repositories).where(repositories.c.id == repo.id).values(seen=sha))


def _repos(tx: Transaction, *where: object) -> tuple[Repo, ...]:
    query = select(repositories).join(users, users.c.id == repositories.c.owner_id).where(*where)  # type: ignore[arg-type]
    rows = tx.db.execute(query.order_by(repositories.c.id)).all()
    owners = users_by_id(tx, (row.owner_id for row in rows))
    return tuple(
        Repo(row.id, owners[row.owner_id], row.name, row.description, row.default_branch, row.seen, row.created_at)
        for row in rows
    )
