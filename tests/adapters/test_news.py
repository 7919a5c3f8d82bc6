"""What is new: nothing that changed is left out, whatever the hour, and what did not change is not
sent."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.issue_changes import (
    OVERLAP,
    YOUNG,
    Cursor,
    began,
    cursor_in,
    new_since,
)
from tests.adapters.spent import spent, spent_before
from tests.adapters.worlds import FakeWorld, RealWorld

START = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)


@pytest.fixture(params=["fake", "embedded"])
def world(request):
    return FakeWorld() if request.param == "fake" else RealWorld(request.getfixturevalue("place"))


def numbers(news):
    return [issue.number for issue in news.issues]


def test_the_first_look_shows_all_that_is_open_and_tells_pull_requests_apart(world) -> None:
    left, closed = world.file("Left open"), world.file("Closed")
    world.close(closed)
    world.push("factory/issue-1")
    pull = world.forge.open_pull_request(
        branch="factory/issue-1", base="main", title="#1: a change", body="x"
    )
    news = world.forge.news()
    assert numbers(news) == [left]
    assert news.pull_requests == (pull.number,)


@pytest.mark.parametrize("happens", ["a comment", "a closing", "a label", "a new issue"])
def test_whatever_happens_to_an_issue_is_news_to_who_looked_before(world, happens) -> None:
    first = world.file("The first")
    cursor = world.forge.news().cursor
    match happens:
        case "a comment":
            world.say(first, "Me too")
        case "a closing":
            world.close(first)
        case "a label":
            world.forge.set_state_label(first, "factory:triage", among=("factory:triage",))
        case _:
            first = world.file("The second")
    news = world.forge.news(cursor)
    assert first in numbers(news)
    assert {issue.number: issue for issue in news.issues}[first] == world.forge.issue(first)


def test_a_push_to_a_pull_request_is_news(world) -> None:
    world.push("factory/issue-1")
    pull = world.forge.open_pull_request(
        branch="factory/issue-1", base="main", title="#1: a change", body="x"
    )
    cursor = world.forge.news().cursor
    world.push("factory/issue-1")
    assert pull.number in world.forge.news(cursor).pull_requests


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "{}",
        "[]",
        '{"since": 7, "seen": {}}',
        '{"since": "2030-01-01", "seen": {"x": 1}}',
    ],
)
def test_a_cursor_of_another_making_counts_as_none(place, cursor) -> None:
    number = place.file("There")
    assert numbers(adapter(place).news(cursor)) == [number]


def adapter(place, **more):
    return GitHubForge(Access(place.name, place.factory.token, place.forge.api, **more))


def test_a_look_at_what_did_not_change_is_free(place) -> None:
    """The forge answers 304: no body, and nothing of the hour's allowance."""
    place.file("Still")
    reader = adapter(place)
    cursor = json.dumps({"since": "2030-01-01T00:00:00+00:00", "seen": {}})
    for _ in range(2):
        news = reader.news(cursor)
        assert (news.issues, news.pull_requests) == ((), ())
        cursor = news.cursor
    before = spent_before(place)
    for _ in range(5):
        cursor = reader.news(cursor).cursor
    assert spent(place) == before


def test_the_address_stays_while_nothing_happens_and_moves_on_when_something_is_behind() -> None:
    cursor = Cursor(START)
    for minute in range(5):
        new, cursor = new_since(cursor, (), at=START + timedelta(minutes=minute))
        assert (new, cursor.since) == (frozenset(), START)
    item = {"number": 1, "updated_at": "2030-05-04T02:30:00Z", "title": "x"}
    new, cursor = new_since(cursor, [item], at=START + timedelta(minutes=13, seconds=5))
    assert (new, cursor.since, set(cursor.seen)) == ({1}, START, {1})
    new, cursor = new_since(cursor, [item], at=START + timedelta(minutes=14))
    assert (new, cursor.since, dict(cursor.seen)) == (
        frozenset(),
        START + timedelta(minutes=14) - OVERLAP,
        {},
    )


def test_what_has_only_just_happened_is_told_once_more() -> None:
    """Two changes of the same second may look alike: an edited comment is one."""
    item = {"number": 1, "updated_at": "2030-05-04T02:17:00Z"}
    new, cursor = new_since(None, [item], at=START)
    assert new == {1}
    new, cursor = new_since(cursor, [item], at=START + YOUNG)
    assert new == {1}
    new, _ = new_since(cursor, [item], at=START + YOUNG)
    assert new == frozenset()


@pytest.mark.parametrize("lag", [0, 3, 9])
def test_a_change_that_a_list_shows_seconds_late_is_not_passed_by(lag) -> None:
    """Another change, of a minute before, had moved the cursor on meanwhile."""
    earlier = {"number": 1, "updated_at": "2030-05-04T02:17:00Z"}
    late = {"number": 2, "updated_at": "2030-05-04T02:18:00Z"}
    _, cursor = new_since(None, [earlier], at=START)
    new, cursor = new_since(cursor, [earlier], at=START + timedelta(seconds=60 + lag))
    assert cursor.since <= START + timedelta(seconds=60)
    new, _ = new_since(cursor, [late], at=START + timedelta(seconds=61 + lag))
    assert new == {2}


def test_without_a_date_the_newest_item_tells_the_hour() -> None:
    items = [{"number": 1, "updated_at": "2030-05-04T02:17:00Z"}]
    assert began("", items) == began("tomorrow", items) == START
    assert began("", []) < START


CHANGES = st.lists(st.tuples(st.integers(1, 4), st.floats(0, 40)), min_size=1, max_size=25)
LOOKS = st.lists(st.floats(0, 15), min_size=1, max_size=25)


@given(changes=CHANGES, looks=LOOKS, lag=st.floats(0, 5), skew=st.floats(-1e6, 1e6))
def test_every_change_is_told_at_the_next_look_or_the_one_after_the_list_has_caught_up(
    changes, looks, lag, skew
) -> None:
    """A list that lags by up to five seconds, moments of whole seconds, and whatever hour it is
    here."""
    said, cursor, now, told = {}, None, 0.0, {}
    pending = sorted((when, number, turn) for turn, (number, when) in enumerate(changes))
    ends = max(when for when, _, _ in pending)
    for wait in [*looks, 60.0, 0.5]:
        now += wait
        shown = [change for change in pending if change[0] + lag <= now]
        said = {number: (when, turn) for when, number, turn in shown}
        items = [
            {"number": number, "updated_at": stamp(when + skew), "turn": turn}
            for number, (when, turn) in said.items()
        ]
        at = START + timedelta(seconds=now + skew)
        answer = [
            item
            for item in items
            if cursor is None or datetime.fromisoformat(item["updated_at"]) >= cursor.since
        ]
        new, cursor = new_since(cursor, answer, at=at.replace(microsecond=0))
        told |= {item["number"]: item["turn"] for item in answer if item["number"] in new}
    assert now > ends
    assert told == {number: turn for number, (_, turn) in said.items()}


def stamp(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@given(
    st.dictionaries(
        st.integers(1, 10**6), st.text("0123456789abcdef", min_size=16, max_size=16), max_size=9
    ),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
)
def test_a_cursor_is_read_as_it_was_written(seen, since) -> None:
    cursor = Cursor(since.replace(microsecond=0, tzinfo=UTC), seen)
    assert cursor_in(cursor.text) == cursor
