"""The factory as a GitHub App: its tokens, whom it is taken for, and what it is told when something
is missing."""

import threading
from datetime import timedelta

import pytest

from harness.domain.errors import ConfigError, ForgeError
from harness.forge import permissions
from harness.forge.app import RENEW_SECONDS, AppClient, AppKey
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.permissions import NEEDS
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from tests.adapters.clock import StandingClock
from tests.forge.apps import an_app

HOUR = timedelta(hours=1).total_seconds()


@pytest.fixture
def app(place, tmp_path):
    """An app on the place's repository, with exactly what is needed, and its key in a file."""
    return an_app(place, tmp_path)


def at_forge(place, key, **more):
    return AppClient(key, place.name, api=place.forge.api, at_githubs_pace=False, **more)


def as_app(place, key, **more):
    return GitHubForge(Access(place.name, api=place.forge.api, app=key), **more)


def test_what_it_writes_is_the_bots_and_is_known_again_by_its_number(place, app) -> None:
    made, key = app
    number = place.file("Reading")
    first, second = as_app(place, key), as_app(place, key)
    for forge in (first, second):
        forge.upsert_comment(number, "<!-- m -->", "<!-- m --> hello")
        forge.set_check(
            place.api("GET", "/branches/main").json()["commit"]["sha"],
            "factory/size",
            conclusion="success",
            title="t",
            summary="s",
        )
    comments = first.comments(number)
    assert [(one.author.login, one.author.bot) for one in comments] == [
        (f"{made['slug']}[bot]", True)
    ]
    sha = place.api("GET", "/branches/main").json()["commit"]["sha"]
    assert [(one.name, one.app) for one in first.check_runs(sha)] == [("factory/size", made["id"])]


def test_somebody_elses_comment_with_our_mark_is_not_ours(place, app) -> None:
    _, key = app
    number = place.file("Forged")
    place.api(
        "POST",
        f"/issues/{number}/comments",
        by=place.person("mallory"),
        json={"body": "<!-- m --> I am the factory"},
    )
    as_app(place, key).upsert_comment(number, "<!-- m -->", "<!-- m --> hello")
    assert len(as_app(place, key).comments(number)) == 2


def test_a_token_is_for_one_repository_and_for_what_is_needed(place, tmp_path) -> None:
    """The app was granted more, and on more; its tokens are not."""
    other = place.admin.create_repository(place.owner.login, "other")
    made, key = an_app(
        place, tmp_path, granted={**permissions.wanted(), "administration": "write"}, install=False
    )
    place.admin.install_app(made["slug"], place.owner.login)
    token = {"headers": {"Authorization": f"token {at_forge(place, key).token()}"}}
    assert place.api("POST", "/issues", json={"title": "x"}, **token).status_code == 201
    elsewhere = place.ask(
        "POST",
        f"/api/v3/repos/{other.full_name}/labels",
        json={"name": "x", "color": "ededed"},
        **token,
    )
    assert elsewhere.status_code in (403, 404)
    assert place.api("DELETE", "/branches/main/protection", **token).status_code == 403


def test_a_token_is_exchanged_ten_minutes_before_its_end_and_not_before(place, app) -> None:
    clock = StandingClock()
    forge = at_forge(place, app[1], time=clock.time)
    first = forge.token()
    clock.pass_(HOUR - RENEW_SECONDS - 30)
    assert forge.token() == first
    clock.now += 10 * HOUR  # a clock that is set says nothing of a token
    assert forge.token() == first
    clock.pass_(60)
    assert forge.token() != first


def test_a_pass_that_outlasts_its_token_goes_on(place, app) -> None:
    """A clock that stood still (a laptop asleep) does not know that the hour is over; the forge's
    401 tells."""
    forge = as_app(place, app[1])
    place.file("Before")
    forge.issues()
    place.ask(
        "DELETE", "/api/v3/installation/token", headers={"Authorization": f"token {forge.token()}"}
    )
    assert len(forge.issues()) == 1
    forge.upsert_comment(1, "<!-- m -->", "<!-- m --> still here")
    assert len(forge.comments(1)) == 1


def test_many_threads_share_one_token(place, app) -> None:
    forge, tokens = at_forge(place, app[1]), []
    threads = [threading.Thread(target=lambda: tokens.append(forge.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 8
    assert len(set(tokens)) == 1


def test_git_gets_the_same_fresh_token_and_keeps_it_nowhere(place, app, tmp_path) -> None:
    forge = as_app(place, app[1])
    trusted = TrustedRepository(
        tmp_path / "trusted.git", Remote(place.repository.clone_url, forge.token)
    )
    trusted.fetch("main")
    place.ask(
        "DELETE", "/api/v3/installation/token", headers={"Authorization": f"token {forge.token()}"}
    )
    forge.issues()  # whoever meets the 401 first exchanges it for all
    trusted.fetch("main")
    kept = b"".join(
        path.read_bytes() for path in (tmp_path / "trusted.git").rglob("*") if path.is_file()
    )
    assert forge.token().encode() not in kept
    assert b"x-access-token" not in kept


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.name)
def test_each_permission_that_is_missing_is_named_with_its_reason(need) -> None:
    granted = permissions.wanted()
    lower = {"write": "read"}.get(need.level)
    for without in (
        {**granted, need.name: lower} if lower else granted,
        {k: v for k, v in granted.items() if k != need.name},
    ):
        if without != granted:
            assert permissions.missing(without) == (need,)
            assert need.name in need.shown
            assert need.why in need.shown
    assert permissions.missing({**granted, need.name: "admin"}) == ()


def test_an_app_that_lacks_something_gets_no_token_and_is_told_what(place, tmp_path) -> None:
    granted = {**permissions.wanted(), "checks": "read"}
    del granted["statuses"]
    _, key = an_app(place, tmp_path, granted=granted)
    with pytest.raises(ForgeError, match=r"lacks checks: write .*, statuses: read") as refused:
        as_app(place, key).issues()
    assert not refused.value.retryable


def test_an_app_that_is_not_installed_is_told_so(place, tmp_path) -> None:
    _, key = an_app(place, tmp_path, install=False)
    with pytest.raises(ForgeError, match=r"where app \d+ is installed: 404") as refused:
        as_app(place, key).issues()
    assert not refused.value.retryable


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nx\n", "is no private key"),
        (None, "cannot be read"),
    ],
)
def test_a_key_that_is_none_is_named_by_its_file_and_not_shown(place, tmp_path, text, says) -> None:
    key_file = tmp_path / "app.pem"
    if text is not None:
        key_file.write_text(text)
    with pytest.raises(ConfigError, match=says) as refused:
        at_forge(place, AppKey(7, key_file)).token()
    assert str(key_file) in str(refused.value)
    assert "BEGIN" not in str(refused.value)


def test_another_apps_key_is_refused_by_the_forge(place, app, tmp_path) -> None:
    with pytest.raises(ForgeError, match="401"):
        at_forge(place, AppKey(app[0]["id"] + 100_000, app[1].key_file)).token()


def test_an_app_or_a_token_and_not_both(app) -> None:
    for access in (Access("a/b", "token", app=app[1]), Access("a/b")):
        with pytest.raises(ConfigError, match="either an app or a token"):
            GitHubForge(access)


def test_nothing_secret_is_in_a_repr(app) -> None:
    assert "PRIVATE" not in repr(Access("a/b", app=app[1]))
