"""The administrator's API: accounts, repositories and webhooks. Only the
file's owner can read its token."""

import re
from pathlib import Path

from sqlalchemy import select

from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse, View
from harness.programs.local_forge.content import apps, manifests, people, repositories, seed_data
from harness.programs.local_forge.events import webhook_sender
from harness.programs.local_forge.git.objects import is_sound_branch
from harness.programs.local_forge.refused import invalid
from harness.programs.local_forge.shapes import apps as app_shapes
from harness.programs.local_forge.shapes import people as shapes
from harness.programs.local_forge.storage.records import ROLE_WORDS, Role, User
from harness.programs.local_forge.storage.tables import deliveries

KINDS = frozenset({"User", "Bot"})


def create_user(call: ApiCall) -> ApiResponse:
    """`{login, role, kind}` → the account's `{id, login, token}`. The token is shown only once."""
    login = fields.login(call.body.get("login"))
    role = _role(call, "read")
    kind = fields.choice(call.body, "kind", "User", among=KINDS) or (
        "Bot" if login.endswith("[bot]") else "User"
    )
    user = people.create_user(call.tx, login, role=role, kind=kind)
    return ApiResponse(_with_token(call, user), 201)


def create_token(call: ApiCall) -> ApiResponse:
    """Create another token for an existing account."""
    return ApiResponse(_with_token(call, people.user_named(call.tx, call.path["login"])), 201)


def rename_user(call: ApiCall) -> ApiResponse:
    """`{login}` → the account under its new login."""
    user = people.user_named(call.tx, call.path["login"])
    renamed = people.rename(call.tx, user, fields.login(call.body.get("login")))
    return ApiResponse({"id": renamed.id, "login": renamed.login})


def create_repository(call: ApiCall) -> ApiResponse:
    """`{owner, name, description, default_branch, incoming}` → the repository: empty or, with
    `incoming`, with that store's content."""
    branch = fields.text(call.body, "default_branch", "Repository", limit=100) or "main"
    if not is_sound_branch(branch):
        raise invalid(
            "Repository", "default_branch", "default_branch must be a name that git takes"
        )
    owner, name = _owner(call), fields.repository_name(call.body.get("name"))
    described = fields.text(call.body, "description", "Repository", limit=350) or ""
    incoming = fields.text(call.body, "incoming", "Repository", limit=32)
    if incoming is None:
        repo = repositories.create(
            call.tx, owner, name, default_branch=branch, description=described
        )
    else:
        store = _incoming(call, incoming)
        repo = repositories.adopt(
            call.tx, owner, name, default_branch=branch, description=described, store=store
        )
    return ApiResponse(shapes.repository(call.tx.links, repo), 201)


def _owner(call: ApiCall) -> User:
    """The account named as owner. Raises Refused (422) with the command that would create it."""
    login = fields.login(call.body.get("owner"))
    found = people.find_user(call.tx, login)
    if found is None:
        raise invalid(
            "Repository",
            "owner",
            f"nobody here is called {login}; `factory forge users add {login}` adds them",
        )
    return found


def _incoming(call: ApiCall, name: str) -> Path:
    """A store in `home/incoming`, by its name only."""
    # A pattern, not a path: `..` or an absolute path must not reach another folder.
    if not re.fullmatch(r"[0-9a-f]{32}", name):
        raise invalid("Repository", "incoming", "incoming must be 32 hexadecimal digits")
    store = call.service.settings.incoming / name
    if not store.is_dir():
        raise invalid("Repository", "incoming", f"nothing waits as {name}")
    return store


def user_list(call: ApiCall) -> ApiResponse:
    """Every account with its role, the highest role first."""
    found = people.all_of(call.tx, limit=-1)
    return ApiResponse(
        [
            {"id": one.id, "login": one.login, "kind": one.kind, "role": one.role.word}
            for one in found
        ]
    )


def change_user(call: ApiCall) -> ApiResponse:
    """`{role}` → the account, with that role on every repository."""
    user = people.user_named(call.tx, call.path["login"])
    people.set_role(call.tx, user, _role(call, "read"))
    return ApiResponse(
        {
            "id": user.id,
            "login": user.login,
            "role": people.user_named(call.tx, user.login).role.word,
        }
    )


