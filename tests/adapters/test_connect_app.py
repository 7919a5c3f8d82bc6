"""A home that serves as an app: by its number and key, or by a manifest that a person posts from
our page."""

import html
import json
import re
import stat
import threading
from urllib.parse import urlsplit

import httpx
import pytest

from harness.domain.errors import ConfigError
from harness.forge import permissions
from harness.forge.permissions import NEEDS
from harness.home.credentials import access_of, git_token_of
from harness.home.document import read_home
from harness.operations.setup.app_callback import callback_server
from harness.operations.setup.app_manifest import AppRequest, manifest_of, page_of
from harness.operations.setup.app_setup import APP_FILE, create_app
from harness.operations.setup.connect import AppCredentials, connect_as_app, connect_by_token
from tests.forge.apps import an_app
from tests.forge.waiting import SECONDS

WISH = AppRequest("tidehouse/tidebook", "https://github.com")


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def given(made) -> AppCredentials:
    return AppCredentials(made["id"], made["pem"])


def test_a_home_that_is_an_apps_speaks_as_it_and_git_too(place, home, tmp_path) -> None:
    from harness.forge.github import GitHubForge

    made, _ = an_app(place, tmp_path)
    found = connect_as_app(home, place.name, given(made), api=place.forge.api)
    assert (found.account, found.branch, found.trusts_us, found.note) == (
        f"{made['slug']}[bot]",
        "main",
        False,
        "",
    )
    key = home / "keys" / "app.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "PRIVATE" not in (home / "home.json").read_text()
    document = read_home(home)
    forge = GitHubForge(access_of(home, document, place.forge.api))
    number = place.file("Reading")
    forge.upsert_comment(number, "<!-- m -->", "<!-- m --> hello")
    assert forge.comments(number)[0].author.login == f"{made['slug']}[bot]"
    assert git_token_of(home, document, forge)() == forge.token()
    assert (home / "cache" / "forge.sqlite").exists()


def test_each_missing_permission_is_named_and_nothing_is_changed(place, home, tmp_path) -> None:
    granted = {**permissions.wanted(), "issues": "read"}
    del granted["checks"]
    made, _ = an_app(place, tmp_path, granted=granted)
    with pytest.raises(ConfigError) as refused:
        connect_as_app(home, place.name, given(made), api=place.forge.api)
    lacking = [need for need in NEEDS if need.name in ("checks", "issues")]
    assert all(need.shown in str(refused.value) for need in lacking)
    assert not any(need.shown in str(refused.value) for need in NEEDS if need not in lacking)
    assert "/apps/" in str(refused.value)
    assert not home.exists()


def test_for_an_app_that_is_not_there_the_place_to_install_it_is_named(
    place, home, tmp_path
) -> None:
    made, _ = an_app(place, tmp_path, install=False)
    where = f"/apps/{made['slug']}/installations/new"
    with pytest.raises(
        ConfigError, match=f"is not installed on {place.name}: install it at .*{where}"
    ):
        connect_as_app(home, place.name, given(made), api=place.forge.api)


def test_what_it_was_granted_beyond_its_needs_is_said(place, home, tmp_path) -> None:
    made, _ = an_app(place, tmp_path, granted={**permissions.wanted(), "administration": "write"})
    found = connect_as_app(home, place.name, given(made), api=place.forge.api)
    assert "administration: write" in found.note


def test_a_wrong_key_is_named_as_such(place, home, tmp_path) -> None:
    (tmp_path / "other").mkdir()
    made, _ = an_app(place, tmp_path)
    other = place.admin.create_app(
        place.person("kim").login, {"name": f"Other {place.prefix}", "url": "http://localhost/x"}
    )
    with pytest.raises(ConfigError, match="the number or the key belongs to another"):
        connect_as_app(
            home, place.name, AppCredentials(made["id"], other["pem"]), api=place.forge.api
        )


