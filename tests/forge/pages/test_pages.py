"""The pages, without a browser: what is on them, what guards them, and what the forms do."""

import re

import httpx
import pytest

from harness.domain.issue import Permission
from harness.factory.reporting.slash_commands import COMMANDS
from harness.programs.local_forge.pages import words
from harness.programs.local_forge.seed import Administrator
from tests.forge.pages.reading import Reader, page, post, sign_in
from tests.forge.waiting import SECONDS

EVIL = "<script>alert('title')</script> \"'><img src=x onerror=alert(1)> \u202egnp.exe"


@pytest.fixture(autouse=True)
def _no_cookies_left(client):
    client.cookies.clear()
    yield
    client.cookies.clear()


@pytest.fixture(scope="module")
def lived_in(museum):
    """A repository with one of everything, each with a hostile name."""
    museum.push(
        {
            "src/<b>.py": "x = '<script>alert(1)</script>'\n",
            "README.md": "# Hi <script>alert(2)</script>\n",
        },
        message="<script>alert('commit')</script>\n\n<img src=x onerror=alert(1)>",
    )
    number = museum.file(EVIL, f"{EVIL}\n\n[x](javascript:alert(1)) <!-- hidden -->")
    museum.api(
        "POST",
        f"/issues/{number}/labels",
        by=museum.owner,
        json={"labels": ["<b>label", "factory:building"]},
    )
    museum.api("POST", f"/issues/{number}/comments", by=museum.person("ben"), json={"body": EVIL})
    museum.api("PATCH", f"/issues/{number}", by=museum.owner, json={"title": f"{EVIL} renamed"})
    main = museum.api("GET", "/branches/main").json()["commit"]["sha"]
    museum.api("POST", "/git/refs", by=museum.factory, json={"ref": "refs/heads/w<b>", "sha": main})
    head = museum.push(
        {"src/<b>.py": "y = '</td><script>alert(3)</script>'\n"}, branch="w<b>", message=EVIL
    )
    museum.api(
        "POST",
        "/pulls",
        by=museum.factory,
        json={"title": EVIL, "head": "w<b>", "base": "main", "body": EVIL},
    )
    museum.api(
        "POST",
        "/check-runs",
        by=museum.factory,
        json={
            "name": "<b>check",
            "head_sha": head,
            "conclusion": "failure",
            "details_url": "https://e.example/evidence",
            "output": {"title": EVIL, "summary": EVIL},
        },
    )
    museum.api(
        "POST",
        f"/statuses/{head}",
        by=museum.factory,
        json={"state": "error", "context": EVIL[:90]},
    )
    return museum, head


PAGES = (
    "",
    "/issues",
    "/issues?state=closed",
    "/issues?q=script&label=%3Cb%3Elabel",
    "/issues/1",
    "/issues/new",
    "/pulls",
    "/pull/2",
    "/pull/2?view=split",
    "/commit/{head}",
    "/commits/main",
    "/tree/main/src",
    "/blob/main/src/<b>.py",
    "/blob/main/README.md",
    "/blob/main/README.md?plain=1",
    "/nothing",
    "/issues/999",
    "/blob/main/absent",
    "/commits/main~1",
)


@pytest.mark.parametrize("path", PAGES)
def test_no_name_or_text_of_a_stranger_becomes_a_tag(lived_in, path) -> None:
    place, head = lived_in
    answer = page(place, path.format(head=head))
    assert answer.status_code == (404 if path in PAGES[-4:] else 200)
    found = Reader(answer.text)
    # Our own, from our own address.
    assert found.tags.count("script") == 1
    assert set(found.tags) & {"iframe", "object", "embed", "base"} == set()
    assert not [name for name in found.attributes if name.startswith("on") or name == "style"]
    assert not [
        link for link in found.links if not re.match(r"(/|#|\?|https://e\.example)", link)
    ], found.links
    assert "\u202e" not in answer.text
    assert found.open == []


