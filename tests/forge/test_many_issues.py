"""Ten thousand issues: lists are read off an index, and nothing is built or sent for
what did not change."""

import sqlite3

import pytest
from sqlalchemy.dialects import sqlite

from harness.programs.local_forge.content.issues import Search, query_for
from harness.programs.local_forge.etags import MOST, EtagCache, RequestKey
from harness.programs.local_forge.storage.records import Repo, Role, User
from tests.forge.conftest import a_place

MANY = 10_000
REPO = Repo(1, User(1, "owner", "User", Role.ADMIN, 0), "tidebook", "", "main", "", 0)


@pytest.fixture(scope="module")
def crowded(forge, client, template, tmp_path_factory):
    place = a_place(forge, client, template, tmp_path_factory.mktemp("crowded"))
    assert place.admin.file_issues(place.name, MANY, body_length=800) == range(1, MANY + 1)
    return place


def test_many_are_filed_at_once_and_the_next_goes_on(crowded) -> None:
    first = crowded.api("GET", "/issues/1").json()
    assert len(first["body"]) == 800
    assert crowded.api("GET", "").json()["open_issues_count"] >= MANY
    assert crowded.file("One more") == MANY + 1


def test_every_page_leads_to_the_next_until_all_were_seen_once(crowded) -> None:
    seen, address = (
        [],
        f"/api/v3/repos/{crowded.name}/issues?state=all&per_page=100&sort=created&direction=asc&page=96",
    )
    while address:
        answer = crowded.ask("GET", address)
        seen += [issue["number"] for issue in answer.json()]
        address = (
            answer.links["next"]["url"].partition(f":{crowded.forge.port}")[2]
            if "next" in answer.links
            else ""
        )
    assert seen[:500] == list(range(9_501, 10_001))
    assert len(seen) == len(set(seen))


def test_since_tells_only_what_changed(crowded) -> None:
    number = crowded.file("News")
    updated = crowded.api("GET", f"/issues/{number}").json()["updated_at"]
    result = crowded.api(
        "GET", "/issues", params={"since": updated, "state": "all", "per_page": "100"}
    ).json()
    assert number in {issue["number"] for issue in result}
    assert len(result) < 10


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Search(), "open_issues_by_age"),
        (Search(rising=True), "open_issues_by_age"),
        (Search(state="closed"), "open_issues_by_age"),
        (Search(state=None), "all_issues_by_age"),
        (Search(order="updated"), "open_issues_by_update"),
        (Search(since=1, order="updated", rising=True), "open_issues_by_update"),
        (Search(state=None, order="updated", rising=True, since=1), "all_issues_by_update"),
    ],
)
def test_a_page_is_read_off_an_index_and_never_sorted(crowded, wanted, index) -> None:
    query = query_for(REPO, wanted, limit=100, skip=9_900)
    text = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with sqlite3.connect(
        f"{(crowded.forge.home / 'forge.sqlite').as_uri()}?mode=ro", uri=True
    ) as db:
        plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {text}"))
    assert f"USING INDEX {index} " in plan, plan
    assert "TEMP B-TREE" not in plan, plan


def test_what_did_not_change_is_answered_without_a_query(crowded) -> None:
    """The tag is asked after at the generation of the database: no query for the list,
    no body, no bytes."""
    address = "/issues?per_page=100&state=all"
    tag = crowded.api("GET", address, by=crowded.factory).headers["etag"]
    again = crowded.api("GET", address, by=crowded.factory, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert "next" in again.links


@pytest.mark.parametrize(
    "change",
    [
        lambda place: place.file("Another"),
        lambda place: place.api(
            "PATCH", "/issues/5", by=place.owner, json={"title": f"Retitled {id(place)}"}
        ),
        lambda place: place.api(
            "POST", "/issues/5/comments", by=place.owner, json={"body": "said"}
        ),
        lambda place: place.api(
            "POST", "/issues/5/labels", by=place.owner, json={"labels": [f"new-{place.file('x')}"]}
        ),
    ],
    ids=["filed", "edited", "commented", "labelled"],
)
def test_whatever_changes_is_answered_at_once(crowded, change) -> None:
    address = "/issues?per_page=100&state=all&sort=updated"
    tag = crowded.api("GET", address, by=crowded.factory).headers["etag"]
    assert (
        crowded.api("GET", address, by=crowded.factory, headers={"If-None-Match": tag}).status_code
        == 304
    )
    change(crowded)
    assert (
        crowded.api("GET", address, by=crowded.factory, headers={"If-None-Match": tag}).status_code
        == 200
    )


def test_a_tag_holds_for_one_generation_and_one_caller() -> None:
    tags, asked = EtagCache(), RequestKey("/issues?page=1", "ana")
    tags.remember(asked, {"etag": 'W/"a"', "link": "<next>", "x-other": "1"}, generation=3)
    assert tags.unchanged(asked, '"a"', generation=3) == {"etag": 'W/"a"', "link": "<next>"}
    assert tags.unchanged(asked, '"b"', generation=3) is None
    assert tags.unchanged(asked, None, generation=3) is None
    assert tags.unchanged(asked, '"a"', generation=4) is None
    assert tags.unchanged(RequestKey("/issues?page=1", "ben"), '"a"', generation=3) is None


def test_only_so_many_tags_are_remembered() -> None:
    tags = EtagCache()
    for number in range(MOST + 1):
        tags.remember(RequestKey(str(number), ""), {"etag": '"a"'}, generation=1)
    assert tags.unchanged(RequestKey("0", ""), '"a"', generation=1) is None
    assert tags.unchanged(RequestKey("1", ""), '"a"', generation=1) is not None


def test_a_push_changes_the_answer_at_once(crowded) -> None:
    tag = crowded.api("GET", "/branches/main").headers["etag"]
    assert crowded.api("GET", "/branches/main", headers={"If-None-Match": tag}).status_code == 304
    crowded.push({"tide.txt": "high\n"})
    assert crowded.api("GET", "/branches/main", headers={"If-None-Match": tag}).status_code == 200


def test_a_tag_is_good_for_whom_it_was_given(crowded) -> None:
    """The rights are in the answer: what one account knows is not said to be unchanged
    to another."""
    # Made before: a write ends every tag.
    ana = crowded.person("ana")
    tag = crowded.api("GET", "", by=crowded.owner).headers["etag"]
    assert (
        crowded.api("GET", "", by=crowded.owner, headers={"If-None-Match": tag}).status_code == 304
    )
    assert crowded.api("GET", "", by=ana, headers={"If-None-Match": tag}).status_code == 200
    assert (
        crowded.api(
            "GET", "", headers={"If-None-Match": tag, "Authorization": "token lof_wrong"}
        ).status_code
        == 401
    )


def test_the_hour_is_never_unchanged(crowded) -> None:
    answer = crowded.ask("GET", "/api/v3/rate_limit", by=crowded.factory)
    crowded.api("GET", "", by=crowded.factory)
    again = crowded.ask(
        "GET",
        "/api/v3/rate_limit",
        by=crowded.factory,
        headers={"If-None-Match": answer.headers["etag"]},
    )
    assert again.status_code == 200


@pytest.mark.parametrize("count", [0, -1, 100_001, "many", True, None])
def test_how_many_is_bounded(crowded, count) -> None:
    with pytest.raises(Exception, match="count must be a whole number"):
        crowded.admin.file_issues(crowded.name, count)
