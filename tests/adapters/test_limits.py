"""Rate limits in every form they come in (row 102): from an answer to a moment, and what everybody
does until then."""

import itertools
import threading
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import ForgeError
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.limits import LEAST_SECONDS, LEAST_UNNAMED_SECONDS, MOST_SECONDS, Limit, limit_of
from harness.forge.rate_limiter import Limited, RateLimiter
from tests.adapters.clock import NOON, StandingClock
from tests.adapters.spent import spent, spent_before
from tests.fakes.faulty_forge import inject

SPENT = {"x-ratelimit-remaining": "0"}
PRIMARY, SECONDARY = (
    '{"message": "API rate limit exceeded for x"}',
    '{"message": "You have exceeded a secondary rate limit."}',
)
NOT_ALLOWED = '{"message": "Resource not accessible by integration"}'
GRAPHQL = (
    '{"data": null, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}'
)


def at(seconds: float) -> str:
    return formatdate(NOON + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (403, {"retry-after": "30"}, SECONDARY, 30),
        (429, {"retry-after": "30"}, SECONDARY, 30),
        (429, {"retry-after": "0.5"}, SECONDARY, LEAST_SECONDS),
        (403, {"retry-after": "0"}, SECONDARY, LEAST_SECONDS),
        (403, {"retry-after": "-7"}, SECONDARY, LEAST_SECONDS),
        (403, {"retry-after": "1000000000"}, SECONDARY, MOST_SECONDS),
        (403, {"retry-after": "1e999"}, SECONDARY, LEAST_UNNAMED_SECONDS),
        (403, {"retry-after": "nan"}, SECONDARY, LEAST_UNNAMED_SECONDS),
        (403, {"retry-after": ""}, SECONDARY, LEAST_UNNAMED_SECONDS),
        (403, {"retry-after": "soon"}, SECONDARY, LEAST_UNNAMED_SECONDS),
        (403, {"retry-after": at(90)}, SECONDARY, 90),
        (403, {"retry-after": at(-90)}, SECONDARY, LEAST_SECONDS),
        (403, {"retry-after": at(90), "date": at(60)}, SECONDARY, 30),
        (403, {}, SECONDARY, LEAST_UNNAMED_SECONDS),
        (429, {}, "", LEAST_UNNAMED_SECONDS),
        (403, {**SPENT, "x-ratelimit-reset": str(int(NOON) + 600)}, PRIMARY, 600),
        (429, {**SPENT, "x-ratelimit-reset": str(int(NOON) + 600)}, PRIMARY, 600),
        (403, {**SPENT, "x-ratelimit-reset": str(int(NOON) + 600), "date": at(540)}, PRIMARY, 60),
        (403, {**SPENT, "x-ratelimit-reset": str(int(NOON) - 600)}, PRIMARY, LEAST_SECONDS),
        (403, {**SPENT, "x-ratelimit-reset": "99999999999999"}, PRIMARY, MOST_SECONDS),
        (403, {**SPENT, "x-ratelimit-reset": "never"}, PRIMARY, LEAST_UNNAMED_SECONDS),
        (403, SPENT, PRIMARY, LEAST_UNNAMED_SECONDS),
        (
            403,
            {**SPENT, "retry-after": "30", "x-ratelimit-reset": str(int(NOON) + 600)},
            PRIMARY,
            30,
        ),
        (200, {**SPENT, "x-ratelimit-reset": str(int(NOON) + 600)}, GRAPHQL, 600),
        (200, {}, GRAPHQL, LEAST_UNNAMED_SECONDS),
    ],
)
def test_what_is_a_limit_and_how_long_it_lasts(status, headers, body, seconds) -> None:
    limit = limit_of(status, headers, body, now=NOON)
    assert limit is not None
    assert limit.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (403, {"x-ratelimit-remaining": "17"}, NOT_ALLOWED),
        (403, {}, NOT_ALLOWED),
        (401, SPENT, '{"message": "Bad credentials"}'),
        (404, SPENT, '{"message": "Not Found"}'),
        (500, {}, SECONDARY),
        (200, SPENT, '{"body": "please wait a few minutes"}'),
        (200, {}, '{"data": {"node": {"title": "rate_limited"}}}'),
        (304, SPENT, ""),
    ],
)
def test_what_is_not_allowed_is_no_limit(status, headers, body) -> None:
    assert limit_of(status, headers, body, now=NOON) is None


@given(
    st.sampled_from([403, 429]),
    st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "date"]),
        st.text(max_size=40) | st.from_regex(r"-?[0-9]{1,20}(\.[0-9]+)?", fullmatch=True),
    ),
)
def test_no_answer_makes_anybody_wait_for_nothing_or_for_ever(status, headers) -> None:
    limit = limit_of(status, headers, SECONDARY, now=NOON)
    assert limit is not None
    assert LEAST_SECONDS <= limit.seconds <= MOST_SECONDS
    waits = [limit.after(times) for times in range(40)]
    assert waits == sorted(waits)
    assert waits[-1] == MOST_SECONDS


@pytest.fixture
def clock():
    return StandingClock()


