"""Every way a provider can fail, as the official SDKs of both wires see it through the broker."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.agents.unix_http import unix_http_client
from harness.operations.replay.model_recording import script_of
from harness.programs.broker.sessions import MOST_CONNECTIONS, Guarded
from harness.programs.broker.upstream.exchange import Timeouts
from harness.programs.broker.wire import BODIES_AT_ONCE
from harness.programs.broker.wires.registry import DIALECTS, MESSAGES
from tests.agents.conftest import KEY, MODEL, SECONDS, Answer, eventually, message, text
from tests.agents.conftest import Provider as Endpoint
from tests.broker.conftest import Bench, OpenedSession, streamed
from tests.fakes.ports import deaf_port
from tests.fakes.sdks import anthropic, openai

if TYPE_CHECKING:
    from anthropic import Anthropic
    from openai import OpenAI

CHAT, RESPONSES = DIALECTS["openai"]
ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
INPUT = {"model": MODEL, "max_output_tokens": 100, "input": "Hello"}
SAID = message(
    text("Hello, sea. " * 9),
    {"type": "tool_use", "id": "t", "name": "run", "input": {"command": "ls -l"}},
)
Sdk, Gpt = Callable[[OpenedSession], "Anthropic"], Callable[[Path], "OpenAI"]


def error(status: int, kind: str = "api_error", **headers: str) -> Answer:
    """In both wires' shapes at once: each reads what it knows."""
    answer = {"type": kind, "code": kind, "message": f"no, reports {KEY}"}
    return Answer({"type": "error", "error": answer}, status=status, headers=headers)


STATUSES = {
    # status: (tries, what both SDKs raise)
    400: (1, "BadRequestError"),
    403: (1, "PermissionDeniedError"),
    413: (1, "APIStatusError"),
    422: (1, "UnprocessableEntityError"),
    429: (4, "RateLimitError"),
    500: (4, "InternalServerError"),
    502: (4, "InternalServerError"),
    503: (4, "InternalServerError"),
    504: (4, "InternalServerError"),
    529: (4, "InternalServerError"),
}


