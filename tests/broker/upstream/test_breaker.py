"""One breaker for each provider: what opens it, for how long, and that it is known to the next
broker."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import prices
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.upstream.breaker import (
    FAILURES_TO_OPEN,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PROBE_SECONDS,
    BreakerStore,
    ProviderBreaker,
    seconds_open,
)
from harness.programs.broker.upstream.faults import (
    NO_CONNECTION,
    OTHER_API,
    ProviderFault,
    provider_fault,
)
from tests.agents.conftest import SECONDS

ABOUT_THE_PROVIDER = {
    "a key that is not taken": (
        401,
        "authentication_error",
        "invalid x-api-key",
        ProviderFault.ACCESS,
    ),
    "nothing is paid for": (402, "billing_error", "pay", ProviderFault.QUOTA),
    "a quota that is used up, said with 429": (
        429,
        "insufficient_quota",
        "You exceeded your current quota",
        ProviderFault.QUOTA,
    ),
    "no credit, said with 400": (
        400,
        "invalid_request_error",
        "Your credit balance is too low to go on.",
        ProviderFault.QUOTA,
    ),
    "a limit of billing, said with 400": (
        400,
        "billing_hard_limit_reached",
        "limit",
        ProviderFault.QUOTA,
    ),
    "a rate": (429, "rate_limit_error", "slow down", ProviderFault.OVERLOAD),
    "an overload": (529, "overloaded_error", "Overloaded", ProviderFault.OVERLOAD),
    "not available": (503, "api_error", "down", ProviderFault.OVERLOAD),
    "an error of its own": (500, "api_error", "oops", ProviderFault.FAILING),
    "a gateway's": (502, "api_error", "oops", ProviderFault.FAILING),
    "no answer in time": (504, "timeout_error", "late", ProviderFault.FAILING),
    "no credit, in words of the request": (
        400,
        "invalid_request_error",
        "no tool 'credit balance is too low'",
        None,
    ),
    "a request that is wrong": (400, "invalid_request_error", "max_tokens", None),
    "a model that is not there": (404, "not_found_error", "model: claude-0", ProviderFault.MODEL),
    "the same, on the other wire": (404, "model_not_found", "no access", ProviderFault.MODEL),
    "the same, of a project's key": (403, "model_not_found", "no access", ProviderFault.MODEL),
    "the same, of a gateway": (
        400,
        "api_error",
        "acme/none is not a valid model ID",
        ProviderFault.MODEL,
    ),
    "a path that is not there": (404, "not_found_error", "Not Found", ProviderFault.ENDPOINT),
    "a page that says model": (
        404,
        "api_error",
        "the provider answered: <h1>no model here</h1>",
        ProviderFault.ENDPOINT,
    ),
    "a path that takes no POST": (405, "api_error", "", ProviderFault.ENDPOINT),
    "an answer of another API": (502, OTHER_API, "200 with a web page", ProviderFault.ENDPOINT),
    "what it does not implement": (501, "api_error", "<html>", ProviderFault.UNIMPLEMENTED),
    "nobody who listens": (502, NO_CONNECTION, "ConnectError", ProviderFault.UNREACHABLE),
    "a model that our key may not use": (
        403,
        "permission_error",
        "Your account has no access",
        ProviderFault.PERMISSION,
    ),
    "a text that a moderator stopped": (403, "forbidden", "flagged", None),
    "too large": (413, "request_too_large", "large", None),
}


@pytest.mark.parametrize(
    ("status", "kind", "message", "found"), ABOUT_THE_PROVIDER.values(), ids=ABOUT_THE_PROVIDER
)
def test_a_providers_fault_is_not_taken_for_a_requests_fault(
    status: int, kind: str, message: str, found: ProviderFault | None
) -> None:
    assert provider_fault(status, kind, message) is found


@pytest.mark.parametrize("found", ProviderFault)
def test_each_further_failure_doubles_the_pause_up_to_an_hour(found: ProviderFault) -> None:
    pauses = [seconds_open(found, failures, wanted=None) for failures in range(1, 60)]
    before = FAILURES_TO_OPEN[found] - 1
    assert pauses[:before] == [0] * before
    assert pauses[before : before + 2] == [FIRST_PAUSE[found], 2 * FIRST_PAUSE[found]]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        (None, 60),
        (0, 60),
        (-5, 60),
        (90.0, 90),
        (1e9, LONGEST_PAUSE),
        (float("inf"), LONGEST_PAUSE),
    ],
)
def test_a_provider_may_ask_for_more_and_never_for_ever(
    wanted: float | None, seconds: float
) -> None:
    assert seconds_open(ProviderFault.OVERLOAD, 1, wanted=wanted) == seconds


class Stand:
    """Brokers that come one after the other, over one store."""

    def __init__(self, file: Path) -> None:
        self.at, self.notices = 1_000.0, list[str]()
        self._meter = Meter(file, prices())

    def breaker(self, *, probe_seconds: float = PROBE_SECONDS) -> ProviderBreaker:
        return ProviderBreaker(
            "acme",
            BreakerStore(self._meter.engine),
            clock=lambda: self.at,
            notify=self.notices.append,
            probe_seconds=probe_seconds,
        )

    def close(self) -> None:
        self._meter.close()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with closing(Stand(tmp_path / "broker.sqlite")) as found:
        yield found


async def admitted(breaker: ProviderBreaker) -> None:
    async with breaker.admitted(2):
        pass


def fails(
    breaker: ProviderBreaker, found: ProviderFault, why: str, *, issues: tuple[int, ...] = (1, 2)
) -> Refusal | None:
    """A call for each of these issues; what the last of them raises."""
    return [breaker.failed(found, why, issue=issue, wanted=None) for issue in issues][-1]


def test_while_it_is_open_every_call_is_refused_with_the_time_of_its_end(
    stand: Stand,
) -> None:
    breaker = stand.breaker()
    asyncio.run(admitted(breaker))
    fails(breaker, ProviderFault.OVERLOAD, "it is overloaded")
    with pytest.raises(Refusal) as refused:
        asyncio.run(admitted(breaker))
    assert (refused.value.kind, refused.value.status, refused.value.retry_after) == (
        "factory_paused",
        503,
        "60",
    )
    assert refused.value.about == {"cause": "provider", "again_at": "1970-01-01T00:17:40+00:00"}
    assert refused.value.free
    assert refused.value.final
    assert breaker.document() == {
        "provider": "acme",
        "again_at": "1970-01-01T00:17:40+00:00",
        "why": "it is overloaded",
    }
    assert stand.notices == [
        (
            "the model provider acme is not asked for issue 1 before 1970-01-01T00:17:40+00:00: it"
            " is overloaded"
        ),
        "the model provider acme is not asked before 1970-01-01T00:17:40+00:00: it is overloaded",
    ]
    stand.at += 60
    assert breaker.document() is None
    asyncio.run(admitted(breaker))


def confirmed(breaker: ProviderBreaker, why: str, issue: int = 1) -> Refusal:
    refusal = breaker.failed(ProviderFault.ACCESS, why, issue=issue, wanted=None, is_confirmed=True)
    assert refusal is not None
    return refusal


def test_what_our_own_call_met_too_pauses_everybody_at_once_and_is_told_once(
    stand: Stand,
) -> None:
    """However often it is tried in vain, also by the next broker; something else is told anew."""
    for number in range(20):
        refusal = confirmed(stand.breaker(), "it does not accept our key (401)")
        assert refusal.about["cause"] == "provider"
        # Another session that meets the same at the same moment changes nothing.
        before = stand.breaker().document()
        confirmed(stand.breaker(), "it does not accept our key (401)", issue=2)
        assert stand.breaker().document() == before
        assert stand.breaker().pause(3) is not None
        assert float(refusal.retry_after or 0) == min(600 * 2**number, LONGEST_PAUSE)
        stand.at += LONGEST_PAUSE
    assert stand.notices == [
        (
            "the model provider acme is not asked before 1970-01-01T00:26:40+00:00: it does not"
            " accept our key (401)"
        )
    ]
    confirmed(stand.breaker(), "it has no model claude-0 (404)")
    assert len(stand.notices) == 2
    stand.at += LONGEST_PAUSE
    stand.breaker().succeeded(1)
    confirmed(stand.breaker(), "it has no model claude-0 (404)")
    assert len(stand.notices) == 3


def test_the_next_broker_knows_it_and_counts_on(stand: Stand) -> None:
    fails(stand.breaker(), ProviderFault.OVERLOAD, "it is overloaded")
    again = stand.breaker()
    assert again.pause(3) is not None
    stand.at += 60
    assert fails(again, ProviderFault.OVERLOAD, "it still is").retry_after == "120"
    again.succeeded(1)
    again.succeeded(2)
    assert stand.breaker().pause(2) is None
    assert fails(stand.breaker(), ProviderFault.OVERLOAD, "once more").retry_after == "60"


def test_failures_that_may_be_those_of_a_request_open_it_at_the_third_in_a_row(
    stand: Stand,
) -> None:
    breaker = stand.breaker()
    for _ in range(2):
        assert fails(breaker, ProviderFault.FAILING, "500") is None
    breaker.succeeded(1)
    breaker.succeeded(2)
    for _ in range(2):
        assert fails(breaker, ProviderFault.FAILING, "500") is None
    assert stand.notices == []
    assert fails(breaker, ProviderFault.FAILING, "500") is not None
    assert breaker.document() is not None


@pytest.mark.parametrize("answers", [True, False])
def test_after_a_pause_one_call_goes_first_and_the_others_wait_for_what_becomes_of_it(
    stand: Stand, answers: bool
) -> None:
    breaker = stand.breaker()
    fails(breaker, ProviderFault.OVERLOAD, "it is overloaded")
    stand.at += 60
    order: list[str] = []

    async def first(go: asyncio.Event) -> None:
        async with breaker.admitted(1):
            order.append("first")
            await go.wait()
            if answers:
                breaker.answers()
            else:
                fails(breaker, ProviderFault.OVERLOAD, "still")

    async def second() -> None:
        async with breaker.admitted(2):
            order.append("second")

    async def both() -> list[BaseException | None]:
        go = asyncio.Event()
        one = asyncio.create_task(first(go))
        await asyncio.sleep(0)
        other = asyncio.create_task(second())
        for _ in range(5):
            await asyncio.sleep(0)
        assert order == ["first"]
        go.set()
        return await asyncio.gather(one, other, return_exceptions=True)

    one, other = asyncio.run(both())
    assert one is None
    assert (
        (order, other) == (["first", "second"], None)
        if answers
        else (order == ["first"] and isinstance(other, Refusal))
    )


async def hanging(breaker: ProviderBreaker, issue: int) -> asyncio.Task[None]:
    """A call that was let in, and is never answered."""

    async def hangs() -> None:
        async with breaker.admitted(issue):
            await asyncio.Event().wait()

    one = asyncio.create_task(hangs())
    await asyncio.sleep(0)
    return one


def test_a_first_call_that_takes_its_time_holds_nobody_up_for_ever(stand: Stand) -> None:
    breaker = stand.breaker(probe_seconds=0.0)
    fails(breaker, ProviderFault.OVERLOAD, "it is overloaded")
    stand.at += 60

    async def slow() -> None:
        one = await hanging(breaker, 1)
        await asyncio.wait_for(admitted(breaker), SECONDS)
        one.cancel()

    asyncio.run(slow())


def test_a_first_call_that_is_given_up_makes_room_for_another(stand: Stand) -> None:
    breaker = stand.breaker()
    fails(breaker, ProviderFault.OVERLOAD, "it is overloaded")
    stand.at += 60

    async def given_up() -> None:
        one = await hanging(breaker, 2)
        one.cancel()
        await asyncio.wait_for(admitted(breaker), SECONDS)

    asyncio.run(given_up())