def test_while_it_is_closed_nobody_passes_and_everybody_learns_until_when(clock) -> None:
    rate_limiter = RateLimiter(time=clock.time)
    rate_limiter.enter(writes=False)
    opens = rate_limiter.close(Limit(30, is_secondary=True)).again_at
    assert opens == datetime.fromtimestamp(NOON, UTC) + timedelta(seconds=30)
    for seconds in (0, 15, 14.9):
        clock.pass_(seconds)
        with pytest.raises(Limited) as raised:
            rate_limiter.enter(writes=False)
        assert raised.value.again_at == opens
    clock.pass_(0.2)
    rate_limiter.enter(writes=True)
    assert clock.slept == []


def test_setting_the_clock_opens_nothing_and_closes_nothing(clock) -> None:
    rate_limiter = RateLimiter(time=clock.time)
    rate_limiter.close(Limit(30, is_secondary=True))
    clock.now += 86_400
    with pytest.raises(Limited):
        rate_limiter.enter(writes=False)
    clock.now -= 7 * 86_400
    clock.pass_(31)
    rate_limiter.enter(writes=False)


def test_who_is_turned_away_again_waits_twice_as_long_until_something_is_answered(clock) -> None:
    rate_limiter, waits = RateLimiter(time=clock.time), []
    for _ in range(9):
        waits.append(
            (
                rate_limiter.close(Limit(60, is_secondary=True)).again_at
                - datetime.fromtimestamp(clock.now, UTC)
            ).seconds
        )
        clock.pass_(MOST_SECONDS)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    rate_limiter.answered()
    opens = rate_limiter.close(Limit(1, is_secondary=True)).again_at
    assert opens == datetime.fromtimestamp(clock.now + 1, UTC)


def test_a_limit_that_names_less_does_not_open_what_another_closed(clock) -> None:
    rate_limiter = RateLimiter(time=clock.time)
    rate_limiter.close(Limit(600, is_secondary=False))
    rate_limiter.close(Limit(1, is_secondary=True))
    clock.pass_(599)
    with pytest.raises(Limited):
        rate_limiter.enter(writes=False)


def test_not_all_come_back_at_the_same_moment(clock) -> None:
    clock.chance = 0.5
    opens = RateLimiter(time=clock.time).close(Limit(60, is_secondary=True)).again_at
    assert opens == datetime.fromtimestamp(NOON + 63, UTC)


def test_writes_are_a_second_apart_for_all_threads_together(clock) -> None:
    rate_limiter = RateLimiter(between=0.25, between_writes=1.0, time=clock.time)
    threads = [
        threading.Thread(target=rate_limiter.enter, kwargs={"writes": True}) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
        thread.join()
    assert clock.slept == [1.0, 1.0, 1.0]
    rate_limiter.enter(writes=False)
    assert clock.slept[3:] == [0.25]


@pytest.fixture
def adapter(place, clock):
    return GitHubForge(
        Access(place.name, place.factory.token, place.forge.api),
        rate_limiter=RateLimiter(time=clock.time),
    )


@pytest.mark.parametrize("kind", ["rate-limited", "secondary-limit", "too-many"])
def test_row_102_one_is_turned_away_and_nobody_asks_until_the_moment_it_names(
    place, adapter, clock, kind
) -> None:
    number = place.file("Reading")
    inject(place.forge, kind, path=f".*/{place.name}/issues/{number}", retry_after="7")
    with pytest.raises(ForgeError, match="rate limit") as raised:
        adapter.issue(number)
    before = spent_before(place)
    for ask in (
        lambda: adapter.issue(number),
        adapter.issues,
        lambda: adapter.close_issue(number, completed=True),
    ):
        with pytest.raises(ForgeError, match="it answers again at") as again:
            ask()
        assert (again.value.retryable, again.value.again_at) == (True, raised.value.again_at)
    assert spent(place) == before
    clock.pass_(7.1)
    assert adapter.issue(number).open


def test_row_102_graphqls_200_with_errors_is_a_limit_too(place, adapter) -> None:
    number = place.file("Pinned")
    inject(place.forge, "graphql-errors", path=r".*/graphql")
    with pytest.raises(ForgeError, match="rate limit") as raised:
        adapter.pin_issue(number)
    assert raised.value.again_at is not None


def test_two_adapters_of_one_account_share_a_limit(place) -> None:
    access = Access(place.name, place.owner.token, place.forge.api)
    inject(place.forge, "secondary-limit", path=f".*/{place.name}/issues", retry_after="1000")
    with pytest.raises(ForgeError, match="secondary rate limit"):
        GitHubForge(access).issues()
    with pytest.raises(ForgeError, match="secondary rate limit"):
        GitHubForge(access).issues()
    GitHubForge(Access(place.name, place.factory.token, place.forge.api)).issues()


def test_all_forms_of_a_limit_at_the_wire_end_within_an_hour(place, clock) -> None:
    number = place.file("Patience")
    for kind, wait in itertools.product(
        ("rate-limited", "secondary-limit"),
        ("0", "-5", "1000000000", "Wed, 21 Oct 2015 07:28:00 GMT", "", None),
    ):
        adapter = GitHubForge(
            Access(place.name, place.factory.token, place.forge.api),
            rate_limiter=RateLimiter(time=clock.time),
        )
        inject(place.forge, kind, path=f".*/{place.name}/issues/{number}", retry_after=wait)
        with pytest.raises(ForgeError) as raised:
            adapter.issue(number)
        waits = (raised.value.again_at - datetime.fromtimestamp(clock.now, UTC)).total_seconds()
        assert 0.9 <= waits <= MOST_SECONDS, (kind, wait)
        clock.pass_(waits + 0.1)
        assert adapter.issue(number).number == number
