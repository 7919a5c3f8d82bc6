"""What every forge must do for the factory: asked of the fake, and of the adapter on PyGithub at a
real server."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.errors import ForgeError
from harness.domain.issue import Actor, Permission
from tests.adapters.worlds import FakeWorld, RealWorld

STATES = ("factory:triage", "factory:accepted", "factory:merged")
MARKER = "<!-- lights-out-factory:issue -->"
LONG_AGO = "2001-01-01T00:00:00Z"


@pytest.fixture(params=["fake", "embedded"])
def world(request):
    return FakeWorld() if request.param == "fake" else RealWorld(request.getfixturevalue("place"))


def opened(world, branch="factory/issue-1"):
    return world.forge.open_pull_request(
        branch=branch, base="main", title="#1: a change", body="of the factory"
    )


def test_open_issues_are_listed_oldest_first_and_pull_requests_are_none_of_them(world) -> None:
    first, second = world.file("The first"), world.file("The second")
    world.push("factory/issue-1")
    opened(world)
    assert [issue.number for issue in world.forge.issues()] == [first, second]


def test_closed_issues_are_listed_only_with_since(world) -> None:
    left, closed = world.file("Left open"), world.file("Closed")
    world.close(closed)
    assert [issue.number for issue in world.forge.issues()] == [left]
    assert {issue.number: issue.open for issue in world.forge.issues(since=LONG_AGO)} == {
        left: True,
        closed: False,
    }


def test_what_did_not_change_since_is_not_listed_again(world) -> None:
    world.file("Old news")
    later = datetime(2031, 1, 1, tzinfo=UTC) + timedelta(days=3650)
    assert world.forge.issues(since=later.isoformat()) == ()


def test_an_issue_arrives_as_its_author_wrote_it(world) -> None:
    title, body = "Größe: “4” → 3 <script>", "Zeile eins\n\n<!-- hidden -->\n\u200b`x`  \n"
    issue = world.forge.issue(world.file(title, body, labels=("kind:bug",)))
    assert (issue.title, issue.body, issue.open, issue.labels) == (title, body, True, ("kind:bug",))
    assert issue.author.id > 0
    assert issue.author.login
    assert issue.created_at.endswith("Z")


def test_an_issue_without_a_body_has_an_empty_one(world) -> None:
    assert world.forge.issue(world.file("Only a title")).body == ""


def test_an_unknown_issue_is_named_and_not_worth_a_retry(world) -> None:
    with pytest.raises(ForgeError, match="#999") as refused:
        world.forge.issue(999)
    assert not refused.value.retryable


def test_a_pull_request_is_not_an_issue(world) -> None:
    world.push("factory/issue-1")
    number = opened(world).number
    with pytest.raises(ForgeError, match=f"#{number}"):
        world.forge.issue(number)


def test_comments_come_oldest_first_with_the_number_of_who_wrote_them(world) -> None:
    number = world.file("Talk")
    ben = world.say(number, "one")
    world.say(number, "two")
    said = world.forge.comments(number)
    assert [(one.body, one.author.id) for one in said] == [("one", ben.id), ("two", ben.id)]
    assert said[0].id < said[1].id


def test_a_comment_is_original_until_somebody_edits_it_however_soon(world) -> None:
    number = world.file("Talk")
    world.say(number, "one")
    (said,) = world.forge.comments(number)
    assert world.forge.is_original(said)
    world.edit_comment(number, said.id, "two")
    assert not world.forge.is_original(said)
    assert not world.forge.is_original(world.forge.comments(number)[0])


def test_a_comment_that_is_gone_is_no_original(world) -> None:
    number = world.file("Talk")
    world.say(number, "one")
    (said,) = world.forge.comments(number)
    assert not world.forge.is_original(replace(said, id=said.id + 1_000_000))
    assert not world.forge.is_original(replace(said, body="something else"))


def test_comments_of_nothing_name_what_is_missing(world) -> None:
    with pytest.raises(ForgeError, match="#999"):
        world.forge.comments(999)


@pytest.mark.parametrize("permission", list(Permission))
def test_permission_is_what_the_forge_answers(world, permission) -> None:
    assert world.forge.permission(world.person("kim", permission)) is permission


def test_an_unknown_account_may_do_nothing(world) -> None:
    assert world.forge.permission(Actor(424242, "nobody-here")) is Permission.NONE


def test_a_login_that_came_to_mean_another_account_lends_it_no_rights(world) -> None:
    kim = world.person("kim", Permission.ADMIN)
    assert world.forge.permission(Actor(kim.id + 1_000_000, kim.login)) is Permission.NONE


def test_the_state_label_is_the_only_one_of_its_kind_and_others_stay(world) -> None:
    number = world.file("Labelled", labels=("kind:bug", "factory:triage", "factory:merged"))
    world.forge.set_state_label(number, "factory:accepted", among=STATES)
    assert world.forge.issue(number).labels == ("factory:accepted", "kind:bug")


def test_a_pull_request_can_be_labelled_and_commented_too(world) -> None:
    world.push("factory/issue-1")
    number = opened(world).number
    world.forge.set_state_label(number, "factory:accepted", among=STATES)
    world.forge.upsert_comment(number, MARKER, f"{MARKER}\nhello")
    assert [one.body for one in world.forge.comments(number)] == [f"{MARKER}\nhello"]


def test_one_comment_is_kept_and_edited_in_place(world) -> None:
    number = world.file("Sticky")
    world.forge.upsert_comment(number, MARKER, f"{MARKER}\n\nBeing built.")
    first = world.forge.comments(number)
    world.say(number, "a reply")
    world.forge.upsert_comment(number, MARKER, f"{MARKER}\n\nDone.")
    said = world.forge.comments(number)
    assert [one.body for one in said] == [f"{MARKER}\n\nDone.", "a reply"]
    assert said[0].id == first[0].id


def test_a_strangers_comment_with_our_marker_is_left_alone(world) -> None:
    number = world.file("Forged")
    world.say(number, f"{MARKER} I am the factory")
    world.forge.upsert_comment(number, MARKER, f"{MARKER} ours")
    theirs, ours = world.forge.comments(number)
    assert (theirs.body, ours.body) == (f"{MARKER} I am the factory", f"{MARKER} ours")
    assert world.forge.account().id == ours.author.id != theirs.author.id


def test_a_pull_request_is_opened_once_and_read_back(world) -> None:
    sha = world.push("factory/issue-1")
    first, second = opened(world), opened(world)
    assert first == second
    assert (first.branch, first.head, first.base_branch) == ("factory/issue-1", sha, "main")
    assert (first.open, first.merged, first.same_repository) == (True, False, True)


def test_a_pull_request_follows_its_branch(world) -> None:
    world.push("factory/issue-1")
    number = opened(world).number
    sha = world.push("factory/issue-1")
    assert world.forge.pull_request(number).head == sha


def test_a_pull_request_is_merged_once_its_base_holds_its_head(world) -> None:
    world.push("factory/issue-1")
    number = opened(world).number
    world.land("factory/issue-1")
    landed = world.forge.pull_request(number)
    assert (landed.merged, landed.open) == (True, False)


def test_only_reviews_that_ask_for_changes_are_listed_with_the_head_they_are_about(world) -> None:
    head = world.push("factory/issue-1")
    number = opened(world).number
    assert world.forge.change_requests(number) == ()
    world.review(number, "COMMENT", "Hm.")
    world.review(number, "APPROVE", "")
    ben = world.review(number, "REQUEST_CHANGES", "Not <!-- so --> yet.", line=1)
    world.push("factory/issue-1")
    world.review(number, "REQUEST_CHANGES", "Nor now.")
    first, second = world.forge.change_requests(number)
    assert (first.author, first.body, first.head) == (ben, "Not <!-- so --> yet.", head)
    assert second.head == world.forge.pull_request(number).head != head
    assert first.created_at.endswith("Z")
    (remark,) = world.forge.line_comments(number, first.id)
    assert (remark.path, remark.line, remark.body) == ("app.py", 1, "About line 1.")
    assert world.forge.line_comments(number, second.id) == ()
    assert world.forge.change_request_count(number) == 2


def test_a_review_is_news_of_its_pull_request(world) -> None:
    world.push("factory/issue-1")
    number = opened(world).number
    cursor = world.forge.news().cursor
    world.review(number, "REQUEST_CHANGES", "Not yet.")
    assert number in world.forge.news(cursor).pull_requests


def test_a_branch_that_is_not_there_cannot_be_opened(world) -> None:
    with pytest.raises(ForgeError, match="factory/issue-9") as refused:
        opened(world, "factory/issue-9")
    assert not refused.value.retryable


def test_open_pull_requests_are_listed_oldest_first_with_their_heads(world) -> None:
    heads = {
        branch: world.push(branch)
        for branch in ("factory/issue-1", "factory/issue-2", "factory/issue-3")
    }
    numbers = [opened(world, branch).number for branch in heads]
    assert [one.number for one in world.forge.pull_requests()] == sorted(numbers)
    assert {one.branch: one.head for one in world.forge.pull_requests()} == heads
    assert world.forge.pull_requests() == tuple(
        world.forge.pull_request(number) for number in sorted(numbers)
    )
    world.land("factory/issue-2")
    assert [one.branch for one in world.forge.pull_requests()] == [
        "factory/issue-1",
        "factory/issue-3",
    ]


def test_an_unknown_pull_request_is_named(world) -> None:
    with pytest.raises(ForgeError, match="#77"):
        world.forge.pull_request(77)


@pytest.mark.parametrize(("completed", "reason"), [(True, "completed"), (False, "not_planned")])
def test_an_issue_is_closed_with_its_reason(world, completed, reason) -> None:
    number = world.file("To be closed")
    world.forge.close_issue(number, completed=completed)
    assert not world.forge.issue(number).open
    assert world.reason(number) == reason


def test_a_closed_issue_is_opened_again(world) -> None:
    number = world.file("Closed too soon")
    world.forge.close_issue(number, completed=False)
    world.forge.reopen_issue(number)
    assert world.forge.issue(number).open


def test_the_latest_check_of_a_name_stands(world) -> None:
    sha = world.tip()
    for conclusion in ("failure", "success"):
        world.forge.set_check(
            sha, "factory/size", conclusion=conclusion, title="size", summary="400 lines"
        )
    world.forge.set_check(
        sha, "factory/tests", conclusion="failure", title="tests", summary="one was removed"
    )
    assert world.checks(sha) == {"factory/size": "success", "factory/tests": "failure"}


def test_the_default_branch_is_asked_of_the_forge(world) -> None:
    assert world.forge.default_branch() == "main"


WRITES = {
    "set_state_label": lambda forge, number, sha: forge.set_state_label(
        number, "factory:accepted", among=STATES
    ),
    "upsert_comment": lambda forge, number, sha: forge.upsert_comment(
        number, MARKER, f"{MARKER} once"
    ),
    "open_pull_request": lambda forge, number, sha: forge.open_pull_request(
        branch="factory/issue-1", base="main", title="t", body="b"
    ),
    "close_issue": lambda forge, number, sha: forge.close_issue(number, completed=True),
    "reopen_issue": lambda forge, number, sha: forge.reopen_issue(number),
    "set_check": lambda forge, number, sha: forge.set_check(
        sha, "factory/size", conclusion="success", title="size", summary="small"
    ),
}


def ready_for(world, method):
    number = world.file("Any")
    if method == "reopen_issue":
        world.forge.close_issue(number, completed=False)
    return number, world.push("factory/issue-1") if method == "open_pull_request" else world.tip()


@pytest.mark.parametrize("method", list(WRITES))
def test_writing_twice_changes_nothing_more(world, method) -> None:
    number, sha = ready_for(world, method)
    WRITES[method](world.forge, number, sha)
    once = world.marks()
    WRITES[method](world.forge, number, sha)
    assert world.marks() == once


@pytest.mark.parametrize("method", list(WRITES))
def test_an_error_after_success_leaves_one_of_each_once_it_is_tried_again(world, method) -> None:
    number, sha = ready_for(world, method)
    world.fail_after(method)
    with suppress(ForgeError):  # it may have found by itself that it was done
        WRITES[method](world.forge, number, sha)
    once = world.marks()
    WRITES[method](world.forge, number, sha)
    assert world.marks() == once


@pytest.mark.parametrize("method", list(WRITES))
def test_an_error_before_anything_was_done_is_worth_a_retry(world, method) -> None:
    number, sha = ready_for(world, method)
    before = world.marks()
    world.fail_before(method)
    with pytest.raises(ForgeError) as refused:
        WRITES[method](world.forge, number, sha)
    assert refused.value.retryable
    assert world.marks() == before
    WRITES[method](world.forge, number, sha)
    assert world.marks() != before


@pytest.mark.parametrize("quote", ["Somebody wrote: {}", "```text\n{}\n```"])
def test_an_issue_of_ours_that_quotes_a_marker_is_not_the_one_with_it(world, quote) -> None:
    other = "<!-- lights-out-factory:dashboard -->"
    kept = f"{MARKER}\n{quote.format(other)}"
    quoting = world.forge.upsert_issue(MARKER, title="An error", body=kept)
    dashboard = world.forge.upsert_issue(other, title="Dashboard", body=f"{other}\nhello")
    assert dashboard != quoting
    assert world.forge.issue(quoting).body.strip() == kept
    assert world.forge.issue(quoting).open
