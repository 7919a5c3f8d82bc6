"""The administrator's API: accounts, repositories, webhooks, faults. Its token is in a file for its owner alone."""

from dataclasses import asdict

from sqlalchemy import select

from harness.forge.embedded import courier, fields, people, repositories
from harness.forge.embedded.api.calls import Answer, Call, View
from harness.forge.embedded.faults import Faults, fault_from
from harness.forge.embedded.objects import is_sound_branch
from harness.forge.embedded.records import ROLE_WORDS, User
from harness.forge.embedded.refused import invalid
from harness.forge.embedded.shapes import people as shapes
from harness.forge.embedded.tables import deliveries

KINDS = frozenset({"User", "Bot"})


def create_user(call: Call) -> Answer:
    """`{login, role, kind}` → the account's `{id, login, token}`. The token is shown this once."""
    login = fields.login(call.body.get("login"))
    word = fields.text(call.body, "role", "User") or "read"
    if word not in ROLE_WORDS:
        raise invalid("User", "role", f"role must be one of {', '.join(ROLE_WORDS)}")
    kind = fields.choice(call.body, "kind", "User", among=KINDS) or ("Bot" if login.endswith("[bot]") else "User")
    user = people.create_user(call.tx, login, role=ROLE_WORDS[word], kind=kind)
    return Answer(_with_token(call, user), 201)


def create_token(call: Call) -> Answer:
    """Another token for an account that is there."""
    return Answer(_with_token(call, people.user_named(call.tx, call.path["login"])), 201)


def create_repository(call: Call) -> Answer:
    """`{owner, name, description, default_branch}` → the repository."""
    branch = fields.text(call.body, "default_branch", "Repository", limit=100) or "main"
    if not is_sound_branch(branch):
        raise invalid("Repository", "default_branch", "default_branch must be a name that git takes")
    repo = repositories.create(
        call.tx, people.user_named(call.tx, fields.login(call.body.get("owner"))),
        fields.repository_name(call.body.get("name")), default_branch=branch,
        description=fields.text(call.body, "description", "Repository", limit=350) or "",
    )
    return Answer(shapes.repository(call.tx.links, repo), 201)


def create_hook(call: Call) -> Answer:
    """`{url, secret, events}` → the webhook's id. Without events it is told of all."""
    url = fields.web_address(call.body, "url", "Hook")
    if url is None:
        raise invalid("Hook", "url", "url must be an http or https address", code="missing_field")
    secret = fields.needed_text(call.body, "secret", "Hook", limit=200)
    events = fields.names(call.body.get("events", ["*"]), "Hook", "events")
    made = courier.add_hook(call.tx.db, url, secret, events)
    call.service.courier.reload(call.tx.db)
    return Answer({"id": made, "url": url, "events": list(events)}, 201)


def delivery_list(call: Call) -> Answer:
    """What webhooks were told lately, newest first."""
    rows = call.tx.db.execute(select(deliveries).order_by(deliveries.c.delivered_at.desc()).limit(100))
    return Answer([dict(row._mapping) for row in rows])


def fault_views(faults: Faults) -> tuple[View, View]:
    """The views that set a fault and call all of them off."""

    def add(call: Call) -> Answer:
        fault = fault_from(call.body)
        faults.add(fault)
        return Answer(asdict(fault), 201)

    def clear(_call: Call) -> Answer:
        faults.clear()
        return Answer(status=204)

    return add, clear


def _with_token(call: Call, user: User) -> dict[str, object]:
    return {"id": user.id, "login": user.login, "token": people.issue_key(call.tx, user, people.TOKEN)}


def routes(faults: Faults | None) -> tuple[tuple[str, str, View], ...]:
    """The routes; those for faults only where there are any."""
    found: list[tuple[str, str, View]] = [
        ("POST", "/users", create_user),
        ("POST", "/users/{login}/tokens", create_token),
        ("POST", "/repos", create_repository),
        ("POST", "/hooks", create_hook),
        ("GET", "/deliveries", delivery_list),
    ]
    if faults is not None:
        add, clear = fault_views(faults)
        found += [("POST", "/faults", add), ("DELETE", "/faults", clear)]
    return tuple(found)
