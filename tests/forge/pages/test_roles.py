"""Who may do what on the pages: what is offered, and what is enforced when a request
is made by hand."""

import re

import pytest

from harness.programs.local_forge.seed import Administrator
from tests.forge.pages.reading import page, post, sign_in
from tests.forge.waiting import start

ROLES = ("nobody", "guest", "read", "author", "triage", "write", "admin")
AUTHORS = {"author", "write", "admin"}
TENDERS = {"triage", "write", "admin"}


@pytest.fixture(autouse=True)
def _no_cookies_left(client):
    client.cookies.clear()
    yield
    client.cookies.clear()


def be(place, role) -> None:
    """Sign in as one with that role; `author` is the one who filed, with the read role,
    and `guest` a new visitor."""
    if role == "guest":
        post(
            place,
            f"/issues/{place.number}",
            {"body": "Hello", "name": f"visitor-{place.prefix}-{place.number}"},
        )
    elif role != "nobody":
        sign_in(place, place.person("ana") if role == "author" else place.person(role, role=role))


@pytest.fixture
def filed(museum):
    """An issue of the test's own, by Ana, with a label and a comment."""
    place = museum
    place.number = place.file("Filed", "As it was", by="ana")
    place.api("POST", f"/issues/{place.number}/labels", by=place.owner, json={"labels": ["one"]})
    place.api("POST", "/labels", by=place.owner, json={"name": "two", "color": "ededed"})
    made = place.api(
        "POST", f"/issues/{place.number}/comments", by=place.person("ana"), json={"body": "Said"}
    )
    place.comment = made.json()["id"]
    return place


def issue(place):
    return place.api("GET", f"/issues/{place.number}").json()


def mark_of(place, path):
    found = re.search(r'name="seen" value="(\w+)"', page(place, path).text)
    return found[1] if found else "none"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_its_page_offers_and_nothing_else(filed, role) -> None:
    be(filed, role)
    here = f"/issues/{filed.number}"
    text = page(filed, here).text
    may = {"close": role in AUTHORS | TENDERS, "labels": role in TENDERS, "edit": role in AUTHORS}
    offered = {
        "close": 'value="close"' in text,
        "labels": f'action="/{filed.name}{here}/labels"' in text,
        "edit": f'href="/{filed.name}{here}/edit"' in text,
    }
    assert offered == may
    sent = {
        "labels": post(filed, f"{here}/labels", {"had": ["one"], "label": ["two"]}),
        "edit": post(
            filed,
            f"{here}/edit",
            {"title": "Other", "body": "Words", "seen": mark_of(filed, f"{here}/edit")},
        ),
        "close": post(
            filed, here, {"body": "", "act": "close", "name": f"new-{filed.prefix}-{filed.number}"}
        ),
    }
    refusal = 403 if role not in ("nobody",) else 401
    assert {what: answer.status_code for what, answer in sent.items() if what != "close"} == {
        what: 303 if may[what] else refusal for what in ("labels", "edit")
    }
    assert sent["close"].status_code == (303 if may["close"] else 403)
    result = issue(filed)
    assert {
        "close": result["state"] == "closed",
        "labels": [one["name"] for one in result["labels"]] == ["two"],
        "edit": (result["title"], result["body"]) == ("Other", "Words"),
    } == may


@pytest.mark.parametrize("role", ROLES)
def test_a_comment_is_edited_by_who_wrote_it_and_by_writers(filed, role) -> None:
    be(filed, role)
    path = f"/issues/{filed.number}/comments/{filed.comment}"
    answer = post(filed, path, {"body": "Better said", "seen": mark_of(filed, path)})
    said = filed.api("GET", f"/issues/comments/{filed.comment}").json()["body"]
    assert (answer.status_code, said) == (
        (303, "Better said") if role in AUTHORS else (401 if role == "nobody" else 403, "Said")
    )


def test_a_comment_is_not_edited_through_another_issue(filed) -> None:
    other = filed.file("Other", by="ana")
    sign_in(filed, filed.person("ana"))
    assert (
        post(
            filed, f"/issues/{other}/comments/{filed.comment}", {"body": "x", "seen": "x"}
        ).status_code
        == 404
    )


def test_words_that_somebody_changed_meanwhile_are_not_written_over(filed) -> None:
    sign_in(filed, filed.person("ana"))
    path = f"/issues/{filed.number}/edit"
    seen = mark_of(filed, path)
    filed.api("PATCH", f"/issues/{filed.number}", by=filed.owner, json={"body": "Meanwhile"})
    refused = post(filed, path, {"title": "Filed", "body": "Mine, kept", "seen": seen})
    assert refused.status_code == 409
    assert "Mine, kept</textarea>" in refused.text
    assert issue(filed)["body"] == "Meanwhile"


