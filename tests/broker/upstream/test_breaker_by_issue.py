"""One session's errors pause its own issue; every other issue waits on the evidence of at least
two, and of nothing less.

The attack: an implementer that obeys a stranger provokes errors of the provider, on purpose and
again and again. Each of its neighbours is a way in which the sandbox, and not the provider's
health, decides what the provider answers."""

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from harness.agents.unix_http import unix_http_client
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import prices
from harness.programs.broker.providers import ANTHROPIC, Provider
from harness.programs.broker.upstream.breaker import (
    LONGEST_PAUSE,
    BreakerStore,
    ProviderBreaker,
    corroborated_failures,
)
from harness.programs.broker.upstream.client import Upstream
from harness.programs.broker.upstream.faults import ProviderFault
from harness.programs.broker.wires.messages import Messages
from harness.programs.broker.wires.registry import MESSAGES
from tests.agents.conftest import MODEL, SECONDS, Answer, message, text
from tests.agents.conftest import Provider as Endpoint
from tests.broker.conftest import Bench, OpenedSession, streamed
from tests.fakes.sdks import anthropic

if TYPE_CHECKING:
    from anthropic import Anthropic

ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
COUNT = {name: value for name, value in ASK.items() if name != "max_tokens"}
SAID = message(text("Hello, sea. " * 9))
Sdk = Callable[[OpenedSession], "Anthropic"]


def error(status: int, kind: str, words: str = "no", **headers: str) -> Answer:
    return Answer(
        {"type": "error", "error": {"type": kind, "message": words}}, status=status, headers=headers
    )


LONG = {"retry-after": "3600"}
OF_OUR_OWN = message(text("."))
# How, with which answer, how often; and whether the broker asks the provider itself, which answers.
PROVOKED = {
    "tokens are counted too often": ("count", error(429, "rate_limit_error", **LONG), (1, False)),
    "counting is overloaded": ("count", error(529, "overloaded_error", **LONG), (1, False)),
    "counting fails": ("count", error(500, "api_error", **{"x-should-retry": "false"}), (3, False)),
    "more output is asked for than a minute has": (
        "create",
        error(429, "rate_limit_error", **LONG),
        (1, False),
    ),
    "more output is asked for than is paid for": (
        "create",
        error(402, "billing_error", "fewer max_tokens"),
        (1, True),
    ),
    "a name of its own in the provider's words": (
        "create",
        error(400, "invalid_request_error", "Your credit balance is too low to go on."),
        (1, True),
    ),
    "an overload": ("create", error(529, "overloaded_error", **LONG), (1, False)),
    "a request that the provider fails at": (
        "create",
        error(500, "api_error", **{"x-should-retry": "false"}),
        (3, False),
    ),
    "a key that is not taken for this": ("create", error(401, "authentication_error"), (1, True)),
    "streams that are cut": ("stream", Answer(pieces=streamed(MESSAGES, SAID, {})[:6]), (3, False)),
}


def ask(client: "Anthropic", how: str) -> None:
    """Ask once, and be refused."""
    ways: dict[str, Callable[[], Any]] = {
        "count": lambda: client.messages.count_tokens(**COUNT),
        "create": lambda: client.messages.create(**ASK),
        "stream": lambda: list(client.messages.create(**ASK, stream=True)),
    }
    with pytest.raises(anthropic.APIStatusError):
        ways[how]()


def is_answered(served: OpenedSession, provider: Endpoint, sdk: Sdk) -> bool:
    provider.plan(message(text("Here.")))
    return bool(sdk(served).messages.create(**ASK).content[0].text == "Here.")


@pytest.mark.parametrize(("how", "provoked", "how_often"), PROVOKED.values(), ids=PROVOKED)
def test_what_one_issue_provokes_pauses_it_and_nobody_else(
    bench: Bench,
    provider: Endpoint,
    sdk: Sdk,
    how: str,
    provoked: Answer,
    how_often: tuple[int, bool],
) -> None:
    """In three sessions one after the other, each with its pause over: they are one witness."""
    other, (times, is_looked_into) = bench.open(), how_often
    for _ in range(3):
        attacker = bench.open(beside=other, issue=9_000)
        asked = 0
        while attacker.usage["fault"] is None and asked < times:
            provider.plan(provoked, *[OF_OUR_OWN] * is_looked_into)
            ask(sdk(attacker), how)
            asked += 1
        assert is_answered(other, provider, sdk)
        assert attacker.usage["calls"] == asked
        assert attacker.usage["fault"]["cause"] == "issue"
        with pytest.raises(anthropic.InternalServerError, match="is not asked for issue 9000 now"):
            sdk(bench.open(beside=other, issue=9_000)).messages.create(**ASK)
        other.clock.at += 3_601
    assert other.breaker.document() is None


