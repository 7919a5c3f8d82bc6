"""An App as a person makes and installs it: their browser brings a manifest from
another page, and they agree to it here."""

import json
import re
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.forge.conftest import a_place
from tests.forge.waiting import SECONDS

MANIFEST = {
    "url": "http://localhost/factory",
    "redirect_url": "http://127.0.0.1:9/back?x=1",
    "default_permissions": {"issues": "write"},
    "setup_url": "http://127.0.0.1:9/done",
}


@pytest.fixture(scope="module")
def place(forge, client, template, tmp_path_factory):
    return a_place(forge, client, template, tmp_path_factory.mktemp("app-pages"))


@contextmanager
def browser(place, account):
    """A signed-in browser that sends the Origin of its forms."""
    with httpx.Client(
        base_url=place.forge.url,
        trust_env=False,
        verify=False,
        timeout=SECONDS,
        headers={"Origin": place.forge.url},
    ) as opened:
        if account is not None:
            assert (
                opened.post("/sign-in", data={"token": account.token, "back": "/"}).status_code
                == 303
            )
        yield opened


def manifest(place, name, **more):
    return json.dumps({**MANIFEST, "name": f"{name} {place.prefix}", **more})


def elsewhere():
    return {"Origin": "http://127.0.0.1:9"}


def test_a_manifest_from_elsewhere_is_shown_and_makes_nothing(place) -> None:
    with browser(place, place.owner) as owner:
        shown = owner.post(
            "/settings/apps/new?state=s1",
            data={"manifest": manifest(place, "Shown")},
            headers=elsewhere(),
        )
    assert shown.status_code == 200
    assert "write <strong>issues</strong>" in shown.text
    assert "http://127.0.0.1:9/back?x=1" in shown.text
    assert "form-action 'self' http://127.0.0.1:9;" in shown.headers["content-security-policy"]
    assert place.ask("GET", f"/api/v3/apps/shown-{place.prefix}").status_code == 404


def test_only_our_own_form_makes_the_app_and_the_code_goes_back_with_the_state(place) -> None:
    sent = {"manifest": manifest(place, "Made"), "state": "s&2"}
    with browser(place, place.owner) as owner:
        assert owner.post("/settings/apps", data=sent, headers=elsewhere()).status_code == 403
        assert place.ask("GET", f"/api/v3/apps/made-{place.prefix}").status_code == 404
        answer = owner.post("/settings/apps", data=sent)
    assert answer.status_code == 303
    leads = urlsplit(answer.headers["location"])
    result = parse_qs(leads.query)
    assert (leads.netloc, leads.path, result["x"], result["state"]) == (
        "127.0.0.1:9",
        "/back",
        ["1"],
        ["s&2"],
    )
    made = place.ask("POST", f"/api/v3/app-manifests/{result['code'][0]}/conversions").json()
    assert (made["slug"], made["owner"]["id"]) == (f"made-{place.prefix}", place.owner.id)


@pytest.mark.parametrize("who", ["nobody", "bot"])
def test_an_app_belongs_to_a_person(place, who) -> None:
    with browser(place, None if who == "nobody" else place.factory) as opened:
        assert (
            opened.post("/settings/apps", data={"manifest": manifest(place, "Orphan")}).status_code
            == 401
        )
    assert place.ask("GET", f"/api/v3/apps/orphan-{place.prefix}").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        "{",
        "[]",
        '{"name": "x"}',
        '{"name": "x", "url": "javascript:1"}',
        '{"name": "x", "url": "http://a", "redirect_url": "javascript:alert(1)"}',
    ],
)
def test_what_is_no_manifest_is_said_on_the_form(place, wrong) -> None:
    with browser(place, place.owner) as owner:
        shown = owner.post("/settings/apps/new", data={"manifest": wrong})
    assert shown.status_code == 422
    assert 'role="alert"' in shown.text


def test_a_name_that_means_html_is_shown_as_it_is(place) -> None:
    hostile = json.dumps(
        {**MANIFEST, "name": "<b>x</b>", "hook_attributes": {"url": "http://h/'\"><script>"}}
    )
    with browser(place, place.owner) as owner:
        shown = owner.post("/settings/apps/new", data={"manifest": hostile})
    assert "<script>" not in shown.text.replace(
        '<script type="module" src="/-/page.js"></script>', ""
    )
    assert "<b>" not in shown.text


def test_an_app_is_installed_by_who_administers_and_on_what_they_tick(place) -> None:
    app = place.admin.create_app(place.owner.login, json.loads(manifest(place, "Installed")))
    other = place.admin.create_repository(place.owner.login, "other")
    form = f"/apps/{app['slug']}/installations"
    with browser(place, place.owner) as owner:
        listed = re.findall(r'name="repository" value="([^"]+)"', owner.get(f"{form}/new").text)
        assert {place.name, other.full_name} <= set(listed)
        assert (
            owner.post(form, data={"repository": place.name}, headers=elsewhere()).status_code
            == 403
        )
        assert owner.post(form, data={}).status_code == 422
        done = owner.post(form, data={"repository": place.name})
        assert done.headers["location"].startswith("http://127.0.0.1:9/done?installation_id=")
        page = owner.get(f"/apps/{app['slug']}").text
    assert (f">{place.name}<" in page, f">{other.full_name}<" in page) == (True, False)
    with browser(place, place.person("ana")) as ana:
        assert place.name not in ana.get(f"{form}/new").text
        assert ana.post(form, data={"repository": place.name}).status_code == 422


def test_the_pages_of_apps_are_nobodys_login(place) -> None:
    for login in ("apps", "settings"):
        with pytest.raises(Exception, match="reserved"):
            place.admin.create_user(login)