def test_labels_that_the_factory_moved_meanwhile_stay_where_it_put_them(filed) -> None:
    sign_in(filed, filed.owner)
    filed.api(
        "PUT",
        f"/issues/{filed.number}/labels",
        by=filed.factory,
        json={"labels": ["factory:building"]},
    )
    # A page of before that.
    post(filed, f"/issues/{filed.number}/labels", {"had": ["one"], "label": ["one", "two"]})
    assert sorted(one["name"] for one in issue(filed)["labels"]) == ["factory:building", "two"]
    post(filed, f"/issues/{filed.number}/labels", {"had": [], "label": ["never made"]})
    assert "never made" not in [one["name"] for one in filed.api("GET", "/labels").json()]


def test_an_issue_is_assigned_to_people_who_may_take_it_and_its_history_shows_it(filed) -> None:
    kim, reader = filed.person("kim", role="triage"), filed.person("ben")
    sign_in(filed, filed.owner)
    here = f"/issues/{filed.number}"
    assert f'value="{kim.login}"' in page(filed, here).text
    post(filed, f"{here}/assignees", {"person": [kim.login, reader.login, "nobody-here"]})
    assert [one["login"] for one in issue(filed)["assignees"]] == [kim.login]
    assert "gave this to" in page(filed, here).text
    assert filed.api("GET", f"{here}/events").json()[-1]["assignee"]["id"] == kim.id
    assert f'{filed.number}">' in filed.client.get(f"/{kim.login}").text
    post(filed, f"{here}/assignees", {"had": [kim.login]})
    assert issue(filed)["assignees"] == []
    assert "took this from" in page(filed, here).text


@pytest.mark.parametrize("path", ["", "/labels", "/assignees", "/edit", "/comments/1"])
@pytest.mark.parametrize("origin", ["https://evil.example", ""])
def test_no_form_from_elsewhere_writes(filed, path, origin) -> None:
    sign_in(filed, filed.owner)
    before = issue(filed)
    form = {"body": "x", "act": "close", "had": ["one"]}
    assert post(filed, f"/issues/{filed.number}{path}", form, origin=origin).status_code == 403
    assert issue(filed) == before


def test_nobody_is_picked_where_the_forge_does_not_allow_it(place) -> None:
    origin = {"Origin": place.forge.url}
    assert "Who are you?" not in place.client.get("/sign-in").text
    refused = place.client.post(
        "/sign-in", data={"person": place.owner.login}, headers=origin, follow_redirects=False
    )
    assert (refused.status_code, "set-cookie" in refused.headers) == (422, False)


def test_a_person_is_picked_where_it_was_and_a_bot_never(tmp_path, client) -> None:
    forge = start(tmp_path / "home", pick=True)
    try:
        admin, origin = Administrator(forge), {"Origin": forge.url}
        admin.create_user("mara")
        admin.create_user("factory[bot]", kind="Bot", role="write")
        shown = client.get(f"{forge.url}/sign-in").text
        assert 'value="mara"' in shown
        assert "factory[bot]" not in shown
        picked = client.post(f"{forge.url}/sign-in", data={"person": "mara"}, headers=origin)
        assert (picked.status_code, "httponly" in picked.headers["set-cookie"].lower()) == (
            303,
            True,
        )
        assert (
            client.post(
                f"{forge.url}/sign-in", data={"person": "factory[bot]"}, headers=origin
            ).status_code
            == 422
        )
        elsewhere = {"Origin": "http://e.example"}
        assert (
            client.post(
                f"{forge.url}/sign-in", data={"person": "mara"}, headers=elsewhere
            ).status_code
            == 403
        )
    finally:
        forge.stop()


def test_a_persons_page_shows_what_they_may_do_and_what_they_filed(filed) -> None:
    text = filed.client.get(f"/{filed.person('ana').login}").text
    assert f'href="/{filed.name}/issues/{filed.number}"' in text
    assert "files issues, comments, and edits, closes and reopens their own" in text
    assert (
        "Owns it and also decides who may do what" in filed.client.get(f"/{filed.owner.login}").text
    )


@pytest.mark.parametrize("role", ["none", "read", "triage", "write", "maintain", "admin"])
def test_an_account_of_every_role_has_a_page(filed, role) -> None:
    login = filed.person(f"every-{role}", role=role).login
    assert filed.client.get(f"/{login}").status_code == 200
