"""Accounts, their tokens and sessions, and their roles."""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from harness.programs.local_forge.refused import invalid, not_found
from harness.programs.local_forge.storage.records import Repo, Role, User
from harness.programs.local_forge.storage.tables import grants, keys, users
from harness.programs.local_forge.transaction import Transaction

TOKEN, SESSION = "token", "session"
SESSION_SECONDS = 30 * 24 * 3600
# What every request asks is put together once: to make a statement takes longer than SQLite does.
_BY_ID = select(users).where(users.c.id.in_(bindparam("wanted", expanding=True)))
_HOLDER = (
    select(users)
    .join(keys, keys.c.user_id == users.c.id)
    .where(
        keys.c.digest == bindparam("digest"),
        keys.c.kind == bindparam("kind"),
        keys.c.created_at >= bindparam("oldest"),
    )
)
_GRANTED = select(grants.c.role).where(
    grants.c.repository_id == bindparam("repo"), grants.c.user_id == bindparam("user")
)


def create_user(tx: Transaction, login: str, *, role: Role, kind: str) -> User:
    """Create an account. Raises Refused (422) where the login is taken, in any case of letters."""
    if find_user(tx, login) is not None:
        raise invalid("User", "login", f"login {login} is taken", code="already_exists")
    tx.db.execute(insert(users).values(login=login, kind=kind, role=role, created_at=tx.now))
    return user_named(tx, login)


def find_user(tx: Transaction, login: str) -> User | None:
    """The account with that login, in any case of letters; None when there is none."""
    row = tx.db.execute(select(users).where(users.c.login == login)).one_or_none()
    return None if row is None else _user(row)


def user_named(tx: Transaction, login: str) -> User:
    """As `find_user`. Raises Refused (404)."""
    found = find_user(tx, login)
    if found is None:
        raise not_found()
    return found


def all_of(tx: Transaction, *, limit: int = 200) -> tuple[User, ...]:
    """Accounts, the highest role first; at most `limit` (-1: all)."""
    query = select(users).order_by(users.c.role.desc(), users.c.login).limit(limit)
    return tuple(map(_user, tx.db.execute(query)))


def set_role(tx: Transaction, user: User, role: Role) -> None:
    """Set an account's role on every repository."""
    tx.db.execute(update(users).where(users.c.id == user.id).values(role=role))


def rename(tx: Transaction, user: User, login: str) -> User:
    """Rename an account. The old login becomes free, as on GitHub. Raises Refused (422)
    where the new one is taken."""
    if find_user(tx, login) is not None:
        raise invalid("User", "login", f"login {login} is taken", code="already_exists")
    tx.db.execute(update(users).where(users.c.id == user.id).values(login=login))
    return user_named(tx, login)


def revoke_all(tx: Transaction, user: User) -> int:
    """Revoke every token and session of an account; returns how many there were."""
    return tx.db.execute(delete(keys).where(keys.c.user_id == user.id)).rowcount


def users_by_id(tx: Transaction, ids: Iterable[int | None]) -> dict[int, User]:
    """Accounts by number."""
    wanted = [*{number for number in ids if number is not None}]
    return {row.id: _user(row) for row in tx.db.execute(_BY_ID, {"wanted": wanted})}


def issue_key(tx: Transaction, user: User, kind: str) -> str:
    """Create a token or session. Only its digest is stored, so it can be shown only now."""
    key = f"lof_{secrets.token_urlsafe(30)}"
    tx.db.execute(
        insert(keys).values(digest=digest_of(key), kind=kind, user_id=user.id, created_at=tx.now)
    )
    return key


def revoke_key(tx: Transaction, key: str) -> None:
    """Revoke a token or session."""
    tx.db.execute(keys.delete().where(keys.c.digest == digest_of(key)))


def holder(tx: Transaction, key: str, kind: str) -> User | None:
    """The account of a key; None for an unknown or revoked key, or a session that is too old."""
    # Sessions expire; tokens last until they are revoked.
    oldest = tx.now - SESSION_SECONDS if kind == SESSION else 0
    wanted = {"digest": digest_of(key), "kind": kind, "oldest": oldest}
    row = tx.db.execute(_HOLDER, wanted).one_or_none()
    return None if row is None else _user(row)


def role_on(tx: Transaction, user: User | None, repo: Repo) -> Role:
    """An account's role on a repository: its own role or its grant, whichever is higher;
    the owner is an administrator."""
    if user is None:
        # Repositories are public: whoever reaches the loopback may read.
        return Role.READ
    if user.id == repo.owner.id:
        return Role.ADMIN
    granted = tx.db.execute(_GRANTED, {"repo": repo.id, "user": user.id}).scalar_one_or_none()
    return max(user.role, Role(granted or 0))


def grant(tx: Transaction, user: User, repo: Repo, *, role: Role) -> None:
    """Give an account a role on one repository; replaces an earlier grant."""
    row = {"repository_id": repo.id, "user_id": user.id, "role": role}
    tx.db.execute(
        upsert(grants)
        .values(row)
        .on_conflict_do_update(index_elements=["repository_id", "user_id"], set_={"role": role})
    )


def association(tx: Transaction, user: User, repo: Repo) -> str:
    """GitHub's `author_association` of an account with a repository."""
    if user.id == repo.owner.id:
        return "OWNER"
    return "COLLABORATOR" if role_on(tx, user, repo) >= Role.TRIAGE else "NONE"


def _user(row: Any) -> User:
    return User(row.id, row.login, row.kind, Role(row.role), row.created_at)


def digest_of(secret: str) -> str:
    """What is stored of a secret, to recognise it by."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