def test_a_token_is_for_trial_and_takes_the_apps_place(place, home, tmp_path, monkeypatch) -> None:
    made, _ = an_app(place, tmp_path)
    connect_as_app(home, place.name, given(made), api=place.forge.api)
    monkeypatch.setenv("FORGE_TOKEN", place.factory.token)
    found = connect_by_token(home, place.name, api=place.forge.api, token_env="FORGE_TOKEN")
    assert "a token is for trials" in found.note
    assert (
        "check runs" not in found.note
    )  # only github.com and Enterprise servers let nobody else write them
    assert read_home(home).app == 0


def test_the_manifest_asks_for_what_is_needed_and_for_nothing_more() -> None:
    manifest = json.loads(manifest_of(WISH, back="http://localhost:1/made"))
    assert manifest["default_permissions"] == {need.name: need.level for need in NEEDS}
    assert (manifest["public"], manifest["redirect_url"], manifest["default_events"]) == (
        False,
        "http://localhost:1/made",
        [],
    )
    assert manifest["hook_attributes"]["active"] is False
    assert len(manifest["name"]) <= 34
    hooked = json.loads(
        manifest_of(
            AppRequest("a/b", "https://github.com", hook="https://hooks.example.org/x"),
            back="http://x",
        )
    )
    assert hooked["hook_attributes"] == {"url": "https://hooks.example.org/x", "active": True}
    assert "issues" in hooked["default_events"]


def test_a_page_shows_each_permission_with_its_reason_and_is_inert() -> None:
    page = page_of(
        AppRequest('a/"><script>x', "https://github.com", org='o"rg'),
        state="s&t",
        back="http://localhost/b",
    )
    assert "<script" not in page
    assert all(
        f"<code>{need.name}</code>" in page and html.escape(need.why) in page for need in NEEDS
    )
    assert (
        form_in(page)[0] == "https://github.com/organizations/o%22rg/settings/apps/new?state=s%26t"
    )


def form_in(page: str) -> tuple[str, str]:
    action = re.search(r'<form method="post" action="([^"]*)"', page)
    manifest = re.search(r'name="manifest" value="([^"]*)"', page)
    return html.unescape(action[1]), html.unescape(manifest[1])


@pytest.fixture
def server():
    with callback_server(WISH) as opened:
        yield opened


def get(url, **headers):
    return httpx.get(url, headers=headers, trust_env=False, verify=False, timeout=SECONDS)


def test_the_door_opens_at_its_address_alone_and_under_one_host_name(server) -> None:
    assert get(server.address).status_code == 200
    assert get(server.address).headers["content-security-policy"].startswith("default-src 'none'")
    root = f"http://{server.host}/"
    assert [
        get(url).status_code
        for url in (root, f"{root}made", f"{root}{server.secret}", f"{root}favicon.ico")
    ] == [404] * 4
    assert get(server.address, Host="evil.example.org").status_code == 403


@pytest.mark.parametrize(
    "query", ["", "code=x", "state=x", "code=x&state=x", "code=&state={state}"]
)
def test_a_code_that_nobody_asked_for_is_not_taken(server, query) -> None:
    assert get(f"{server.back}?{query.format(state=server.state)}").status_code == 400
    assert server.code(0.01) is None


def test_the_first_code_counts_and_no_other(server) -> None:
    server.answer("made")
    assert get(f"{server.back}?code=first&state={server.state}").text == "made"
    assert get(f"{server.back}?code=second&state={server.state}").status_code == 400
    assert server.code(0.01) == "first"


def test_nobody_comes_and_the_waiting_ends(home) -> None:
    shown = []
    with pytest.raises(ConfigError, match="nobody created the app"):
        create_app(
            home,
            AppRequest("a/b", "http://localhost:9"),
            tell=lambda _: None,
            show=shown.append,
            patience=0.01,
        )
    assert urlsplit(shown[0]).hostname == "localhost"
    assert not home.exists()


def test_nothing_is_made_for_a_home_that_serves_something_else(place, home, tmp_path) -> None:
    made, _ = an_app(place, tmp_path)
    connect_as_app(home, place.name, given(made), api=place.forge.api)
    with pytest.raises(ConfigError, match="set FACTORY_HOME"):
        create_app(
            home,
            AppRequest("another/one", place.forge.url),
            tell=lambda _: None,
            show=pytest.fail,
            patience=0.01,
        )