def revoke_tokens(call: ApiCall) -> ApiResponse:
    """`{revoked}`: how many tokens and sessions of an account were revoked."""
    return ApiResponse(
        {"revoked": people.revoke_all(call.tx, people.user_named(call.tx, call.path["login"]))}
    )


def _role(call: ApiCall, otherwise: str) -> Role:
    word = fields.text(call.body, "role", "User") or otherwise
    if word not in ROLE_WORDS:
        raise invalid("User", "role", f"role must be one of {', '.join(ROLE_WORDS)}")
    return ROLE_WORDS[word]


def create_app(call: ApiCall) -> ApiResponse:
    """`{owner, manifest}` → the App with its key and secrets, shown only once, in the
    shape of a manifest conversion."""
    owner = people.user_named(call.tx, fields.login(call.body.get("owner")))
    _, code = apps.create(call.tx, manifests.manifest_from(call.body.get("manifest")), owner=owner)
    converted = apps.convert(call.tx, code)
    call.service.webhook_sender.reload(call.tx.db)
    return ApiResponse(app_shapes.conversion(call.tx.links, converted), 201)


def create_code(call: ApiCall) -> ApiResponse:
    """`{owner, manifest}` → the code that converts the manifest, as an approving person
    would get it."""
    owner = people.user_named(call.tx, fields.login(call.body.get("owner")))
    _, code = apps.create(call.tx, manifests.manifest_from(call.body.get("manifest")), owner=owner)
    return ApiResponse({"code": code}, 201)


def install_app(call: ApiCall) -> ApiResponse:
    """`{account, repositories}` → the installation. `repositories` are names of the
    account's own; absent: all of them."""
    account = people.user_named(call.tx, fields.login(call.body.get("account")))
    names = call.body.get("repositories")
    chosen = (
        None
        if names is None
        else [
            repositories.named(call.tx, account.login, name)
            for name in fields.names(names, "Installation", "repositories", limit=100)
        ]
    )
    made = apps.install(
        call.tx, apps.named(call.tx, call.path["slug"]), account, repositories=chosen
    )
    return ApiResponse(app_shapes.installation(call.tx.links, made), 201)


def file_many(call: ApiCall) -> ApiResponse:
    """`{count, body_length}` → `{first, last}`: file many open issues at once, for
    measurements. Sends no webhooks."""
    count = fields.number(call.body, "count", "Issue", among=range(1, seed_data.MOST + 1))
    length = fields.number(call.body, "body_length", "Issue", among=range(fields.BODY_LIMIT + 1))
    filed = seed_data.file_many(call.tx, call.repo, count, body_length=length)
    return ApiResponse({"first": filed.start, "last": filed.stop - 1}, 201)


def create_hook(call: ApiCall) -> ApiResponse:
    """`{url, secret, events}` → the webhook's id. Without events it gets all of them."""
    url = fields.web_address(call.body, "url", "Hook")
    if url is None:
        raise invalid("Hook", "url", "url must be an http or https address", code="missing_field")
    secret = fields.needed_text(call.body, "secret", "Hook", limit=200)
    events = fields.names(call.body.get("events", ["*"]), "Hook", "events")
    made = webhook_sender.add_hook(call.tx.db, url, secret, events)
    call.service.webhook_sender.reload(call.tx.db)
    return ApiResponse({"id": made, "url": url, "events": list(events)}, 201)


def delivery_list(call: ApiCall) -> ApiResponse:
    """The last 100 webhook deliveries, newest first."""
    rows = call.tx.db.execute(
        select(deliveries).order_by(deliveries.c.delivered_at.desc()).limit(100)
    )
    return ApiResponse([dict(row._mapping) for row in rows])


def _with_token(call: ApiCall, user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "login": user.login,
        "token": people.issue_key(call.tx, user, people.TOKEN),
    }


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("POST", "/users", create_user),
    ("GET", "/users", user_list),
    ("PATCH", "/users/{login}", change_user),
    ("PUT", "/users/{login}/login", rename_user),
    ("POST", "/users/{login}/tokens", create_token),
    ("DELETE", "/users/{login}/tokens", revoke_tokens),
    ("POST", "/repos", create_repository),
    ("POST", "/repos/{owner}/{repo}/issues", file_many),
    ("POST", "/apps", create_app),
    ("POST", "/app-codes", create_code),
    ("POST", "/apps/{slug}/installations", install_app),
    ("POST", "/hooks", create_hook),
    ("GET", "/deliveries", delivery_list),
)