OF_ONE_REQUEST = {
    "counting is not there": ("count", error(404, "not_found_error", "Not Found")),
    "counting is not implemented": ("count", error(501, "api_error")),
    "a model that is there": ("create", error(404, "not_found_error", "model: none")),
}


@pytest.mark.parametrize(("how", "provoked"), OF_ONE_REQUEST.values(), ids=OF_ONE_REQUEST)
def test_where_our_own_call_is_answered_the_fault_is_the_requests_and_pauses_nobody(
    bench: Bench, provider: Endpoint, sdk: Sdk, how: str, provoked: Answer
) -> None:
    served = bench.open()
    for _ in range(3):
        provider.plan(provoked, OF_OUR_OWN)
        ask(sdk(served), how)
    assert (served.usage["fault"], served.notices) == (None, [])
    assert is_answered(served, provider, sdk)


def test_where_nobody_can_tell_whose_fault_it_is_only_that_issue_waits(
    bench: Bench, provider: Endpoint, sdk: Sdk
) -> None:
    served = bench.open()
    provider.plan(error(401, "authentication_error"), error(529, "overloaded_error"))
    ask(sdk(served), "create")
    assert served.usage["fault"]["cause"] == "issue"


def meets(
    bench: Bench,
    provider: Endpoint,
    sdk: Sdk,
    provoked: Answer,
    *,
    beside: OpenedSession,
    issue: int,
    how: str = "create",
) -> OpenedSession:
    provider.plan(provoked)
    served = bench.open(beside=beside, issue=issue)
    ask(sdk(served), how)
    return served


OVERLOADED = error(529, "overloaded_error", **LONG)


def test_what_two_issues_meet_pauses_everybody_until_the_provider_said(
    bench: Bench, provider: Endpoint, sdk: Sdk
) -> None:
    other = bench.open()
    for issue in (9_001, 9_002):
        assert other.breaker.document() is None
        served = meets(bench, provider, sdk, OVERLOADED, beside=other, issue=issue)
    assert served.usage["fault"]["cause"] == "provider"
    assert other.breaker.document() == {
        "provider": "acme",
        "again_at": "2026-11-02T13:00:00+00:00",
        "why": "it is overloaded, or our rate is (529 overloaded_error)",
    }
    with pytest.raises(
        anthropic.InternalServerError, match="the model provider acme is not asked now"
    ):
        sdk(other).messages.create(**ASK)


def test_what_two_issues_meet_as_they_count_is_no_evidence_and_no_answer_to_a_count_is(
    bench: Bench, provider: Endpoint, sdk: Sdk
) -> None:
    other = bench.open()
    for issue in (9_001, 9_002):
        meets(bench, provider, sdk, OVERLOADED, beside=other, issue=issue, how="count")
    assert is_answered(other, provider, sdk)
    meets(bench, provider, sdk, OVERLOADED, beside=other, issue=9_003)
    provider.plan(Answer({"input_tokens": 14}))
    sdk(other).messages.count_tokens(**COUNT)
    meets(bench, provider, sdk, OVERLOADED, beside=other, issue=9_004)
    assert other.breaker.document() is not None


def test_a_session_that_has_made_its_calls_counts_no_tokens(
    bench: Bench, provider: Endpoint, sdk: Sdk
) -> None:
    served = bench.open(calls=2)
    for _ in range(2):
        provider.plan(Answer({"input_tokens": 14}))
        sdk(served).messages.count_tokens(**COUNT)
    with pytest.raises(anthropic.PermissionDeniedError, match="this session may make 2 calls"):
        sdk(served).messages.count_tokens(**COUNT)
    assert (served.usage["calls"], served.cost) == (2, 0)
    assert len(provider.seen) == 2


