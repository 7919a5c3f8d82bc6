"""Reviews at the wire: what costs a request, how many reviews and characters are read, and what a
forge may answer."""

import json
from contextlib import contextmanager

import pytest

from harness.domain.errors import ForgeError
from harness.domain.issue import MOST_REVIEWS, Actor
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.reviews import MOST_READ, PER_PAGE
from tests.fakes.http_server import Request, serving

USER = {"__typename": "User", "login": "maya", "databaseId": 5}


def review(number, **more):
    """A `PullRequestReview` of GitHub's schema; a `BigInt` is text."""
    return {
        "fullDatabaseId": str(number),
        "author": USER,
        "body": f"Wish {number}.",
        "commit": {"oid": "c" * 40},
        "submittedAt": "2026-05-04T02:17:00Z",
        **more,
    }


@contextmanager
def forge_with(reviews, *, lines=()):
    """A forge where these reviews ask for changes, and the variables that it was asked with."""
    asked = []

    def answer(request: Request) -> None:
        if request.path.endswith("/graphql"):
            asked.append(json.loads(request.content())["variables"])
            page = connection(reviews, last=asked[-1]["last"], before=asked[-1]["before"])
            found = {"data": {"repository": {"pullRequest": {"reviews": page}}}}
        else:
            found = lines
        request.reply(200, json.dumps(found).encode(), {"Content-Type": "application/json"})

    with serving(answer) as server:
        yield GitHubForge(Access("tide/book", "ghs_secret", server.url)), asked


def connection(reviews, *, last, before):
    """A page of a `PullRequestReviewConnection`, counted from its end."""
    end = len(reviews) if before is None else int(before)
    begin = max(0, end - last)
    pages = {"hasPreviousPage": begin > 0, "startCursor": str(begin)}
    return {"totalCount": len(reviews), "pageInfo": pages, "nodes": reviews[begin:end]}


def test_only_reviews_that_ask_for_changes_are_asked_for_so_no_comment_takes_their_room() -> None:
    """Each comment on a line is a review of its own: three hundred hid a maintainer's word."""
    with forge_with([review(3_000_000_001), review(3_000_000_002)]) as (forge, asked):
        assert [one.id for one in forge.change_requests(7)] == [3_000_000_001, 3_000_000_002]
    assert asked == [
        {
            "owner": "tide",
            "name": "book",
            "number": 7,
            "states": ["CHANGES_REQUESTED"],
            "last": PER_PAGE,
            "before": None,
        }
    ]


def test_the_newest_are_read_up_to_a_bound_and_the_count_tells_of_the_others() -> None:
    with forge_with([review(number) for number in range(1, MOST_REVIEWS + 52)]) as (forge, asked):
        found = forge.change_requests(7)
        assert [one.id for one in found] == [*range(52, MOST_REVIEWS + 52)]
        assert len(asked) == MOST_REVIEWS // PER_PAGE
        assert forge.change_request_count(7) == MOST_REVIEWS + 51


def test_a_text_is_cut_and_one_of_a_deleted_account_has_nobodys_right() -> None:
    giant = review(1, body="x" * 60_000, author=None)
    app = {"__typename": "Bot", "login": "linter", "databaseId": 9}
    other = {"__typename": "Mannequin", "login": "old"}
    found = [giant, review(2, body="", commit=None, author=app), review(3, author=other)]
    with forge_with(found) as (forge, _):
        first, second, third = forge.change_requests(7)
    assert (len(first.body), first.author.id) == (MOST_READ, 0)
    assert (second.author, second.head) == (Actor(9, "linter", bot=True), "")
    assert third.author == Actor(0, "old")


def test_a_line_that_is_gone_by_now_has_the_number_that_it_had() -> None:
    lines = [
        {"path": "a.py", "line": None, "original_line": 4, "body": "y" * 60_000},
        {"path": "b.py", "body": "No line at all.", "line": None, "original_line": None},
        {"path": "c.py", "line": 2, "original_line": 9, "body": "Here."},
    ]
    with forge_with([], lines=lines) as (forge, _):
        found = forge.line_comments(7, 1)
    assert [(one.path, one.line) for one in found] == [("a.py", 4), ("b.py", None), ("c.py", 2)]
    assert len(found[0].body) == MOST_READ


@pytest.mark.parametrize("odd", [7, {}, {"state": 1}, review("x"), review(1, author={})])
def test_an_answer_that_is_no_list_of_reviews_is_not_an_empty_one(odd) -> None:
    with forge_with([odd]) as (forge, _), pytest.raises(ForgeError):
        forge.change_requests(7)
