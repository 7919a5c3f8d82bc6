"""GitHub Apps: creation from a manifest, installation on an account's repositories, and their
hourly tokens.

The forge stores only the public half of an App's key, and only digests of tokens. A manifest's code
is valid once, for an hour.
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from harness.programs.local_forge.content import people
from harness.programs.local_forge.content.manifests import Manifest
from harness.programs.local_forge.content.people import users_by_id
from harness.programs.local_forge.refused import Refused, invalid, not_found
from harness.programs.local_forge.storage.records import (
    LEVELS,
    App,
    Conversion,
    Grant,
    Installation,
    Repo,
    Role,
    User,
)
from harness.programs.local_forge.storage.tables import (
    app_codes,
    app_tokens,
    apps,
    hooks,
    installations,
    installed,
)
from harness.programs.local_forge.transaction import Transaction

HOUR = 3600
KEY_BITS = 2048
_LIVING = select(app_tokens).where(
    app_tokens.c.digest == bindparam("digest"), app_tokens.c.expires_at > bindparam("now")
)


def create(tx: Transaction, manifest: Manifest, *, owner: User) -> tuple[App, str]:
    """Create an App with its bot account; returns it with the code to convert its
    manifest. Raises Refused (422)."""
    slug = re.sub(r"[^a-z0-9]+", "-", manifest.name.lower()).strip("-")[:34]
    if not slug or find(tx, slug) is not None or people.find_user(tx, f"{slug}[bot]") is not None:
        raise invalid(
            "Integration",
            "name",
            f"Name {manifest.name} is taken or holds no letter",
            code="already_exists",
        )
    # One number for an App and its bot account: checks and comments name their author by it.
    bot = people.create_user(tx, f"{slug}[bot]", role=Role.READ, kind="Bot")
    tx.db.execute(
        insert(apps).values(
            id=bot.id,
            slug=slug,
            name=manifest.name,
            owner_id=owner.id,
            client_id=f"Iv23{secrets.token_hex(8)}",
            public_key="",
            permissions=json.dumps(dict(manifest.permissions)),
            events=json.dumps(list(manifest.events)),
            description=manifest.description,
            external_url=manifest.url,
            setup_url=manifest.setup_url,
            hook_url=manifest.hook_url,
            created_at=tx.now,
        )
    )
    code = secrets.token_hex(20)
    tx.db.execute(
        insert(app_codes).values(digest=people.digest_of(code), app_id=bot.id, created_at=tx.now)
    )
    return named(tx, slug), code


def convert(tx: Transaction, code: str) -> Conversion:
    """Give the App of a code its key and secrets. Raises Refused (404) for an unknown,
    used or expired code."""
    where = app_codes.c.digest == people.digest_of(code), app_codes.c.created_at > tx.now - HOUR
    number = tx.db.execute(select(app_codes.c.app_id).where(*where)).scalar_one_or_none()
    if number is None:
        raise not_found()
    # In the same transaction as the key: of two conversions at once, one finds no code.
    tx.db.execute(delete(app_codes).where(app_codes.c.app_id == number))
    private, public = _key_pair()
    tx.db.execute(update(apps).where(apps.c.id == number).values(public_key=public))
    app = numbered(tx, number)
    secret = secrets.token_hex(20)
    if app.hook_url is not None:
        tx.db.execute(
            insert(hooks).values(
                url=app.hook_url,
                secret=secret,
                events=json.dumps(sorted(app.events)),
                app_id=app.id,
            )
        )
    return Conversion(app, private, secrets.token_hex(20), secret)


def find(tx: Transaction, slug: str) -> App | None:
    """The App with that slug, in any case of letters; None when there is none."""
    found = _apps(tx, apps.c.slug == slug)
    return found[0] if found else None


def named(tx: Transaction, slug: str) -> App:
    """As `find`. Raises Refused (404)."""
    app = find(tx, slug)
    if app is None:
        raise not_found()
    return app


def numbered(tx: Transaction, number: int) -> App:
    """The App of that number. Raises Refused (404)."""
    found = _apps(tx, apps.c.id == number)
    if not found:
        raise not_found()
    return found[0]


def issued_to(tx: Transaction, issuer: str) -> App | None:
    """The App that a JSON web token names, by number or by client id."""
    by_number = issuer.isascii() and issuer.isdigit() and len(issuer) < 12
    found = _apps(tx, apps.c.id == int(issuer) if by_number else apps.c.client_id == issuer)
    return found[0] if found else None


def install(
    tx: Transaction, app: App, account: User, *, repositories: Sequence[Repo] | None
) -> Installation:
    """Install an App on all of an account's repositories (None) or on some. A second
    call replaces the choice."""
    held = select(installations.c.id).where(
        installations.c.app_id == app.id, installations.c.account_id == account.id
    )
    number = tx.db.execute(held).scalar_one_or_none()
    if number is None:
        number = tx.db.execute(
            insert(installations)
            .values(
                app_id=app.id,
                account_id=account.id,
                everywhere=repositories is None,
                created_at=tx.now,
            )
            .returning(installations.c.id)
        ).scalar_one()
    tx.db.execute(
        update(installations)
        .where(installations.c.id == number)
        .values(everywhere=repositories is None)
    )
    tx.db.execute(delete(installed).where(installed.c.installation_id == number))
    for repo in repositories or ():
        tx.db.execute(insert(installed).values(installation_id=number, repository_id=repo.id))
    return installation(tx, number)


def uninstall(tx: Transaction, found: Installation) -> None:
    """Remove an App from an account; its tokens end."""
    tx.db.execute(delete(app_tokens).where(app_tokens.c.installation_id == found.id))
    tx.db.execute(delete(installed).where(installed.c.installation_id == found.id))
    tx.db.execute(delete(installations).where(installations.c.id == found.id))


def installation(tx: Transaction, number: int) -> Installation:
    """One installation. Raises Refused (404)."""
    found = _installations(tx, installations.c.id == number)
    if not found:
        raise not_found()
    return found[0]


def installations_of(tx: Transaction, app: App) -> tuple[Installation, ...]:
    """An App's installations."""
    return _installations(tx, installations.c.app_id == app.id)