REFUSED_HERE = {
    "no JSON": b"{",
    "a model of its own": json.dumps({**ASK, "model": "other"}).encode(),
    "no object": b"[]",
}


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize("body", REFUSED_HERE.values(), ids=REFUSED_HERE)
def test_a_refused_body_is_one_of_the_sessions_calls_and_later_bodies_are_not_read(
    bench: Bench, path: str, body: bytes
) -> None:
    served = bench.open(calls=2)
    with unix_http_client(served.socket, seconds=SECONDS) as http:
        answer = [
            http.post(path, content=content).status_code
            for content in (body, body, body, b"never read")
        ]
    assert (answer, served.usage["calls"]) == ([400, 400, 400, 403], 2)


async def held_and_answered(calls: int) -> Any:
    """The answer to one who asks while somebody else holds so many calls open."""
    held, over = asyncio.Semaphore(0), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/held" in head:
            held.release()
            await over.wait()
        said = json.dumps(message(text("Here."))).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said))
        await writer.drain()
        writer.close()

    class Held(Messages):
        path = "/held"

    async def ask(dialect: Messages, issue: int) -> Any:
        return await upstream.whole(dialect, {}, issue=issue, again=lambda: None)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    upstream = Upstream(Provider("acme", ANTHROPIC, url), "key", breaker_of_nothing())
    holding = [asyncio.create_task(ask(Held(), 1)) for _ in range(calls)]
    try:
        for _ in range(calls):
            await asyncio.wait_for(held.acquire(), SECONDS)
        return await asyncio.wait_for(ask(MESSAGES, 2), SECONDS)
    finally:
        over.set()
        await asyncio.gather(*holding, return_exceptions=True)
        await upstream.close()
        server.close()


def breaker_of_nothing() -> ProviderBreaker:
    return ProviderBreaker(
        "acme", BreakerStore(sqlalchemy.create_engine("sqlite://")), notify=lambda words: None
    )


def test_a_count_that_fails_once_everybodys_pause_is_over_pauses_its_own_issue_alone() -> None:
    """What two issues met before is evidence still; a sandbox may count as often as it likes."""
    moments = [0.0]
    breaker = ProviderBreaker(
        "acme",
        BreakerStore(sqlalchemy.create_engine("sqlite://")),
        clock=lambda: moments[-1],
        notify=lambda words: None,
    )
    for issue in (1, 2):
        breaker.failed(ProviderFault.OVERLOAD, "no", issue=issue, wanted=None)
    assert breaker.pause(3)
    moments.append(61.0)
    assert not any(map(breaker.pause, (1, 2, 3)))
    breaker.failed(ProviderFault.OVERLOAD, "no", issue=1, wanted=None, is_evidence=False)
    assert (bool(breaker.pause(1)), breaker.pause(2), breaker.pause(3)) == (True, None, None)


def test_however_many_calls_one_session_holds_open_another_is_asked() -> None:
    """A pool of 100 was waited for, for a minute, and that was taken for a fault of the
    provider."""
    assert asyncio.run(held_and_answered(101)) == message(text("Here."))


HEARD = {
    "one, however often": ([7] * 9, 0),
    "two": ([7, 8], 1),
    "one of them again and again": ([7, 8, 7, 7, 7], 1),
    "both again": ([7, 8, 7, 8], 2),
    "three": ([7, 8, 9], 2),
    "one is answered in between": ([7, 0, 8], 0),
    "one is answered in between, and two meet it again": ([7, 8, 0, 7, 8], 1),
}


@pytest.mark.parametrize(("heard", "counted"), HEARD.values(), ids=HEARD)
def test_the_one_that_fails_most_is_not_counted_and_an_answer_is_the_end_of_it(
    tmp_path: Path, heard: list[int], counted: int
) -> None:
    """0: another issue is answered. The next broker has heard the same."""
    with closing(Meter(tmp_path / "broker.sqlite", prices())) as meter:
        troubles, at = BreakerStore(meter.engine), 1_000.0
        for issue in heard:
            breaker = ProviderBreaker("acme", troubles, clock=lambda: at, notify=lambda words: None)
            if issue:
                breaker.failed(ProviderFault.OVERLOAD, "529", issue=issue, wanted=None)
            else:
                breaker.succeeded(1)
        assert corroborated_failures(troubles.issue_health("acme"), now=at) == counted
        assert (breaker.document() is not None) is bool(counted)
        assert corroborated_failures(troubles.issue_health("acme"), now=at + LONGEST_PAUSE + 1) == 0
