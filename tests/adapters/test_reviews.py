"""Reviews at the wire: what costs a request, how many pages and characters are read, and what a
forge may answer."""

import json
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.domain.errors import ForgeError
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.reviews import MOST_PAGES, MOST_READ
from tests.fakes.http_server import Request, serving

HERE = "/repos/tide/book/pulls/7/reviews"
USER = {"id": 5, "login": "maya", "type": "User"}


def review(number, **more):
    return {
        "id": number,
        "user": USER,
        "body": f"Wish {number}.",
        "state": "CHANGES_REQUESTED",
        "commit_id": "c" * 40,
        "submitted_at": "2026-05-04T02:17:00Z",
        **more,
    }


@contextmanager
def forge_with(pages, *, lines=()):
    """A forge with these pages of reviews, and the pages that it was asked for."""
    asked = []

    def answer(request: Request) -> None:
        page = int(parse_qs(urlsplit(request.path).query).get("page", ["1"])[0])
        is_list = urlsplit(request.path).path == HERE
        asked.append(page if is_list else request.path)
        headers = {"Content-Type": "application/json"}
        if is_list and page < len(pages):
            last = f'<http://x.example{HERE}?per_page=100&page={len(pages)}>; rel="last"'
            headers["Link"] = last
        request.reply(200, json.dumps(pages[page - 1] if is_list else lines).encode(), headers)

    with serving(answer) as server:
        yield GitHubForge(Access("tide/book", "ghs_secret", server.url)), asked


def test_nobody_pushes_the_newest_review_out_of_sight_and_old_pages_are_not_read() -> None:
    with forge_with([[review(number)] for number in range(1, 51)]) as (forge, asked):
        found = forge.change_requests(7)
    assert [one.id for one in found] == [48, 49, 50]
    assert asked == [1, 48, 49, 50]
    assert len(asked) == MOST_PAGES + 1


def test_few_pages_are_read_whole_and_one_costs_one_request() -> None:
    with forge_with([[review(1)], [review(2)], [review(3), review(2)]]) as (forge, asked):
        assert [one.id for one in forge.change_requests(7)] == [1, 2, 3]
        assert asked == [1, 2, 3]
    with forge_with([[review(1)]]) as (forge, asked):
        forge.change_requests(7)
        assert asked == [1]


def test_a_text_is_cut_and_one_of_a_deleted_account_has_nobodys_right() -> None:
    giant = review(1, body="x" * 60_000, user=None)
    with forge_with([[giant, review(2, body=None)]]) as (forge, _):
        first, second = forge.change_requests(7)
    assert (len(first.body), first.author.id) == (MOST_READ, 0)
    assert second.body == ""


def test_a_line_that_is_gone_by_now_has_the_number_that_it_had() -> None:
    lines = [
        {"path": "a.py", "line": None, "original_line": 4, "body": "y" * 60_000},
        {"path": "b.py", "body": "No line at all.", "line": None, "original_line": None},
        {"path": "c.py", "line": 2, "original_line": 9, "body": "Here."},
    ]
    with forge_with([[]], lines=lines) as (forge, _):
        found = forge.line_comments(7, 1)
    assert [(one.path, one.line) for one in found] == [("a.py", 4), ("b.py", None), ("c.py", 2)]
    assert len(found[0].body) == MOST_READ


@pytest.mark.parametrize("page", [{"message": "odd"}, [7], [{"id": "x"}], [{"state": 1}]])
def test_an_answer_that_is_no_list_of_reviews_is_not_an_empty_one(page) -> None:
    with forge_with([page]) as (forge, _), pytest.raises(ForgeError):
        forge.change_requests(7)
