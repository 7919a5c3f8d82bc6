"""When the provider is asked again: every kind of Retry-After, and what each failure costs."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from harness.agents.broker.retry import CAP, pause
from harness.agents.broker.upstream import Failed, Upstream
from tests.agents.conftest import KEY, Answer, Provider, message, text

NOON = 1_793_620_800.0     # Mon, 02 Nov 2026 12:00:00 GMT
TABLE = {
    "absent, once": (None, 1, 1),
    "absent, twice": (None, 2, 2),
    "absent, thrice": (None, 3, 4),
    "absent, for long": (None, 30, CAP),
    "empty": ("", 2, 2),
    "zero": ("0", 3, 1),
    "negative": ("-5", 3, 1),
    "seconds": ("7", 1, 7),
    "a fraction": ("2.5", 1, 2.5),
    "less than a second": ("0.2", 1, 1),
    "absurd": ("1000000000", 1, CAP),
    "infinite": ("inf", 1, CAP),
    "no number": ("nan", 2, 2),
    "words": ("in a while", 2, 2),
    "a date ahead": ("Mon, 02 Nov 2026 12:00:30 GMT", 1, 30),
    "a date with a zone": ("Mon, 02 Nov 2026 13:00:30 +0100", 1, 30),
    "a date that is past": ("Mon, 02 Nov 2026 11:00:00 GMT", 3, 1),
    "a date in another age": ("Mon, 02 Nov 2099 11:00:00 GMT", 1, CAP),
    "a date that is none": ("Mon, 99 Nov 2026 12:00:30 GMT", 2, 2),
}


@pytest.mark.parametrize(("header", "tried", "seconds"), TABLE.values(), ids=TABLE)
def test_the_pause(header: str | None, tried: int, seconds: float) -> None:
    assert pause(header, tried, now=NOON, jitter=0) == seconds
    assert seconds <= pause(header, tried, now=NOON, jitter=0.99) <= min(CAP, seconds * 1.25)


def answer(status: int, **headers: str) -> Answer:
    return Answer({"type": "error", "error": {"type": "api_error", "message": "no"}}, status=status, headers=headers)


class Run:
    """One request through an Upstream whose clock stands still and whose sleep takes no time."""

    def __init__(self, url: str) -> None:
        self.slept: list[float] = []
        self.held_again = 0
        self._url = url

    def __call__(self) -> Any:
        return asyncio.run(self._whole())

    def again(self) -> None:
        self.held_again += 1

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def _whole(self) -> Any:
        upstream = Upstream(self._url, KEY, clock=lambda: NOON, sleep=self.sleep, jitter=lambda: 0)
        try:
            return await upstream.whole("/v1/messages", {"model": "m"}, again=self.again)
        finally:
            await upstream.close()


@pytest.fixture
def run(provider: Provider) -> Run:
    return Run(provider.url)


def test_it_waits_as_it_is_told_and_then_succeeds(provider: Provider, run: Run) -> None:
    provider.plan(answer(429, **{"retry-after": "7"}), answer(529), answer(503, **{"retry-after": "-1"}), message(text("ok")))
    assert run()["content"] == [text("ok")]
    assert run.slept == [7, 2, 1]
    assert run.held_again == 0      # an overload is not billed


def test_a_failure_that_may_have_been_billed_is_held_for_again(provider: Provider, run: Run) -> None:
    provider.plan(answer(500), answer(504), message(text("ok")))
    run()
    assert run.held_again == 2


def test_it_gives_up_after_four_tries_with_the_providers_own_answer(provider: Provider, run: Run) -> None:
    provider.plan(*[answer(429, **{"retry-after": "3600"})] * 4)
    with pytest.raises(Failed) as failed:
        run()
    assert (failed.value.status, failed.value.retry_after, failed.value.free) == (429, "3600", True)
    assert run.slept == [CAP] * 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 418, 501])
def test_what_retrying_cannot_help_is_asked_once(provider: Provider, run: Run, status: int) -> None:
    provider.plan(answer(status))
    with pytest.raises(Failed) as failed:
        run()
    assert (failed.value.status, run.slept) == (status, [])


def test_a_provider_that_is_not_there_costs_nothing() -> None:
    run = Run("http://127.0.0.1:9")
    with pytest.raises(Failed, match="did not answer") as failed:
        run()
    assert (failed.value.free, len(run.slept), run.held_again) == (True, 3, 0)


RUBBISH: list[Callable[[], Answer]] = [
    lambda: Answer(pieces=[b"<html>"]), lambda: Answer(pieces=[b"[1]"]), lambda: Answer(pieces=[b"\xff"]),
    lambda: Answer(pieces=[b"{}"], headers={"content-length": "9"}),
]


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_an_answer_that_cannot_be_read_may_have_been_billed_and_is_not_asked_for_again(
        provider: Provider, run: Run, rubbish: Callable[[], Answer]) -> None:
    provider.plan(rubbish())
    with pytest.raises(Failed, match="cut or cannot be read") as failed:
        run()
    assert (failed.value.free, run.slept) == (False, [])


def test_an_error_page_of_a_proxy_is_told_in_part(provider: Provider, run: Run) -> None:
    provider.plan(Answer(pieces=[b"<html>" + b"x" * 10_000], status=404))
    with pytest.raises(Failed, match="the provider answered: <html>xxx") as failed:
        run()
    assert len(failed.value.message) < 300
