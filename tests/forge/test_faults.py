"""The local forge's faults: each does what its name promises, to matching requests only."""

import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.fakes.faulty_forge import WHERE, inject
from tests.fakes.hours import HOUR, within_one

ANSWERED = [
    ("error-before", 502),
    ("unavailable", 503),
    ("unauthorized", 401),
    ("forbidden", 403),
    ("missing", 404),
    ("rate-limited", 403),
    ("secondary-limit", 403),
    ("too-many", 429),
    ("garbled", 200),
    ("graphql-errors", 200),
]


@pytest.fixture
def path(place) -> str:
    """Comments of an issue of the test's own, so that no other test's requests are hit."""
    return f"/issues/{place.file('Cancelled bookings keep their places')}/comments"


def whole(place, path) -> str:
    return f"/api/v3/repos/{place.name}{path}"


def comments(place, path):
    return [one["body"] for one in place.api("GET", path).json()]


def say(place, path, body="hello"):
    return place.api("POST", path, by=place.person("ana"), json={"body": body})


@pytest.mark.parametrize(("kind", "status"), ANSWERED)
def test_a_fault_that_answers_carries_nothing_out(place, path, kind, status) -> None:
    inject(place.forge, kind, method="POST", path=whole(place, path))
    assert say(place, path).status_code == status
    assert comments(place, path) == []
    assert say(place, path).status_code == 201


def test_an_error_after_success_has_carried_it_out(place, path) -> None:
    inject(place.forge, "error-after", method="POST", path=whole(place, path))
    assert say(place, path).status_code == 500
    assert comments(place, path) == ["hello"]


@pytest.mark.parametrize(("kind", "there"), [("cut", ["hello"]), ("cut-before", [])])
def test_a_connection_that_is_cut_leaves_the_client_without_an_answer(
    place, path, kind, there
) -> None:
    inject(place.forge, kind, method="POST", path=whole(place, path))
    # End of stream or reset: the kernel decides which is seen.
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        say(place, path)
    assert comments(place, path) == there


def test_a_list_that_lags_shows_what_it_showed_before(place, path) -> None:
    before = comments(place, path)
    inject(place.forge, "stale", method="GET", path=whole(place, path), count=2)
    say(place, path)
    assert [comments(place, path) for _ in range(3)] == [before, before, ["hello"]]


def test_a_list_that_nobody_read_before_lags_from_now_on(place, path) -> None:
    inject(place.forge, "stale", method="GET", path=whole(place, path), count=2)
    first = comments(place, path)
    say(place, path)
    assert [first, comments(place, path), comments(place, path)] == [[], [], ["hello"]]


def test_a_lying_etag_answers_unchanged_to_whoever_sends_one(place, path) -> None:
    etag = place.api("GET", path).headers["etag"]
    say(place, path)
    inject(place.forge, "unchanged", method="GET", path=whole(place, path), count=2)
    assert place.api("GET", path, headers={"If-None-Match": etag}).status_code == 304
    assert comments(place, path) == ["hello"]
    assert place.api("GET", path, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("seconds", [0, 3600, -3600])
def test_a_clock_that_is_wrong_is_wrong_in_the_date(place, path, seconds) -> None:
    inject(place.forge, "clock", path=whole(place, path), seconds=seconds)
    answer = place.api("GET", path)
    dates = answer.headers.get_list("date")
    assert len(dates) == 1
    assert abs(parsedate_to_datetime(dates[0]).timestamp() - time.time() - seconds) < 120
    assert answer.status_code == 200


def test_a_slow_answer_is_the_answer(place, path) -> None:
    inject(place.forge, "slow", method="POST", path=whole(place, path), seconds=0.3)
    began = time.monotonic()
    assert say(place, path).status_code == 201
    assert time.monotonic() - began >= 0.3


def test_a_rate_limit_names_its_end(place, path) -> None:
    inject(place.forge, "rate-limited", method="POST", path=whole(place, path), retry_after="7")
    within_one(HOUR)
    result = say(place, path).headers
    assert (result["x-ratelimit-remaining"], result["retry-after"]) == ("0", "7")
    assert 0 < int(result["x-ratelimit-reset"]) - time.time() <= 3600 + 60


def test_headers_of_the_tests_own_go_into_the_answer(place, path) -> None:
    inject(
        place.forge,
        "forbidden",
        method="POST",
        path=whole(place, path),
        headers={"X-Accepted-GitHub-Permissions": "issues=write"},
    )
    assert say(place, path).headers["x-accepted-github-permissions"] == "issues=write"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "unknown"},
        {"kind": "slow", "path": "("},
        {"kind": "slow", "colour": "red"},
        {"kind": "slow", "headers": [1]},
        {"kind": "slow", "headers": {"a b": "c"}},
        {"kind": "slow", "headers": {"a": "b\r\nc: d"}},
    ],
)
def test_what_is_no_fault_is_refused_by_name(place, fault) -> None:
    result = place.ask(
        "POST",
        WHERE,
        json=fault,
        headers={"Authorization": f"Bearer {place.forge.admin_token.read_text().strip()}"},
    )
    assert result.status_code == 422, result.text
    assert "fault" in result.text.lower() or "kind must be one of" in result.text
