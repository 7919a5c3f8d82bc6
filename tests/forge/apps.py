"""Apps at the local forge."""

import time
from pathlib import Path

import jwt

from harness.forge import permissions
from harness.forge.app import AppKey


def as_app(place, app, method="GET", path="/app", *, token=None, **more):
    return place.ask(
        method,
        f"/api/v3{path}",
        headers={"Authorization": f"Bearer {token or signed(app)}"},
        **more,
    )


def installation_token(place, app, **wanted):
    path = f"/app/installations/{app['installation']}/access_tokens"
    answer = as_app(place, app, "POST", path, json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()["token"]


def an_app(place, under: Path, *, granted=None, install=True):
    made = place.admin.create_app(
        place.owner.login,
        {
            "name": f"Factory {place.prefix}",
            "url": "http://localhost/x",
            "default_permissions": granted or permissions.wanted(),
        },
    )
    if install:
        place.admin.install_app(made["slug"], place.owner.login, repositories=["tidebook"])
    key_file = under / "app.pem"
    key_file.write_text(made["pem"])
    return made, AppKey(made["id"], key_file)


def signed(app, *, key=None, algorithm="RS256", drop=(), **claims):
    now = int(time.time())
    result = {"iat": now - 60, "exp": now + 300, "iss": str(app["id"]), **claims}
    return jwt.encode(
        {name: value for name, value in result.items() if name not in drop},
        key or app["pem"],
        algorithm=algorithm,
    )
