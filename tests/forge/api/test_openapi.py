"""Every answer of every route, against GitHub's published OpenAPI description
(`openapi/github.json`, made by `trim.py`).

One world is driven through all that the API serves. What every exchange said, success or not, is
compared with the schema of its operation and status; a route without an operation, or one that
nobody drove, fails here."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import jwt
import pytest

from harness.programs.local_forge.api.routes import VIEWS
from tests.forge.api.openapi.trim import plain
from tests.forge.conftest import a_place

KNOWN = json.loads((Path(__file__).parent / "openapi" / "github.json").read_text(encoding="utf-8"))
FORMATS = jsonschema.FormatChecker(formats=())
ROUTES = {f"{method} {path}": f"{method} {plain(path)}" for method, path, _ in VIEWS}
BASIC = {"$ref": "urn:github#/schemas/basic-error"}
MANIFEST = {
    "name": "Tide Factory",
    "url": "http://localhost/factory",
    "hook_attributes": {"url": "http://localhost:9/hook"},
    "default_permissions": {
        "issues": "write",
        "checks": "write",
        "contents": "write",
        "pull_requests": "write",
    },
    "default_events": ["issues"],
}


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(text):
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@FORMATS.checks("uri")
def is_address(text):
    return not isinstance(text, str) or bool(urlsplit(text).scheme and urlsplit(text).netloc)


@dataclass
class Exchange:
    """What was asked of an operation, and what was answered."""

    operation: str
    status: int
    sent: object
    answered: object

    def findings(self):
        """The differences from the description."""
        known = KNOWN["operations"][self.operation]
        answers = known["responses"]
        if str(self.status) not in answers and self.status < 400:
            yield f"{self.status} is no answer of {self.operation}, only {', '.join(answers)}"
            return
        schema = answers.get(str(self.status)) or (BASIC if self.status >= 400 else None)
        if self.status >= 400 and not isinstance(self.answered, dict):
            yield f"{self.operation} refuses without an object: {self.answered!r}"
        elif schema is None and self.answered is not None:
            yield f"{self.operation} answers {self.status} with a body, and has none to give"
        elif schema is not None:
            yield from wrong(schema, self.answered)
        if self.status < 400 and known["request"] is not None and self.sent is not None:
            yield from (f"request: {one}" for one in wrong(known["request"], self.sent))


def wrong(schema, value):
    document = {"$id": "urn:github", "schemas": KNOWN["schemas"], "allOf": [schema]}
    checked = jsonschema.Draft202012Validator(document, format_checker=FORMATS)
    for error in checked.iter_errors(value):
        deepest = jsonschema.exceptions.best_match([error])
        yield f"{'/'.join(map(str, deepest.absolute_path))}: {deepest.message:.200}"


class Log:
    """Every exchange below /api/v3, by the operation that its address belongs to."""

    def __init__(self) -> None:
        self.exchanges = []
        self._patterns = [
            (method, re.compile(_pattern(path)), plain(path)) for method, path, _ in VIEWS
        ]

    def heard(self, response) -> None:
        response.read()
        path = response.request.url.raw_path.decode().partition("?")[0].removeprefix("/api/v3")
        for method, pattern, name in self._patterns:
            if method == response.request.method and pattern.fullmatch(path):
                sent = json.loads(response.request.content) if response.request.content else None
                answered = response.json() if response.content else None
                self.exchanges.append(
                    Exchange(f"{method} {name}", response.status_code, sent, answered)
                )
                return

    def of(self, operation):
        return [one for one in self.exchanges if one.operation == operation]


def _pattern(path):
    wild = {"path": ".+", "int": r"\d+"}
    return "".join(
        wild.get(part.strip("{}").partition(":")[2], "[^/]+")
        if part.startswith("{")
        else re.escape(part)
        for part in re.split(r"(\{[^}]*\})", path)
    )


@pytest.fixture(scope="module")
def log(forge, client, template, tmp_path_factory):
    """All that was said while a world was driven through every route."""
    heard = Log()
    client.event_hooks = {"response": [heard.heard]}
    try:
        drive(a_place(forge, client, template, tmp_path_factory.mktemp("openapi")))
    finally:
        client.event_hooks = {}
    return heard


def drive(place) -> None:
    """Each thing that the API serves, done once as it should be, and many as they should not."""
    ana, owner, factory, main = place.person("ana"), place.owner, place.factory, tip(place)
    accounts(place, ana)
    issues(place, ana, owner)
    pulls(place, factory, main)
    checks(place, factory, owner, main)
    git(place, owner, main)
    forks(place, ana)
    protection(place, owner)
    apps(place, owner)
    refusals(place, ana)


def tip(place):
    return place.api("GET", "/branches/main").json()["commit"]["sha"]


def accounts(place, ana) -> None:
    for path in (
        "/",
        "/rate_limit",
        "/user",
        "/user/repos",
        f"/user/{ana.id}",
        f"/users/{ana.login}",
        f"/users/{place.owner.login}/repos",
        f"/repos/{place.name}",
    ):
        place.ask("GET", f"/api/v3{path}", by=place.owner)
    wim = place.person("wim", role="write")
    place.ask(
        "POST", "/api/v3/user/repos", by=wim, json={"name": "second", "description": "Another"}
    )
    kim = place.person("kim")
    place.api("PUT", f"/collaborators/{kim.login}", by=place.owner, json={"permission": "push"})
    for path in ("", "/permission"):
        place.api("GET", f"/collaborators/{kim.login}{path}", by=place.owner)
    place.api("GET", f"/collaborators/{ana.login}", by=place.owner)
    place.api("DELETE", f"/collaborators/{kim.login}", by=place.owner)


def issues(place, ana, owner) -> None:
    number = place.file("The places are gone", "All of them.")
    bare = place.api(
        "POST", "/issues", by=owner, json={"title": "No body", "labels": ["kind:bug"]}
    ).json()["number"]
    here = f"/issues/{number}"
    closed = {"title": "The places are all gone", "state": "closed", "state_reason": "not_planned"}
    place.api("PATCH", here, by=owner, json=closed)
    place.api("PATCH", here, by=owner, json={"state": "open"})
    place.api(
        "POST",
        "/labels",
        by=owner,
        json={"name": "priority:high", "color": "d73a4a", "description": "Soon"},
    )
    place.api("PATCH", "/labels/priority:high", by=owner, json={"new_name": "priority:top"})
    place.api("POST", f"{here}/labels", by=owner, json={"labels": ["priority:top", "new"]})
    place.api("PUT", f"{here}/labels", by=owner, json={"labels": ["priority:top", "other"]})
    place.api("DELETE", f"{here}/labels/other", by=owner)
    said = place.api("POST", f"{here}/comments", by=ana, json={"body": "Still so."}).json()["id"]
    place.api("PATCH", f"/issues/comments/{said}", by=ana, json={"body": "Still so today."})
    for path in (
        "/issues?state=all",
        here,
        f"/issues/{bare}",
        f"{here}/events",
        f"{here}/timeline",
        "/issues/events",
        f"{here}/labels",
        f"{here}/comments",
        f"/issues/comments/{said}",
        "/labels",
        "/labels/priority:top",
    ):
        place.api("GET", path)
    place.api("DELETE", f"/issues/comments/{said}", by=ana)
    place.api("DELETE", f"{here}/labels", by=owner)
    place.api("DELETE", "/labels/priority:top", by=owner)


def pulls(place, factory, main) -> None:
    for branch in ("work", "other"):
        place.api(
            "POST", "/git/refs", by=factory, json={"ref": f"refs/heads/{branch}", "sha": main}
        )
    place.push({"docs/how.md": "# How\n", "app.py": "print('high')\n"}, branch="work")
    place.push({"docs/why.md": "# Why\n"}, branch="other")
    asked = {"title": "A change", "head": "work", "base": "main", "body": "b"}
    opened = place.api("POST", "/pulls", by=factory, json=asked).json()
    closed = place.api(
        "POST", "/pulls", by=factory, json={"title": "Another", "head": "other", "base": "main"}
    ).json()
    place.api("PATCH", f"/pulls/{closed['number']}", by=factory, json={"state": "closed"})
    here = f"/pulls/{opened['number']}"
    for path in (
        "/pulls?state=all",
        here,
        f"{here}/files",
        f"{here}/commits",
        f"{here}/merge",
        f"/issues/{opened['number']}",
    ):
        place.api("GET", path)
    asks = {
        "event": "REQUEST_CHANGES",
        "body": "Not yet.",
        "comments": [
            {"path": "app.py", "line": 1, "side": "RIGHT", "body": "Higher."},
            {"path": "app.py", "position": 1, "body": "Why not low?"},
        ],
    }
    asked_for = place.api("POST", f"{here}/reviews", by=place.owner, json=asks).json()["id"]
    for path in (
        f"{here}/reviews",
        f"{here}/reviews/{asked_for}",
        f"{here}/reviews/{asked_for}/comments",
        f"{here}/comments",
    ):
        place.api("GET", path)
    place.api("PUT", f"{here}/merge", by=factory, json={"sha": main})
    place.api(
        "PUT",
        f"{here}/merge",
        by=factory,
        json={"sha": opened["head"]["sha"], "commit_title": "Merge it"},
    )
    for path in (
        here,
        f"{here}/merge",
        f"/issues/{opened['number']}",
        f"/issues/{opened['number']}/timeline",
    ):
        place.api("GET", path)


def checks(place, factory, owner, main) -> None:
    said = {
        "title": "t",
        "summary": "s",
        "annotations": [
            {
                "path": "app.py",
                "start_line": 1,
                "end_line": 1,
                "annotation_level": "warning",
                "message": "too low",
            }
        ],
    }
    made = place.api(
        "POST",
        "/check-runs",
        by=factory,
        json={"name": "gate", "head_sha": main, "status": "in_progress"},
    ).json()
    here = f"/check-runs/{made['id']}"
    place.api("GET", f"/commits/{main}/check-suites")
    place.api(
        "PATCH",
        here,
        by=factory,
        json={"conclusion": "failure", "output": said, "details_url": "http://localhost/x"},
    )
    for path in (
        here,
        f"{here}/annotations",
        f"/commits/{main}/check-runs",
        f"/commits/{main}/check-suites",
    ):
        place.api("GET", path)
    place.api(
        "POST",
        f"/statuses/{main}",
        by=factory,
        json={
            "state": "success",
            "context": "ci",
            "description": "d",
            "target_url": "http://localhost/y",
        },
    )
    for path in (f"/commits/{main}/status", f"/commits/{main}/statuses", "/commits/main/status"):
        place.api("GET", path)
    place.api("POST", "/check-runs", by=owner, json={"name": "gate", "head_sha": main})


def git(place, owner, main) -> None:
    tree = place.api("GET", f"/git/commits/{main}").json()["tree"]["sha"]
    listed = place.api("GET", f"/git/trees/{tree}?recursive=1").json()
    place.api("GET", f"/git/blobs/{listed['tree'][0]['sha']}")
    for path in (
        "/branches",
        "/branches/main",
        "/git/ref/heads/main",
        "/git/matching-refs/heads/",
        "/contents",
        "/contents/README.md",
        "/contents/docs",
        "/commits",
        "/commits/main",
        f"/git/trees/{main}",
    ):
        place.api("GET", path)
    place.api("POST", "/git/refs", by=owner, json={"ref": "refs/heads/spare", "sha": main})
    place.api("PATCH", "/git/refs/heads/spare", by=owner, json={"sha": tip(place)})
    place.api("DELETE", "/git/refs/heads/spare", by=owner)


def forks(place, ana) -> None:
    copy = place.api("POST", "/forks", by=ana, json={}).json()
    address = f"/api/v3/repos/{copy['full_name']}"
    place.ask("GET", address)
    place.api("GET", "/forks")
    done = place.ask(
        "POST", f"{address}/git/refs", by=ana, json={"ref": "refs/heads/mine", "sha": tip(place)}
    )
    assert done.status_code == 201, done.text
    sent = {"title": "From a fork", "head": f"{ana.login}:mine", "base": "main"}
    place.api("POST", "/pulls", by=ana, json=sent)
    place.ask("DELETE", address, by=ana)
    place.api("GET", "/pulls?state=all")


def protection(place, owner) -> None:
    place.api(
        "PUT",
        "/branches/main/protection",
        by=owner,
        json={
            "required_status_checks": {
                "strict": True,
                "contexts": ["lint"],
                "checks": [{"context": "ci", "app_id": 7}],
            },
            "enforce_admins": True,
            "required_pull_request_reviews": None,
            "restrictions": {"users": [place.factory.login], "teams": [], "apps": []},
        },
    )
    for path in ("", "/required_status_checks"):
        place.api("GET", f"/branches/main/protection{path}", by=owner)
    place.api("GET", "/branches/main")
    place.api("DELETE", "/branches/main/protection", by=owner)
    place.api(
        "PUT",
        "/branches/main/protection",
        by=owner,
        json={
            "required_status_checks": None,
            "enforce_admins": None,
            "required_pull_request_reviews": {},
            "restrictions": None,
        },
    )
    for path in ("", "/required_status_checks"):
        place.api("GET", f"/branches/main/protection{path}", by=owner)
    place.api("DELETE", "/branches/main/protection", by=owner)
    place.api("GET", "/branches/main/protection", by=owner)
    made = place.api(
        "POST",
        "/rulesets",
        by=owner,
        json={
            "name": "main",
            "target": "branch",
            "enforcement": "active",
            "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
            "bypass_actors": [
                {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
            ],
            "rules": [
                {"type": "deletion"},
                {"type": "non_fast_forward"},
                {"type": "update"},
                {"type": "creation"},
                {
                    "type": "required_status_checks",
                    "parameters": {
                        "strict_required_status_checks_policy": True,
                        "required_status_checks": [
                            {"context": "ci", "integration_id": 7},
                            {"context": "lint"},
                        ],
                    },
                },
            ],
        },
    ).json()
    for path in ("/rulesets", f"/rulesets/{made['id']}", "/rules/branches/main"):
        place.api("GET", path)
    place.api("PUT", f"/rulesets/{made['id']}", by=owner, json={"enforcement": "disabled"})
    place.api("DELETE", f"/rulesets/{made['id']}", by=owner)


def apps(place, owner) -> None:
    made = place.admin.create_app(owner.login, {**MANIFEST, "name": f"Tide {place.prefix}"})
    number = place.admin.install_app(made["slug"], owner.login, repositories=["tidebook"])
    code = place.admin.create_manifest_code(
        owner.login, {**MANIFEST, "name": f"Ebb {place.prefix}"}
    )
    place.ask("POST", f"/api/v3/app-manifests/{code}/conversions")
    place.ask("POST", f"/api/v3/app-manifests/{code}/conversions")
    proof = {"headers": {"Authorization": f"Bearer {app_token(place, made)}"}}
    for path in (
        "/app",
        f"/apps/{made['slug']}",
        "/app/installations",
        f"/app/installations/{number}",
        f"/repos/{place.name}/installation",
        f"/users/{owner.login}/installation",
    ):
        place.ask("GET", f"/api/v3{path}", **proof)
    address = f"/api/v3/app/installations/{number}"
    for wanted in (
        {},
        {"repositories": ["tidebook"], "permissions": {"issues": "read"}},
        {"permissions": {"actions": "write"}},
    ):
        given = place.ask("POST", f"{address}/access_tokens", json=wanted, **proof)
    given = place.ask(
        "POST", f"{address}/access_tokens", json={"repositories": ["tidebook"]}, **proof
    ).json()
    by = {"headers": {"Authorization": f"token {given['token']}"}}
    place.ask("GET", "/api/v3/installation/repositories", **by)
    place.api("GET", "/issues", **by)
    place.api("GET", "/branches/main/protection", **by)
    place.ask("DELETE", "/api/v3/installation/token", **by)
    place.ask("DELETE", address, **proof)


def app_token(place, made, **claims):
    now = int(datetime.now().timestamp())
    return jwt.encode(
        {"iat": now - 60, "exp": now + 300, "iss": str(made["id"]), **claims},
        made["pem"],
        algorithm="RS256",
    )


def refusals(place, ana) -> None:
    """Every route by nobody, by somebody with a wrong token, by a stranger, and about
    what is not there."""
    named = {
        "owner": place.owner.login,
        "repo": "tidebook",
        "login": "nobody-here",
        "number": "999999",
        "review": "999999",
    }
    for method, path, _ in VIEWS:
        absent = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: named.get(found[1], "absent"), path)
        sent = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
        for more in ({}, {"by": ana}, {"headers": {"Authorization": "token wrong"}}):
            place.ask(method, f"/api/v3{absent}", **sent, **more)
        place.ask(
            method, f"/api/v3{absent.replace(place.owner.login, 'nobody-here')}", **sent, by=ana
        )


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_githubs_and_answers_in_its_shape(log, route) -> None:
    assert ROUTES[route] in KNOWN["operations"], (
        f"{route}: run openapi/trim.py, or leave the route out"
    )
    exchanges = log.of(ROUTES[route])
    assert any(one.status < 300 for one in exchanges), (
        f"nobody drove {route} to a good end: {[one.status for one in exchanges]}"
    )
    found = [f"{one.status}: {finding}" for one in exchanges for finding in one.findings()]
    assert not found, "\n".join(dict.fromkeys(found))


def test_every_route_refuses_too(log) -> None:
    never = {
        route
        for route, operation in ROUTES.items()
        if not any(one.status >= 400 for one in log.of(operation))
    }
    assert never == set()


def test_what_is_kept_of_the_description_is_what_is_served() -> None:
    assert set(KNOWN["operations"]) == set(ROUTES.values())
