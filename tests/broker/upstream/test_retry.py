"""When the provider is asked again: every kind of Retry-After, and what each failure costs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import prices
from harness.programs.broker.providers import ANTHROPIC, Provider
from harness.programs.broker.upstream.breaker import BreakerStore, ProviderBreaker
from harness.programs.broker.upstream.client import Upstream
from harness.programs.broker.upstream.failure import ProviderFailure
from harness.programs.broker.upstream.retry import CAP, TRIES, requested_wait, wait_before_retry
from harness.programs.broker.wires.registry import MESSAGES
from tests.agents.conftest import KEY, Answer, message, text
from tests.agents.conftest import Provider as Endpoint

# Mon, 02 Nov 2026 12:00:00 GMT
NOON = 1_793_620_800.0
TOO_LONG = None
TABLE = {
    "absent, once": ({}, 1, 1),
    "absent, twice": ({}, 2, 2),
    "absent, thrice": ({}, 3, 4),
    "empty": ({"retry-after": ""}, 2, 2),
    "zero": ({"retry-after": "0"}, 3, 1),
    "negative": ({"retry-after": "-5"}, 3, 1),
    "seconds": ({"retry-after": "7"}, 1, 7),
    "a fraction": ({"retry-after": "2.5"}, 1, 2.5),
    "less than a second": ({"retry-after": "0.2"}, 1, 1),
    "as long as we wait": ({"retry-after": "60"}, 1, CAP),
    "longer": ({"retry-after": "61"}, 1, TOO_LONG),
    "absurd": ({"retry-after": "1000000000"}, 1, TOO_LONG),
    "infinite": ({"retry-after": "inf"}, 1, TOO_LONG),
    "no number": ({"retry-after": "nan"}, 2, 2),
    "words": ({"retry-after": "in a while"}, 2, 2),
    "a date ahead": ({"retry-after": "Mon, 02 Nov 2026 12:00:30 GMT"}, 1, 30),
    "a date with a zone": ({"retry-after": "Mon, 02 Nov 2026 13:00:30 +0100"}, 1, 30),
    "a date that is past": ({"retry-after": "Mon, 02 Nov 2026 11:00:00 GMT"}, 3, 1),
    "a date in another age": ({"retry-after": "Mon, 02 Nov 2099 11:00:00 GMT"}, 1, TOO_LONG),
    "a date that is none": ({"retry-after": "Mon, 99 Nov 2026 12:00:30 GMT"}, 2, 2),
    "a date beyond all years": ({"retry-after": f"Mon, 02 Nov {10**20} 12:00:30 GMT"}, 2, 2),
    "a date beyond all zones": ({"retry-after": f"Mon, 02 Nov 2026 12:00:30 +{10**20}"}, 2, 2),
    "milliseconds": ({"retry-after-ms": "2500"}, 1, 2.5),
    "milliseconds go before seconds": ({"retry-after-ms": "2500", "retry-after": "50"}, 1, 2.5),
    "milliseconds that are none": ({"retry-after-ms": "soon", "retry-after": "5"}, 1, 5),
    "the last try": ({"retry-after": "1"}, TRIES, None),
}


@pytest.mark.parametrize(("headers", "tried", "seconds"), TABLE.values(), ids=TABLE)
def test_the_pause(headers: dict[str, str], tried: int, seconds: float | None) -> None:
    wanted = requested_wait(headers, now=NOON)
    assert wait_before_retry(wanted, tried, jitter=0) == seconds
    if seconds is not None:
        jittered = wait_before_retry(wanted, tried, jitter=0.99)
        assert jittered is not None
        assert seconds <= jittered <= min(CAP, seconds * 1.25)


def answer(status: int, **headers: str) -> Answer:
    return Answer(
        {"type": "error", "error": {"type": "api_error", "message": "no"}},
        status=status,
        headers=headers,
    )


class Run:
    """One request through an Upstream whose clock stands still and whose sleep takes no time."""

    def __init__(self, url: str, folder: Path) -> None:
        self.slept: list[float] = []
        self.held_again = 0
        self._url, self._folder = url, folder

    def __call__(self) -> Any:
        return asyncio.run(self._whole())

    def again(self) -> None:
        self.held_again += 1

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def _whole(self) -> Any:
        meter = Meter(self._folder / "broker.sqlite", prices())
        breaker = ProviderBreaker(
            "acme", BreakerStore(meter.engine), clock=lambda: NOON, notify=lambda words: None
        )
        upstream = Upstream(
            Provider("acme", ANTHROPIC, self._url),
            KEY,
            breaker,
            clock=lambda: NOON,
            sleep=self.sleep,
            jitter=lambda: 0,
        )
        try:
            return await upstream.whole(MESSAGES, {"model": "m"}, issue=1, again=self.again)
        finally:
            await upstream.close()
            meter.close()


@pytest.fixture
def run(provider: Endpoint, tmp_path: Path) -> Run:
    return Run(provider.url, tmp_path)


def test_it_waits_as_asked_and_then_succeeds(provider: Endpoint, run: Run) -> None:
    provider.plan(
        answer(429, **{"retry-after": "7"}),
        answer(529),
        answer(503, **{"retry-after": "-1"}),
        message(text("ok")),
    )
    assert run()["content"] == [text("ok")]
    assert run.slept == [7, 2, 1]
    # an overload is not billed
    assert run.held_again == 0


def test_a_failure_that_may_have_been_billed_is_held_for_again(
    provider: Endpoint, run: Run
) -> None:
    provider.plan(answer(500), answer(504), message(text("ok")))
    run()
    assert run.held_again == 2


def test_it_gives_up_after_four_tries_with_the_providers_own_answer(
    provider: Endpoint, run: Run
) -> None:
    provider.plan(*[answer(429, **{"retry-after": "9"})] * TRIES)
    with pytest.raises(ProviderFailure) as failed:
        run()
    assert (failed.value.status, failed.value.free) == (429, True)
    assert run.slept == [9] * 3


@pytest.mark.parametrize(
    "headers", [{"retry-after": "3600"}, {"retry-after": "1e9"}, {"x-should-retry": "false"}]
)
def test_it_does_not_wait_too_long_nor_when_asked_not_to(
    provider: Endpoint, run: Run, headers: dict[str, str]
) -> None:
    provider.plan(answer(429, **headers))
    with pytest.raises(ProviderFailure):
        run()
    assert run.slept == []


@pytest.mark.parametrize("status", [400, 403, 413, 418, 422])
def test_what_retrying_cannot_help_is_asked_once(provider: Endpoint, run: Run, status: int) -> None:
    provider.plan(answer(status))
    with pytest.raises(ProviderFailure) as failed:
        run()
    assert (failed.value.status, run.slept) == (status, [])


def test_a_provider_that_is_not_there_costs_nothing(tmp_path: Path) -> None:
    run = Run("http://127.0.0.1:9", tmp_path)
    with pytest.raises(ProviderFailure, match="no connection to it can be made") as failed:
        run()
    assert (failed.value.free, len(run.slept), run.held_again) == (True, 3, 0)


RUBBISH: list[Callable[[], Answer]] = [
    lambda: Answer(pieces=[b"<html>"]),
    lambda: Answer(pieces=[b"[1]"]),
    lambda: Answer(pieces=[b"\xff"]),
    lambda: Answer(pieces=[b"{}"], headers={"content-length": "9"}),
    lambda: Answer(pieces=[b"[" * 200_000]),
    lambda: Answer(pieces=[b"\x1f\x8b\x08"], headers={"content-encoding": "gzip"}),
]


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_an_answer_that_cannot_be_read_may_have_been_billed_and_is_not_asked_for_again(
    provider: Endpoint, run: Run, rubbish: Callable[[], Answer]
) -> None:
    """Where the broker's own call is answered, it is this one answer that cannot be read."""
    provider.plan(rubbish())
    provider.otherwise = Answer(message(text(".")))
    with pytest.raises(ProviderFailure, match="cut or cannot be read") as failed:
        run()
    assert (failed.value.free, run.slept) == (False, [])


def test_an_error_page_of_a_proxy_is_shown_in_part(provider: Endpoint, run: Run) -> None:
    provider.plan(Answer(pieces=[b"<html>" + b"x" * 10_000], status=403))
    with pytest.raises(ProviderFailure, match="the provider answered: <html>xxx") as failed:
        run()
    assert len(failed.value.message) < 300