def test_words_to_be_edited_are_shown_as_they_are_and_do_nothing(lived_in) -> None:
    place, _ = lived_in
    sign_in(place, place.owner)
    found = Reader(page(place, "/issues/1/edit").text)
    # Our script, our mark.
    assert (found.tags.count("script"), found.tags.count("img"), found.open) == (
        1,
        1,
        [],
    )
    assert not [name for name in found.attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("path", ["", "/issues/1", "/pull/2", "/nothing", "/raw/main/README.md"])
def test_every_page_is_guarded(lived_in, path) -> None:
    place, _ = lived_in
    headers = page(place, path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_raw_file_is_never_a_page(lived_in) -> None:
    place, _ = lived_in
    place.push({"evil.html": "<script>alert(1)</script>", "evil.svg": "<svg onload='alert(1)'/>"})
    for name in ("evil.html", "evil.svg"):
        assert (
            page(place, f"/raw/main/{name}").headers["content-type"] == "text/plain; charset=utf-8"
        )


def test_an_issue_shows_what_was_said_and_done(lived_in) -> None:
    place, _ = lived_in
    text = page(place, "/issues/1").text
    assert "&lt;script&gt;alert(&#39;title&#39;)" in text
    assert "⟨U+202E⟩gnp.exe" in text
    assert 'aria-current="step"' in text
    assert "put on" in text
    assert "renamed this from" in text


def test_a_pull_request_shows_its_change_its_checks_and_its_evidence(lived_in) -> None:
    place, _ = lived_in
    text = page(place, "/pull/2").text
    assert 'href="https://e.example/evidence"' in text
    assert "&lt;/td&gt;&lt;script&gt;alert(3)" in text
    assert '<tr class="added">' in text
    assert '<tr class="removed">' in text
    assert (
        "y = &#39;" in page(place, "/pull/2.diff").text
        or "y = '" in page(place, "/pull/2.diff").text
    )
    assert page(place, "/issues/2").headers["location"] == f"/{place.name}/pull/2"


def test_a_permalink_at_a_commit_shows_that_commits_file(place) -> None:
    before = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.push({"mission.md": "---\nschema: 1\n---\n## No payments {#M-NOPAY}\nCash only.\n"})
    after = place.api("GET", "/branches/main").json()["commit"]["sha"]
    assert page(place, f"/blob/{before}/mission.md").status_code == 404
    text = page(place, f"/blob/{after}/mission.md").text
    assert 'id="M-NOPAY"' in text
    assert 'id="L4"' in text


def test_signing_in_needs_a_token_that_is_known(place) -> None:
    refused = place.client.post(
        "/sign-in", data={"token": "lof_wrong"}, headers={"Origin": place.forge.url}
    )
    assert refused.status_code == 422
    assert "not known here" in refused.text
    cookie = sign_in(place, place.owner).headers["set-cookie"]
    assert {"httponly", "samesite=strict", "path=/"} <= {
        part.strip().lower() for part in cookie.split(";")
    }
    assert place.owner.token not in cookie
    assert place.owner.login in page(place).text


def test_signing_out_makes_the_cookie_worthless(place) -> None:
    sign_in(place, place.owner)
    kept = dict(place.client.cookies)
    place.client.post("/sign-out", data={}, headers={"Origin": place.forge.url})
    place.client.cookies.clear()
    place.client.cookies.update(kept)
    assert "Sign out" not in page(place).text


def test_an_issue_is_filed_by_who_signed_in(place) -> None:
    ana = place.person("ana")
    sign_in(place, ana)
    filed = post(place, "/issues", {"title": "From the page", "body": "line one\r\nline two"})
    assert (filed.status_code, filed.headers["location"]) == (303, f"/{place.name}/issues/1")
    issue = place.api("GET", "/issues/1").json()
    assert (issue["user"]["id"], issue["title"], issue["body"]) == (
        ana.id,
        "From the page",
        "line one\nline two",
    )


def test_a_guest_becomes_an_account_with_a_number_and_keeps_it(place) -> None:
    login = f"Ana-Maria-{place.prefix}"
    post(place, "/issues", {"title": "First", "body": "", "name": f"Ana María {place.prefix}"})
    post(place, "/issues", {"title": "Second", "body": ""})
    first, second = (place.api("GET", f"/issues/{number}").json() for number in (1, 2))
    assert first["user"]["login"] == login
    assert first["user"]["id"] == second["user"]["id"] > 0
    result = place.api("GET", f"/collaborators/{login}/permission", by=place.factory).json()
    assert result["permission"] == "read"


def test_nobody_can_file_under_a_name_that_is_taken(place) -> None:
    for name in (place.owner.login, place.owner.login.upper()):
        refused = post(
            place, "/issues", {"title": "I am the owner", "body": "kept text", "name": name}
        )
        assert refused.status_code == 422
        assert "is called" in refused.text
        assert "kept text" in refused.text
    assert place.api("GET", "/issues").json() == []


@pytest.mark.parametrize(
    "form",
    [
        {"title": "", "name": "x"},
        {"title": "x" * 257, "name": "x"},
        {"title": "x", "name": ""},
        {"title": "x", "name": "<>"},
        {"title": "x", "name": "api"},
        {"title": "x", "body": "y" * 65_537, "name": "fresh"},
    ],
)
def test_a_form_that_cannot_be_taken_comes_back_with_what_is_wrong(museum, form) -> None:
    refused = post(museum, "/issues", form)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text


def test_comments_close_and_reopen(place) -> None:
    number = place.file("Talk", by="ana")
    sign_in(place, place.person("ana"))
    post(place, f"/issues/{number}", {"body": "Never mind.", "act": "close"})
    assert place.api("GET", f"/issues/{number}").json()["state"] == "closed"
    assert [one["body"] for one in place.api("GET", f"/issues/{number}/comments").json()] == [
        "Never mind."
    ]
    post(place, f"/issues/{number}", {"body": "", "act": "reopen"})
    assert place.api("GET", f"/issues/{number}").json()["state"] == "open"
    assert post(place, f"/issues/{number}", {"body": " ", "act": "comment"}).status_code == 422


def test_changes_are_asked_for_with_the_button_beside_the_comment(place) -> None:
    """A form without a script: the words go to the same box, and the button says what they do."""
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    made = {"ref": "refs/heads/work", "sha": main}
    place.api("POST", "/git/refs", by=place.factory, json=made)
    place.push({"app.py": "print('high')\n"}, branch="work")
    asked = {"title": "A change", "head": "work", "base": "main"}
    number = place.api("POST", "/pulls", by=place.factory, json=asked).json()["number"]
    here, button = f"/pull/{number}", 'value="ask"'
    assert button not in page(place, here).text, "nobody is signed in"
    assert post(place, here, {"body": "No.", "act": "ask", "name": "gus"}).status_code == 401
    sign_in(place, place.person("ana"))
    assert button in page(place, here).text
    assert button not in page(place, f"/issues/{place.file('No change')}").text
    blank = post(place, here, {"body": " ", "act": "ask"})
    assert blank.status_code == 422
    answer = post(place, here, {"body": "Call it <b>places_left</b>.", "act": "ask"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/{place.name}{here}#end")
    (review,) = place.api("GET", f"/pulls/{number}/reviews").json()
    assert (review["state"], review["body"]) == (
        "CHANGES_REQUESTED",
        "Call it <b>places_left</b>.",
    )
    assert place.api("GET", f"/issues/{number}/comments").json() == []
    remark = {"path": "app.py", "line": 1, "body": "This one <script>."}
    more = {"event": "APPROVE", "comments": [remark]}
    place.api("POST", f"/pulls/{number}/reviews", by=place.owner, json=more)
    text = page(place, here).text
    assert "<strong>asked for changes</strong>" in text
    assert "<strong>approved</strong>" in text
    assert "app.py, line 1" in text
    assert "<script>." not in text
    place.api("PATCH", f"/pulls/{number}", by=place.factory, json={"state": "closed"})
    assert button not in page(place, here).text


def test_a_stranger_cannot_close_what_is_not_theirs_and_adds_no_comment_by_trying(place) -> None:
    number = place.file("Not yours", by="ana")
    sign_in(place, place.person("ben"))
    refused = post(place, f"/issues/{number}", {"body": "bye", "act": "close"})
    assert refused.status_code == 403
    issue = place.api("GET", f"/issues/{number}").json()
    assert (issue["state"], issue["comments"]) == ("open", 0)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://localhost:1", "http://localhost.evil.example"],
)
def test_a_form_from_elsewhere_writes_nothing(place, origin) -> None:
    sign_in(place, place.owner)
    refused = post(place, "/issues", {"title": "Forged", "body": ""}, origin=origin)
    assert refused.status_code == 403
    assert place.api("GET", "/issues").json() == []


def test_issues_are_found_by_words_and_label(place) -> None:
    place.file("Tide table is wrong", "by an hour")
    number = place.file("Group size is wrong", "by one")
    place.api("POST", f"/issues/{number}/labels", by=place.owner, json={"labels": ["kind:bug"]})

    def titles(query):
        return re.findall(r'issues/\d+"><bdi>([^<]*)', page(place, f"/issues?{query}").text)

    assert titles("q=wrong") == ["Group size is wrong", "Tide table is wrong"]
    assert titles("q=WRONG+hour") == ["Tide table is wrong"]
    assert titles("q=100%25") == []
    assert titles("label=kind:bug") == ["Group size is wrong"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("author={ana}", ["Third", "First"]),
        ("author={ANA}", ["Third", "First"]),
        ("author=nobody", []),
        ("sort=oldest", ["First", "Second", "Third"]),
        ("sort=discussed", ["Second", "Third", "First"]),
        ("sort=;drop&author={ana}", ["Third", "First"]),
        ("author={ana}&q=third&label=l", []),
    ],
)
def test_issues_are_found_by_their_author_and_sorted(place, query, found) -> None:
    for title, by in (("First", "ana"), ("Second", "ben"), ("Third", "ana")):
        place.file(title, by=by)
    place.api("POST", "/issues/2/comments", by=place.owner, json={"body": "Talk"})
    login = place.person("ana").login
    text = page(place, f"/issues?{query.format(ana=login, ANA=login.upper())}").text
    assert re.findall(r'issues/\d+"><bdi>([^<]*)', text) == found


def test_a_very_long_and_a_very_deep_text_are_shown_whole_or_as_text(place) -> None:
    deep = place.file("Deep", ">" * 5_000 + " x\n" + "- " * 5_000 + "y")
    long = place.file("Long", "word **bold** " * 4_681)
    assert page(place, f"/issues/{long}").text.count("<strong>bold</strong>") == 4_681
    assert page(place, f"/issues/{deep}").status_code == 200


def test_the_commands_that_the_page_explains_are_those_that_the_factory_takes() -> None:
    who = {
        (Permission.NONE, False): "anybody",
        (Permission.TRIAGE, True): "who filed it, and the triage role",
        (Permission.TRIAGE, False): "the triage role",
        (Permission.WRITE, False): "the write role",
        (Permission.MAINTAIN, False): "the maintain role",
    }
    taken = [
        (one.shown.removeprefix("/factory "), one.does, who[one.least, one.filer])
        for one in COMMANDS.values()
    ]
    assert list(words.COMMANDS) == taken


def test_a_long_list_is_paged(place) -> None:
    for number in range(31):
        place.file(f"Issue {number}")
    assert 'rel="next"' in page(place, "/issues").text
    assert "Page 1 of 2" in page(place, "/issues").text
    second = page(place, "/issues?page=2").text
    assert "Issue 0" in second
    assert 'rel="prev"' in second
    assert page(place, "/issues?page=x").status_code == 200


def test_an_empty_repository_shows_how_to_fill_it(place) -> None:
    empty = place.admin.create_repository(place.owner.login, "empty")
    text = place.client.get(f"/{empty.full_name}").text
    assert "Nothing has been pushed" in text
    assert f"git push {empty.clone_url}" in text


def test_a_very_large_change_is_cut_where_a_page_ends(place) -> None:
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": main})
    place.push({"big.txt": "".join(f"line {number}\n" for number in range(5_000))}, branch="work")
    place.api(
        "POST", "/pulls", by=place.factory, json={"title": "Big", "head": "work", "base": "main"}
    )
    text = page(place, "/pull/1").text
    assert "3,001 lines more" in text
    assert text.count('<tr class="added">') == 1_999


def test_where_the_door_is_closed_a_visitor_must_sign_in(plain) -> None:
    admin = Administrator(plain)
    admin.create_user("owner")
    admin.create_repository("owner", "r")
    with httpx.Client(
        base_url=plain.url, trust_env=False, verify=False, timeout=SECONDS
    ) as visitor:
        assert "Sign in with your token" in visitor.get("/owner/r/issues/new").text
        refused = visitor.post(
            "/owner/r/issues", data={"title": "x", "name": "ana"}, headers={"Origin": plain.url}
        )
        assert refused.status_code == 401
        assert visitor.get("/api/v3/repos/owner/r/issues").json() == []


def test_evidence_is_served_without_an_origin_and_nothing_beside_it(plain) -> None:
    beside = plain.home.parent
    (beside / "evidence" / "run-1").mkdir(parents=True)
    (beside / "evidence" / "run-1" / "index.html").write_text(
        "<h1>Passed</h1><script>document.cookie</script>"
    )
    (beside / "secret.txt").write_text("sealed")
    (beside / "evidence" / "link.txt").symlink_to(beside / "secret.txt")
    with httpx.Client(
        base_url=plain.url, trust_env=False, verify=False, timeout=SECONDS
    ) as visitor:
        shown = visitor.get("/-/evidence/run-1/")
        assert "<h1>Passed</h1>" in shown.text
        assert "sandbox allow-scripts" in shown.headers["content-security-policy"]
        for path in (
            "/-/evidence/../secret.txt",
            "/-/evidence/%2e%2e/secret.txt",
            "/-/evidence/link.txt",
            "/-/evidence/..%2fhome%2fadmin.token",
        ):
            assert visitor.get(path).status_code == 404


@pytest.mark.parametrize("standing", ["aside-suspected-attack", "way-merged"])
def test_where_an_issue_stands_has_one_colour_in_its_line_and_in_its_past(
    lived_in, standing
) -> None:
    place, _ = lived_in
    number = place.file("A trap", "")
    place.api(
        "POST",
        f"/issues/{number}/labels",
        by=place.factory,
        json={"labels": [f"factory:{standing.partition('-')[2]}"]},
    )
    shown = page(place, f"/issues/{number}").text
    assert re.findall(rf'class="(\w+) {standing}"', shown) == ["rail", "now"]