@pytest.mark.parametrize(
    ("status", "tries", "raised"), [(status, *rest) for status, rest in STATUSES.items()]
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_comes_back_with_its_status_after_the_tries_that_may_help(
    bench: Bench,
    provider: Endpoint,
    sdk: Sdk,
    gpt: Gpt,
    stream: bool,
    status: int,
    tries: int,
    raised: str,
) -> None:
    one, other = bench.open(), bench.open("openai")
    provider.plan(*[error(status) for _ in range(2 * tries)])
    with pytest.raises(getattr(anthropic, raised)) as refused:
        sdk(one).messages.create(**ASK, stream=stream)
    assert (refused.value.status_code, len(provider.seen)) == (status, tries)
    with pytest.raises(getattr(openai, raised)) as denied:
        gpt(other.socket).responses.create(**INPUT, stream=stream)
    assert (denied.value.status_code, denied.value.type, denied.value.code) == (
        status,
        "api_error",
        "api_error",
    )
    assert len(provider.seen) == 2 * tries
    assert (
        KEY
        not in str(refused.value)
        + str(denied.value)
        + refused.value.response.text
        + denied.value.response.text
    )
    assert (
        refused.value.response.headers["x-should-retry"]
        == denied.value.response.headers["x-should-retry"]
        == "false"
    )
    may_have_cost = status in (500, 502, 504)
    # 0.0052 or more for each try that may have been billed
    four_times_held = Decimal("0.02")
    assert (
        min(one.cost, other.cost) > four_times_held
        if may_have_cost
        else max(one.cost, other.cost) == 0
    )


def refusing(status: int, kind: str, words: str) -> Answer:
    answer = {"type": kind, "code": kind, "message": f"{words}, reports {KEY}"}
    return Answer({"type": "error", "error": answer}, status=status)


def page(status: int, **headers: str) -> Answer:
    return Answer(
        status=status,
        pieces=[b"<!doctype html><title>A proxy</title>"],
        headers={"content-type": "text/html; charset=utf-8", **headers},
    )


WRONG_SET_UPS = {
    "a key that is not taken": (
        refusing(401, "authentication_error", "no"),
        "it does not accept our key (401); put a valid one into ACME_KEY and restart the factory",
    ),
    "a key without the right": (
        refusing(403, "permission_error", "no"),
        "it knows our key, which has no permission for claude-sonnet-5-5 (403); give the account"
        " behind ACME_KEY that right, or name another model",
    ),
    "a model that is not there": (
        refusing(404, "not_found_error", "model: claude-sonnet-5-5"),
        "it has no model claude-sonnet-5-5 (404); compare the name in factory.toml with what it"
        " offers, and run `factory doctor`",
    ),
    "a path that is not there": (
        page(404),
        "what answers at its address is an endpoint of another kind (404); give as its `base_url`"
        " what the official SDK of the wire {api} would get, and run `factory doctor`",
    ),
    "a page": (
        page(200),
        "what answers at its address is an endpoint of another kind (200 with a web page); give as"
        " its `base_url` what the official SDK of the wire {api} would get, and run `factory doctor`",
    ),
    "JSON of another API": (
        Answer({"object": "list", "data": []}),
        "what answers at its address is an endpoint of another kind (200 with JSON that cannot be"
        " understood",
    ),
    "an API that does not do this": (
        refusing(501, "api_error", "Unsupported method"),
        "it does not implement this call (501); look whether its `base_url` serves the wire {api},"
        " and run `factory doctor`",
    ),
    "a quota that is used up": (
        refusing(402, "billing_error", "pay"),
        "what is paid for is used up (402 billing_error); look at the account behind ACME_KEY",
    ),
}


@pytest.mark.parametrize(("answer", "why"), WRONG_SET_UPS.values(), ids=WRONG_SET_UPS)
@pytest.mark.parametrize("api", ["anthropic", "openai"])
def test_a_wrong_set_up_is_the_operators_to_know_pauses_everybody_and_costs_nothing(
    bench: Bench,
    provider: Endpoint,
    sdk: Sdk,
    gpt: Gpt,
    api: str,
    answer: Answer,
    why: str,
) -> None:
    """The broker's own call meets the same, in each API that the session may use."""
    served = bench.open(api)
    provider.plan(*[replace(answer) for _ in range(2 if api == "anthropic" else 3)])
    asking: Any = sdk(served).messages if api == "anthropic" else gpt(served.socket).responses
    with pytest.raises((anthropic.InternalServerError, openai.InternalServerError)) as refused:
        asking.create(**(ASK if api == "anthropic" else INPUT))
    said = refused.value.response
    assert (said.status_code, said.headers["retry-after"]) == (503, "600")
    assert "reports" not in said.text
    assert said.json()["error"]["type"] == "factory_paused"
    assert said.json()["error"]["cause"] == "provider"
    assert said.json()["error"]["again_at"] == "2026-11-02T12:10:00+00:00"
    (notice,) = served.notices
    begins = "the model provider acme is not asked before 2026-11-02T12:10:00+00:00: "
    assert notice.startswith(begins + why.format(api=api))
    assert KEY not in notice
    assert served.cost == 0


def test_an_address_where_nobody_listens_pauses_everybody_after_the_tries_that_may_help(
    bench: Bench, sdk: Sdk
) -> None:
    with deaf_port() as port:
        served = bench.open(url=f"http://127.0.0.1:{port}")
        with pytest.raises(anthropic.InternalServerError, match="no connection to it can be made"):
            sdk(served).messages.create(**ASK)
    assert served.clock.slept == [1, 2, 4]
    assert served.usage["fault"]["cause"] == "provider"
    assert (len(served.notices), served.cost) == (1, 0)


@pytest.mark.parametrize("api", ["anthropic", "openai"])
@pytest.mark.parametrize(
    ("status", "kind", "tries"),
    [
        (400, "invalid_request_error", 1),
        (401, "authentication_error", 1),
        (529, "overloaded_error", 4),
    ],
)
def test_what_was_refused_is_refused_alike_when_its_wire_log_is_played(
    bench: Bench,
    provider: Endpoint,
    sdk: Sdk,
    gpt: Gpt,
    api: str,
    status: int,
    kind: str,
    tries: int,
) -> None:
    def answer(served: OpenedSession) -> tuple[int, Any]:
        asking: Any = sdk(served).messages if api == "anthropic" else gpt(served.socket).responses
        with pytest.raises((anthropic.APIStatusError, openai.APIStatusError)) as refused:
            asking.create(**(ASK if api == "anthropic" else INPUT))
        return refused.value.response.status_code, refused.value.response.json()

    served = bench.open(api)
    # A key that is not taken is tried by the broker itself, in each API of the wire.
    own = {"anthropic": 1, "openai": 2}[api] if status == 401 else 0
    provider.plan(*[error(status, kind) for _ in range(tries + own)])
    then = answer(served)
    [log] = bench.folder.glob(f"bench-*/{served.socket.stem}.jsonl")
    lines = map(json.loads, log.read_text().splitlines())
    assert answer(bench.open(script=script_of(lines))) == then


@pytest.mark.parametrize("cap", ["usd", "usd_call", "usd_day"])
def test_a_cap_that_refused_a_call_refuses_it_again_when_its_wire_log_is_played(
    bench: Bench, sdk: Sdk, cap: str
) -> None:
    def answer(served: OpenedSession) -> tuple[int, Any]:
        with pytest.raises(anthropic.APIStatusError) as refused:
            sdk(served).messages.create(**ASK)
        return refused.value.response.status_code, refused.value.response.json()

    served = bench.open(**{cap: Decimal("0.00001")})
    then = answer(served)
    [log] = bench.folder.glob(f"bench-*/{served.socket.stem}.jsonl")
    [line_of_it] = map(json.loads, log.read_text().splitlines())
    # whose own words would be others
    again = bench.open(script=script_of([line_of_it]), **{cap: Decimal("0.00002")})
    assert answer(again) == then
    assert again.usage["calls"] == served.usage["calls"] == 0
    assert "$0.00001 for" in line_of_it["error"]


QUOTA = {"insufficient_quota": 429, "billing_error": 402}


@pytest.mark.parametrize(("kind", "status"), QUOTA.items())
@pytest.mark.parametrize("stream", [False, True])
def test_a_quota_that_is_used_up_is_asked_once_and_pauses(
    bench: Bench, provider: Endpoint, gpt: Gpt, kind: str, status: int, stream: bool
) -> None:
    served = bench.open("openai")
    # Once by the session, and once by the broker in each API of the wire.
    provider.plan(*[error(status, kind) for _ in range(3)])
    client = gpt(served.socket)
    for _ in range(3):
        with pytest.raises(openai.InternalServerError) as refused:
            client.responses.create(**INPUT, stream=stream)
        assert (refused.value.status_code, refused.value.type) == (503, "factory_paused")
    assert len(provider.seen) == 3
    assert served.cost == 0
    assert served.usage["fault"]["cause"] == "provider"


def test_an_overload_that_does_not_pass_pauses_until_the_provider_said(
    bench: Bench, provider: Endpoint, sdk: Sdk
) -> None:
    served = bench.open()
    provider.plan(error(429, "rate_limit_error", **{"retry-after": "1800"}))
    with pytest.raises(anthropic.RateLimitError) as refused:
        sdk(served).messages.create(**ASK)
    assert refused.value.response.headers["retry-after"] == "1800"
    assert served.clock.slept == []
    with pytest.raises(anthropic.InternalServerError, match="goes on at 2026-11-02T12:30:00"):
        sdk(served).messages.create(**ASK)


def test_after_the_pause_it_is_asked_again_and_all_is_well(
    bench: Bench, provider: Endpoint, sdk: Sdk, tmp_path: Path
) -> None:
    first = bench.open(home=tmp_path, issue=9)
    provider.plan(error(429, "rate_limit_error", **{"retry-after": "1800"}))
    with pytest.raises(anthropic.RateLimitError):
        sdk(first).messages.create(**ASK)
    # another broker, over the same store: it knows
    early = bench.open(home=tmp_path, issue=9)
    with pytest.raises(anthropic.InternalServerError, match="is not asked for issue 9 now"):
        sdk(early).messages.create(**ASK)
    assert early.cost == 0
    later = bench.open(home=tmp_path, issue=9)
    later.clock.at += 1800
    provider.plan(message(text("Now.")))
    assert sdk(later).messages.create(**ASK).content[0].text == "Now."
    assert later.breaker.pause(9) is None


def test_three_streams_cut_in_a_row_pause(bench: Bench, provider: Endpoint, sdk: Sdk) -> None:
    served = bench.open()
    for _ in range(3):
        provider.plan(Answer(pieces=streamed(MESSAGES, SAID, {})[:6]))
        with (
            pytest.raises(anthropic.APIStatusError, match="ended before the message did"),
            sdk(served).messages.stream(**ASK) as stream,
        ):
            stream.get_final_message()
    assert served.usage["fault"]["type"] == "factory_paused"


def test_a_sandbox_that_hangs_up_opens_nothing(bench: Bench, provider: Endpoint, sdk: Sdk) -> None:
    served = bench.open()
    for _ in range(4):
        held = threading.Event()
        provider.plan(Answer(pieces=streamed(MESSAGES, SAID, {}), pause=held))
        with sdk(served).messages.stream(**ASK) as stream:
            next(iter(stream))
        held.set()
    provider.plan(message(text("Now.")))
    assert sdk(served).messages.create(**ASK).content[0].text == "Now."
    assert served.notices == []


IN_STREAM = {
    "chat": (
        CHAT,
        [
            {
                "error": {
                    "message": f"Overloaded, reports {KEY}",
                    "type": "overloaded_error",
                    "code": None,
                }
            }
        ],
    ),
    "responses": (
        RESPONSES,
        [{"type": "error", "code": "overloaded_error", "message": f"Overloaded, reports {KEY}"}],
    ),
    "a failed response": (
        RESPONSES,
        [
            {
                "type": "response.failed",
                "response": {
                    "error": {"code": "overloaded_error", "message": f"Overloaded, reports {KEY}"}
                },
            }
        ],
    ),
}


@pytest.mark.parametrize(("dialect", "events"), IN_STREAM.values(), ids=IN_STREAM)
@pytest.mark.parametrize("begun", [0, 2, 7])
def test_an_error_within_a_stream_is_retried_before_an_answer_and_passed_on_after(
    bench: Bench, provider: Endpoint, gpt: Gpt, dialect: Any, events: list[Any], begun: int
) -> None:
    """A response begins with two events that answer nothing; a chat completion with its first
    words."""
    served, pieces = bench.open("openai"), streamed(dialect, SAID, {})
    faulty = [
        *pieces[:begun],
        *(
            f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n".encode()
            for event in events
        ),
    ]
    provider.plan(Answer(pieces=faulty))
    asked_again = begun == 0 or (begun == 2 and dialect is RESPONSES)
    if asked_again:
        provider.plan(Answer(pieces=pieces))
    client: Any = gpt(served.socket)
    made, body = (client.chat.completions, ASK) if dialect is CHAT else (client.responses, INPUT)
    if asked_again:
        assert list(made.create(**body, stream=True))
        assert served.clock.slept == [1]
    else:
        with pytest.raises(openai.APIError, match=r"Overloaded, reports \[redacted\]"):
            list(made.create(**body, stream=True))
    assert len(provider.seen) == 1 + asked_again


def test_a_provider_that_hangs_is_waited_for_and_not_for_ever(
    bench: Bench, provider: Endpoint, sdk: Sdk
) -> None:
    held = threading.Event()
    served = bench.open(timeouts=Timeouts(silent=0.3))
    provider.plan(Answer(pieces=streamed(MESSAGES, SAID, {}), pause=held))
    with (
        pytest.raises(anthropic.APIStatusError, match=r"the provider sent nothing for 0\.3 s"),
        sdk(served).messages.stream(**ASK) as stream,
    ):
        stream.get_final_message()
    held.set()
    assert served.cost > Decimal("0.005")
    # a busy provider may only now come to read what it was asked
    assert eventually(lambda: not provider.planned)
    assert len(provider.seen) == 1


class Dribble:
    """A provider that never comes to an end: of a body, or of a stream with something in it each
    time."""

    def __init__(self, piece: bytes, head: bytes) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._piece, self._head, self._over = piece, head, threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        line, _ = self._server.accept()
        with line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 " + self._head + b"transfer-encoding: chunked\r\n\r\n")
            try:
                while not self._over.wait(0.02):
                    line.sendall(f"{len(self._piece):x}\r\n".encode() + self._piece + b"\r\n")
            except OSError:
                pass

    def close(self) -> None:
        self._over.set()
        self._server.close()


ENDLESS = {
    "a body": (False, b" ", b"200 OK\r\ncontent-type: application/json\r\n"),
    "an error": (True, b" ", b"400 Bad\r\ncontent-type: application/json\r\n"),
    "pings": (
        True,
        b'event: ping\ndata: {"type": "ping"}\n\n',
        b"200 OK\r\ncontent-type: text/event-stream\r\n",
    ),
    "one event": (True, b"data: x", b"200 OK\r\ncontent-type: text/event-stream\r\n"),
}


@pytest.mark.parametrize(("stream", "piece", "head"), ENDLESS.values(), ids=ENDLESS)
def test_an_answer_that_never_ends_is_ended(
    bench: Bench, sdk: Sdk, stream: bool, piece: bytes, head: bytes
) -> None:
    dribble = Dribble(piece, head)
    served = bench.open(url=dribble.url, timeouts=Timeouts(whole=0.5))
    with pytest.raises(anthropic.APIStatusError, match=r"took longer than 0\.5 s"):
        list(sdk(served).messages.create(**ASK, stream=stream))
    dribble.close()
    assert served.cost > Decimal("0.005")


def test_a_body_of_a_sandbox_that_never_ends_is_refused(bench: Bench) -> None:
    served = bench.open(body_seconds=0.3)
    released = threading.Event()

    def dribbled() -> Any:
        yield b'{"model": '
        released.wait(5)

    with unix_http_client(served.socket, seconds=SECONDS) as http:
        refused = http.post("/v1/messages", content=dribbled())
    released.set()
    assert (refused.status_code, refused.json()["error"]["type"]) == (408, "timeout_error")


def connected(path: Path) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.settimeout(SECONDS)
    found.connect(os.fspath(path))
    return found


def test_a_sandbox_has_so_many_connections_and_no_more(bench: Bench) -> None:
    """Each is a descriptor of the broker that all sessions share."""
    served = bench.open()
    with ExitStack() as stack:
        silent = [stack.enter_context(connected(served.socket)) for _ in range(MOST_CONNECTIONS)]
        beyond = stack.enter_context(connected(served.socket))
        assert beyond.recv(1) == b""
        with unix_http_client(bench.open(beside=served).socket, seconds=SECONDS) as other:
            assert other.get("/").status_code == 200
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert silent[0].recv(12) == b"HTTP/1.1 200"


def test_no_more_connections_wait_than_a_session_may_have(bench: Bench) -> None:
    """Those that wait are accepted all at once, and are descriptors before any of them is
    closed."""
    served, busy, over = bench.open(), threading.Event(), threading.Event()

    def work() -> None:
        busy.set()
        over.wait(SECONDS)

    bench.loop.call_soon_threadsafe(work)
    busy.wait(SECONDS)
    waiting = 0
    with ExitStack() as stack, suppress(BlockingIOError):
        stack.callback(over.set)
        for _ in range(200):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            one.setblocking(False)
            one.connect(os.fspath(served.socket))
            waiting += 1
    # The kernel lets one more wait than it was asked for.
    assert waiting <= MOST_CONNECTIONS + 1


def test_a_connection_that_asks_for_nothing_is_closed(bench: Bench) -> None:
    class Impatient(Guarded):
        head_seconds = 0.1

    with connected(bench.open(http=Impatient).socket) as silent:
        silent.sendall(b"POST /v1/messages HTTP/1.1\r\nHost:")
        assert silent.recv(1) == b""


def test_so_many_bodies_of_a_session_are_read_at_a_time(bench: Bench) -> None:
    served = bench.open(body_seconds=0.5)
    head = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    began = time.monotonic()
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(served.socket)) for _ in range(BODIES_AT_ONCE + 1)]
        for one in slow:
            one.sendall(head)
        ended = [(one.recv(12), time.monotonic() - began) for one in slow]
    assert {said for said, _ in ended} == {b"HTTP/1.1 408"}
    assert max(seconds for _, seconds in ended) >= 1  # the last one's turn came after the others'


