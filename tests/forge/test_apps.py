"""GitHub Apps: who they are by their signature, what their tokens open, and when these end."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.programs.local_forge.api.permissions import needs
from harness.programs.local_forge.api.routes import VIEWS
from tests.forge.apps import as_app, installation_token, signed
from tests.forge.conftest import a_place
from tests.forge.gitclient import done, git
from tests.forge.waiting import files_below

MANIFEST = {
    "name": "Tide Factory",
    "url": "http://localhost/factory",
    "default_permissions": {
        "issues": "write",
        "checks": "write",
        "contents": "write",
        "pull_requests": "write",
    },
}
OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def place(forge, client, template, tmp_path_factory):
    return a_place(forge, client, template, tmp_path_factory.mktemp("apps"))


@pytest.fixture(scope="module")
def app(place):
    made = place.admin.create_app(place.owner.login, {**MANIFEST, "name": f"Tide {place.prefix}"})
    return made | {
        "installation": place.admin.install_app(
            made["slug"], place.owner.login, repositories=["tidebook"]
        )
    }


def by_token(place, token, method, path, **more):
    return place.api(method, path, headers={"Authorization": f"Bearer {token}"}, **more)


def test_an_app_is_known_by_its_signature(place, app) -> None:
    result = as_app(place, app).json()
    assert (result["id"], result["slug"], result["owner"]["id"]) == (
        app["id"],
        app["slug"],
        place.owner.id,
    )
    assert as_app(place, app, token=signed(app, iss=app["client_id"])).status_code == 200
    here = as_app(place, app, path=f"/repos/{place.name}/installation").json()
    assert (here["id"], here["repository_selection"], here["account"]["id"]) == (
        app["installation"],
        "selected",
        place.owner.id,
    )


# Hours may pass until a test begins.
NOW = int(time.time())
FORGED = {
    "another's key": {"key": OURS},
    "no signature": {"key": "", "algorithm": "none"},
    "signed with the public key as a secret": {
        "key": b"0123456789abcdef0123456789abcdef",
        "algorithm": "HS256",
    },
    "an app that is not there": {"iss": "999999"},
    "no app": {"drop": ("iss",)},
    "no end": {"drop": ("exp",)},
    "no beginning": {"drop": ("iat",)},
    "over": {"exp": NOW - 1},
    "eleven and a half minutes": {"exp": NOW + 3 * 3600},
    "from the future": {"iat": NOW + 3 * 3600, "exp": NOW + 3 * 3600 + 60},
    "words for times": {"exp": "tomorrow"},
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_or_overlong_web_token_is_nobodys(place, app, how) -> None:
    more = {"algorithm": "RS256", **FORGED[how]}
    if how == "no signature":
        now = int(time.time())
        token = jwt.encode(
            {"iat": now - 60, "exp": now + 300, "iss": str(app["id"])}, None, algorithm="none"
        )
    else:
        token = signed(app, **more)
    assert as_app(place, app, token=token).status_code == 401


def test_an_apps_own_token_opens_nothing_else(place, app) -> None:
    token = signed(app)
    assert by_token(place, token, "GET", "/issues").status_code == 403
    assert by_token(place, token, "POST", "/issues", json={"title": "x"}).status_code == 403
    header = f"http.extraHeader=Authorization: Bearer {token}"
    clone = git("-c", header, "ls-remote", place.repository.clone_url, cwd=place.folder)
    assert clone.returncode != 0


def test_a_person_is_no_app(place, app) -> None:
    for path in ("/app", "/app/installations", f"/repos/{place.name}/installation"):
        assert place.ask("GET", f"/api/v3{path}", by=place.owner).status_code == 401


def test_what_an_installation_does_is_done_by_its_bot(place, app) -> None:
    token = installation_token(place, app)
    made = by_token(place, token, "POST", "/issues", json={"title": "By the App"}).json()
    assert (made["user"]["login"], made["user"]["type"], made["user"]["id"]) == (
        f"{app['slug']}[bot]",
        "Bot",
        app["id"],
    )
    sha = place.api("GET", "/branches/main").json()["commit"]["sha"]
    run = by_token(
        place,
        token,
        "POST",
        "/check-runs",
        json={"name": "gate", "head_sha": sha, "conclusion": "success"},
    ).json()
    assert run["app"]["id"] == app["id"]


DENIED = [
    ({"issues": "read"}, "POST", "/issues", {"title": "x"}, "issues=write; pull_requests=write"),
    (
        {"pull_requests": "write"},
        "POST",
        "/issues/{issue}/labels",
        {"labels": ["x"]},
        "issues=write; pull_requests=write",
    ),
    ({"contents": "write"}, "GET", "/issues", None, "issues=read; pull_requests=read"),
    (
        {"issues": "write"},
        "POST",
        "/check-runs",
        {"name": "x", "head_sha": "0" * 40},
        "checks=write",
    ),
    ({"checks": "write"}, "POST", "/statuses/" + "0" * 40, {"state": "success"}, "statuses=write"),
    (
        {"contents": "read"},
        "POST",
        "/git/refs",
        {"ref": "refs/heads/x", "sha": "0" * 40},
        "contents=write",
    ),
    ({"pull_requests": "write"}, "PUT", "/pulls/1/merge", {}, "contents=write"),
    ({"contents": "write"}, "PUT", "/branches/main/protection", {}, "administration=write"),
    (
        {"contents": "write"},
        "PUT",
        "/collaborators/x",
        {"permission": "admin"},
        "administration=write",
    ),
    ({"contents": "write"}, "DELETE", "", None, "administration=write"),
]


@pytest.mark.parametrize(
    ("has", "method", "path", "sent", "accepted"),
    DENIED,
    ids=[f"{one[1]} {one[2]}" for one in DENIED],
)
def test_a_permission_that_is_missing_is_named(
    place, app, has, method, path, sent, accepted
) -> None:
    issue = place.file("Any")
    refused = by_token(
        place,
        installation_token(place, app, permissions=has),
        method,
        path.format(issue=issue),
        json=sent,
    )
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Resource not accessible by integration",
    )
    assert refused.headers["x-accepted-github-permissions"] == accepted


def test_a_token_has_no_more_than_its_installation(place, app) -> None:
    path = f"/app/installations/{app['installation']}/access_tokens"
    assert (
        as_app(
            place, app, "POST", path, json={"permissions": {"administration": "write"}}
        ).status_code
        == 422
    )
    assert as_app(place, app, "POST", path, json={"repositories": ["elsewhere"]}).status_code == 422
    assert (
        as_app(place, app, "POST", path, json={"permissions": {"everything": "write"}}).status_code
        == 422
    )


def test_a_token_reaches_its_own_repositories_only(place, app) -> None:
    place.admin.create_repository(place.owner.login, "other")
    token = installation_token(place, app)
    refused = place.ask(
        "POST",
        f"/api/v3/repos/{place.owner.login}/other/issues/1/labels",
        json={"labels": []},
        headers={"Authorization": f"token {token}"},
    )
    assert refused.status_code == 403
    reached = place.ask(
        "GET", "/api/v3/installation/repositories", headers={"Authorization": f"token {token}"}
    ).json()
    assert [repo["name"] for repo in reached["repositories"]] == ["tidebook"]


def test_a_revoked_token_is_nobodys(place, app) -> None:
    token = installation_token(place, app)
    assert (
        place.ask(
            "DELETE", "/api/v3/installation/token", headers={"Authorization": f"token {token}"}
        ).status_code
        == 204
    )
    assert by_token(place, token, "GET", "/issues").status_code == 401


def test_an_app_that_is_taken_off_has_no_token_left(place) -> None:
    made = place.admin.create_app(place.owner.login, {**MANIFEST, "name": f"Gone {place.prefix}"})
    made |= {"installation": place.admin.install_app(made["slug"], place.owner.login)}
    token = installation_token(place, made)
    assert (
        as_app(place, made, "DELETE", f"/app/installations/{made['installation']}").status_code
        == 204
    )
    assert by_token(place, token, "GET", "/issues").status_code == 401
    assert as_app(place, made, path=f"/repos/{place.name}/installation").status_code == 404


def test_another_apps_installation_is_not_there(place, app) -> None:
    other = place.admin.create_app(place.owner.login, {**MANIFEST, "name": f"Other {place.prefix}"})
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/access_tokens")):
        assert (
            as_app(
                place, other, method, f"/app/installations/{app['installation']}{path}"
            ).status_code
            == 404
        )


def test_a_manifest_is_converted_once(place) -> None:
    code = place.admin.create_manifest_code(
        place.owner.login, {**MANIFEST, "name": f"Once {place.prefix}"}
    )
    first = place.ask("POST", f"/api/v3/app-manifests/{code}/conversions")
    assert first.json()["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert place.ask("POST", f"/api/v3/app-manifests/{code}/conversions").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"url": "javascript:alert(1)"},
        {"default_permissions": {"issues": "all"}},
        {"default_permissions": {"secrets": "read"}},
        {"redirect_url": "data:text/html,x"},
    ],
)
def test_a_manifest_that_asks_for_what_there_is_not_is_refused(place, wrong) -> None:
    with pytest.raises(Exception, match="refused"):
        place.admin.create_app(place.owner.login, {**MANIFEST, **wrong})


def test_no_key_of_an_app_is_kept(place, app) -> None:
    secret = app["pem"].splitlines()[3].encode()
    token = installation_token(place, app).encode()
    kept = files_below(place.forge.home)
    assert {path.name for path in kept} >= {"forge.sqlite", "admin.token"}
    assert [path for path, held in kept.items() if secret in held or token in held] == []


def test_git_asks_an_app_for_contents_and_for_workflows(place, app, tmp_path) -> None:
    done(git("clone", "--quiet", place.repository.clone_url, "checkout", cwd=tmp_path))
    checkout = tmp_path / "checkout"
    (checkout / "more.txt").write_text("more\n")
    done(git("add", "--all", cwd=checkout))
    done(git("commit", "--quiet", "-m", "More", cwd=checkout))
    reader = installation_token(place, app, permissions={"contents": "read"})
    refused = git("push", "origin", "HEAD:refs/heads/by-app", cwd=checkout, token=reader)
    assert refused.returncode != 0
    assert "403" in refused.stderr
    writer = installation_token(place, app)
    done(git("push", "--quiet", "origin", "HEAD:refs/heads/by-app", cwd=checkout, token=writer))
    (checkout / ".github" / "workflows").mkdir(parents=True)
    (checkout / ".github" / "workflows" / "ci.yml").write_text("on: push\n")
    done(git("add", "--all", cwd=checkout))
    done(git("commit", "--quiet", "-m", "CI", cwd=checkout))
    refused = git("push", "origin", "HEAD:refs/heads/by-app", cwd=checkout, token=writer)
    assert refused.returncode != 0
    assert (
        "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml`"
        in refused.stderr
    )
    done(
        git(
            "push",
            "--quiet",
            "origin",
            "HEAD:refs/heads/by-app",
            cwd=checkout,
            token=place.owner.token,
        )
    )


def test_only_apps_write_checks(place, app) -> None:
    sha = place.api("GET", "/branches/main").json()["commit"]["sha"]
    sent = {"name": "gate", "head_sha": sha, "conclusion": "success"}
    refused = place.api("POST", "/check-runs", by=place.owner, json=sent)
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "You must authenticate via a GitHub App.",
    )
    mine = place.api("POST", "/check-runs", by=place.factory, json=sent).json()["id"]
    token = installation_token(place, app)
    refused = by_token(place, token, "PATCH", f"/check-runs/{mine}", json={"conclusion": "failure"})
    assert refused.status_code == 403
    assert "can only be modified by the GitHub App that created it" in refused.json()["message"]


def test_every_route_below_a_repository_names_its_permission() -> None:
    """A route that is not named is closed to Apps; of these none may be, or the
    factory's App would find it closed."""
    unnamed = [
        f"{method} {path}"
        for method, path, _ in VIEWS
        if path.startswith("/repos/") and needs(method, path) is None
    ]
    # For an App's own token alone.
    assert unnamed == ["GET /repos/{owner}/{repo}/installation"]
    free = [
        f"{method} {path}"
        for method, path, _ in VIEWS
        if path.startswith("/repos/") and needs(method, path) == ()
    ]
    assert free == []