def installation_on(tx: Transaction, app: App, repo: Repo) -> Installation | None:
    """The App's installation that reaches a repository."""
    found = _installations(
        tx, installations.c.app_id == app.id, installations.c.account_id == repo.owner.id
    )
    return next((one for one in found if one.reaches(repo)), None)


def installed_on(tx: Transaction, repo: Repo) -> dict[int, int]:
    """The Apps whose installation reaches a repository, each with the installation's number."""
    found = _installations(tx, installations.c.account_id == repo.owner.id)
    return {one.app.id: one.id for one in found if one.reaches(repo)}


def issue_token(
    tx: Transaction,
    found: Installation,
    *,
    permissions: Mapping[str, str] | None,
    repositories: frozenset[int] | None,
) -> tuple[str, Grant]:
    """Issue an installation token for an hour, with all of its permissions or fewer.
    Raises Refused (422) for more."""
    granted = found.app.permissions
    for name, level in (permissions or {}).items():
        if LEVELS.get(level, 9) > LEVELS.get(granted.get(name, ""), 0):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    token = f"ghs_{secrets.token_hex(20)}"
    wanted = dict(granted if permissions is None else permissions)
    # Expired tokens are deleted here, so that the table does not grow for ever.
    tx.db.execute(delete(app_tokens).where(app_tokens.c.expires_at <= tx.now))
    tx.db.execute(
        insert(app_tokens).values(
            digest=people.digest_of(token),
            installation_id=found.id,
            permissions=json.dumps(wanted),
            expires_at=tx.now + HOUR,
            repositories=None if repositories is None else json.dumps(sorted(repositories)),
        )
    )
    return token, Grant(found, wanted, repositories, tx.now + HOUR)


def grant_of(tx: Transaction, token: str) -> Grant | None:
    """What an installation token may do; None for an unknown, revoked or expired one."""
    row = tx.db.execute(_LIVING, {"digest": people.digest_of(token), "now": tx.now}).one_or_none()
    if row is None:
        return None
    only = None if row.repositories is None else frozenset(json.loads(row.repositories))
    return Grant(
        installation(tx, row.installation_id), json.loads(row.permissions), only, row.expires_at
    )


def revoke_token(tx: Transaction, token: str) -> None:
    """Revoke a token."""
    tx.db.execute(delete(app_tokens).where(app_tokens.c.digest == people.digest_of(token)))


def _key_pair() -> tuple[str, str]:
    # Imported here: it takes a third of the time to start the forge.
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption()
    )
    public = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def _apps(tx: Transaction, *where: Any) -> tuple[App, ...]:
    rows = tx.db.execute(select(apps).where(*where)).all()
    owners = users_by_id(tx, (row.owner_id for row in rows))
    return tuple(
        App(
            id=row.id,
            slug=row.slug,
            name=row.name,
            owner=owners[row.owner_id],
            client_id=row.client_id,
            public_key=row.public_key,
            permissions=json.loads(row.permissions),
            events=tuple(json.loads(row.events)),
            description=row.description,
            external_url=row.external_url,
            setup_url=row.setup_url,
            hook_url=row.hook_url,
            created_at=row.created_at,
        )
        for row in rows
    )


def _installations(tx: Transaction, *where: Any) -> tuple[Installation, ...]:
    rows = tx.db.execute(select(installations).where(*where).order_by(installations.c.id)).all()
    accounts = users_by_id(tx, (row.account_id for row in rows))
    return tuple(
        Installation(
            row.id,
            numbered(tx, row.app_id),
            accounts[row.account_id],
            row.everywhere,
            _chosen(tx, row.id),
            row.created_at,
        )
        for row in rows
    )


def _chosen(tx: Transaction, number: int) -> frozenset[int]:
    return frozenset(
        tx.db.execute(
            select(installed.c.repository_id).where(installed.c.installation_id == number)
        ).scalars()
    )