@pytest.mark.parametrize("packing", ["gzip", "zstd", "br", "deflate"])
def test_a_packed_body_is_refused_by_name(bench: Bench, packing: str) -> None:
    with unix_http_client(bench.open("openai").socket, seconds=SECONDS) as http:
        refused = http.post(
            "/v1/responses", content=b"\x1f\x8b", headers={"content-encoding": packing}
        )
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        415,
        f"a body with content-encoding {packing} is not read; send it as it is",
    )


def test_a_tools_result_of_ten_megabytes_is_refused_as_too_large_on_either_wire(
    bench: Bench, sdk: Sdk, gpt: Gpt
) -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": "x" * 10_000_000}
    with pytest.raises(anthropic.APIStatusError) as refused:
        sdk(bench.open()).messages.create(
            **ASK | {"messages": [{"role": "user", "content": [result]}]}
        )
    with pytest.raises(openai.APIStatusError) as denied:
        gpt(bench.open("openai").socket).responses.create(
            **INPUT
            | {
                "input": [
                    {"type": "function_call_output", "call_id": "t", "output": "x" * 10_000_000}
                ]
            }
        )
    assert (refused.value.status_code, denied.value.status_code) == (413, 413)


@pytest.mark.parametrize(
    "dialect", [MESSAGES, CHAT, RESPONSES], ids=["messages", "chat", "responses"]
)
def test_a_provider_that_writes_on_beyond_its_limit_is_cut_where_the_cap_is_crossed(
    bench: Bench, provider: Endpoint, sdk: Sdk, gpt: Gpt, dialect: Any
) -> None:
    """By an estimate: the wire's own count comes at the end, and this end never would."""
    endless = message(text("word " * 4_000), output_tokens=50_000)
    served = bench.open("anthropic" if dialect is MESSAGES else "openai", usd=Decimal("0.02"))
    pieces = streamed(dialect, endless, {})
    provider.plan(
        Answer(
            pieces=[
                b"".join(pieces[start : start + 200])
                for start in range(0, len(pieces) * 2 // 3, 200)
            ]
        )
    )
    shown: list[Any] = []
    made: Any = (
        sdk(served).messages
        if dialect is MESSAGES
        else (
            gpt(served.socket).chat.completions if dialect is CHAT else gpt(served.socket).responses
        )
    )
    with pytest.raises(
        (anthropic.APIStatusError, openai.APIError), match=r"cap of \$0.02 for this session"
    ) as cut:
        shown.extend(made.create(**(INPUT if dialect is RESPONSES else ASK), stream=True))
    assert cut.value.type == "budget_exhausted"
    assert 0 < len(shown) < len(pieces) * 2 // 3
    assert Decimal("0.017") < served.cost < Decimal("0.023")
    assert eventually(lambda: served.usage["fault"] is not None)
    # that is not what is wrong with a provider
    assert served.notices == []