class Person(threading.Thread):
    """Opens our page, agrees on the forge's, and is sent back to us with the code."""

    def __init__(self, place) -> None:
        super().__init__(daemon=True)
        self.forge, self.login, self.words = place.forge.url, place.owner.token, ""

    def show(self, address: str) -> None:
        self.address = address
        self.start()

    def run(self) -> None:
        action, manifest = form_in(get(self.address).text)
        with httpx.Client(
            base_url=self.forge, trust_env=False, verify=False, timeout=SECONDS
        ) as browser:
            browser.post(
                "/sign-in", data={"token": self.login, "back": "/"}, headers={"Origin": self.forge}
            )
            shown = browser.post(
                action,
                data={"manifest": manifest},
                headers={"Origin": self.address.rsplit("/", 2)[0]},
            )
            agreed = re.search(r'name="manifest" value="([^"]*)"', shown.text)
            state = re.search(r'name="state" value="([^"]*)"', shown.text)
            sent = browser.post(
                "/settings/apps",
                headers={"Origin": self.forge},
                data={"manifest": html.unescape(agreed[1]), "state": html.unescape(state[1])},
            )
            self.words = get(sent.headers["location"]).text


def test_a_person_makes_and_installs_the_app_and_the_home_serves_as_it(place, home) -> None:
    person, printed = Person(place), []

    def tell(words: str) -> None:
        printed.append(words)
        if "install it" in words:
            slug = json.loads((home / APP_FILE).read_text())["slug"]
            place.admin.install_app(slug, place.owner.login, repositories=["tidebook"])

    found = create_app(
        home,
        AppRequest(place.name, place.forge.url, hook="http://localhost:9/hooks"),
        tell=tell,
        show=person.show,
        patience=SECONDS,
    )
    person.join(SECONDS)
    assert "is created" in person.words
    made = json.loads((home / APP_FILE).read_text())
    assert (found.account, read_home(home).app) == (f"{made['slug']}[bot]", made["id"])
    assert stat.S_IMODE((home / "keys" / "app.pem").stat().st_mode) == 0o600
    assert len((home / "keys" / "webhook.secret").read_text().strip()) >= 16
    assert "PRIVATE" not in "".join(printed)


def test_an_app_that_was_made_before_is_gone_on_with(place, home, tmp_path) -> None:
    """Nobody installed it in time; said again, the command makes no second one."""
    made, key = an_app(place, tmp_path, install=False)
    (home / "keys").mkdir(parents=True)
    (home / "keys" / "app.pem").write_bytes(key.key_file.read_bytes())
    (home / APP_FILE).write_text(
        json.dumps(
            {"id": made["id"], "slug": made["slug"], "page": "http://x", "web": place.forge.url}
        )
    )
    request = AppRequest(place.name, place.forge.url)
    with pytest.raises(ConfigError, match=r"was not installed .* it continues with this app"):
        create_app(home, request, tell=lambda _: None, show=pytest.fail, patience=0.01)
    assert not (home / "home.json").exists()
    place.admin.install_app(made["slug"], place.owner.login)
    assert (
        create_app(home, request, tell=lambda _: None, show=pytest.fail, patience=0.01).account
        == f"{made['slug']}[bot]"
    )


def test_an_app_that_the_forge_knows_no_more_is_named(place, home, tmp_path) -> None:
    _, key = an_app(place, tmp_path)
    (home / "keys").mkdir(parents=True)
    (home / "keys" / "app.pem").write_bytes(key.key_file.read_bytes())
    (home / APP_FILE).write_text(
        json.dumps({"id": 999_999, "slug": "gone", "page": "http://x", "web": place.forge.url})
    )
    with pytest.raises(ConfigError, match=r"remove .*app\.json to create another"):
        create_app(
            home,
            AppRequest(place.name, place.forge.url),
            tell=lambda _: None,
            show=pytest.fail,
            patience=0.01,
        )
