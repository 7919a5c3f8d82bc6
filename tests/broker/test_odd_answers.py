"""Answers that no provider should give, and some give: what is in them is counted, and harms
nobody."""

import json
from decimal import Decimal
from typing import Any

import pytest

from harness.agents.unix_http import unix_http_client
from harness.programs.broker.wires.registry import DIALECTS, MESSAGES
from tests.agents.conftest import KEY, MODEL, SECONDS, Answer, Provider, message, text
from tests.broker.conftest import Bench, OpenedSession

ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
# 100 × 2, 20 × 10 a million
COST = Decimal("0.0004")


def answered(served: OpenedSession, path: str, content: bytes) -> tuple[int, str]:
    """The status and the text that the sandbox gets."""
    with unix_http_client(served.socket, seconds=SECONDS) as http:
        found = http.post(path, content=content)
    return found.status_code, found.text


def test_half_a_character_comes_through_and_is_settled_and_in_a_refusal_named(
    bench: Bench, provider: Provider
) -> None:
    """JSON can hold a lone surrogate, and UTF-8 cannot."""
    served = bench.open()
    provider.plan(message(text("a\ud800b")), Answer({"input_tokens": 1, "x": "\ud800"}))
    status, words = answered(served, "/v1/messages", json.dumps(ASK).encode())
    assert (status, json.loads(words)["content"]) == (200, [text("a\ud800b")])
    assert served.cost == COST
    count = json.dumps({name: ASK[name] for name in ("model", "messages")}).encode()
    assert answered(served, "/v1/messages/count_tokens", count)[0] == 200
    status, words = answered(served, "/v1/messages", rb'{"a\ud800b": 1}')
    assert status == 400
    assert "a\ud800b" in json.loads(words)["error"]["message"]


def chunk(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def response(usage: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"output": [], "usage": usage}}


def call(index: Any) -> dict[str, Any]:
    return {"index": index, "id": "c", "function": {"name": "run", "arguments": "{}"}}


CHAT, RESPONSES = DIALECTS["openai"]
NO_ANSWERS: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "a negative count": (RESPONSES, [response({"input_tokens": -1})]),
    "details that are a list": (RESPONSES, [response({"input_tokens_details": [1]})]),
    "calls without an order": (CHAT, [chunk(tool_calls=[call(0)]), chunk(tool_calls=[call("b")])]),
    "more tokens than there are": (
        MESSAGES,
        [{"type": "message_start", "message": message(output_tokens=10**30)}],
    ),
}


@pytest.mark.parametrize(("dialect", "events"), NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_a_stream_that_makes_no_answer_is_an_error_costs_what_was_held_and_is_logged(
    bench: Bench, provider: Provider, dialect: Any, events: list[dict[str, Any]]
) -> None:
    served = bench.open("anthropic" if dialect is MESSAGES else "openai")
    provider.plan(Answer(pieces=[dialect.encoded(event) for event in events]))
    asked = ASK if dialect is not RESPONSES else {"model": MODEL, "input": "Hello"}
    status, words = answered(
        served, f"/v1{dialect.path}", json.dumps({**asked, "stream": True}).encode()
    )
    assert (status, "error" in words.rpartition("data: ")[2]) == (200, True)
    held = served.cost
    (line,) = served.meter.lines()
    assert (line.held, line.open) == (held, 0)
    log = served.file.with_name(f"{served.socket.stem}.jsonl").read_text("utf-8")
    assert json.loads(log)["error"] in words


@pytest.mark.parametrize("tokens", [2**31, 2**63, 10**30])
def test_a_count_that_nobody_could_store_is_none_and_costs_what_was_held(
    bench: Bench, provider: Provider, tokens: int
) -> None:
    served = bench.open()
    provider.plan(message(text("Hello."), output_tokens=tokens))
    provider.otherwise = Answer(message(text(".")))
    status, words = answered(served, "/v1/messages", json.dumps(ASK).encode())
    assert (status, f"output_tokens is {tokens}" in words) == (502, True)
    (line,) = served.meter.lines()
    assert (line.held, line.open) == (served.cost, 0)


@pytest.mark.parametrize("shown", [4, 20, 36])
@pytest.mark.parametrize("stream", [False, True])
def test_no_piece_of_a_key_is_in_an_error_that_is_shown_in_part(
    bench: Bench, provider: Provider, stream: bool, shown: int
) -> None:
    """A gateway may print the headers that it got, and what it prints is cut, here within the
    key."""
    served = bench.open()
    printed = "x" * (200 - shown) + KEY + "x" * 1000
    if stream:
        event = MESSAGES.encoded({"type": "error", "error": printed})
        provider.otherwise = Answer(pieces=[event])
    else:
        provider.plan(Answer({"headers": printed}, status=400))
    _, words = answered(served, "/v1/messages", json.dumps({**ASK, "stream": stream}).encode())
    assert "xxx" in words
    assert KEY[:3] not in words
    log = served.file.with_name(f"{served.socket.stem}.jsonl").read_text("utf-8")
    assert KEY[:3] not in log


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_is_in_no_field_of_an_error(bench: Bench, provider: Provider, stream: bool) -> None:
    served = bench.open()
    error = {"type": "error", "error": {"type": f"no {KEY}", "message": f"what of {KEY}?"}}
    if stream:
        provider.otherwise = Answer(pieces=[MESSAGES.encoded(error)])
    else:
        provider.plan(Answer(error, status=400))
    _, words = answered(served, "/v1/messages", json.dumps({**ASK, "stream": stream}).encode())
    assert words.count("[redacted]") == 2
    assert KEY not in words
    assert KEY not in served.file.with_name(f"{served.socket.stem}.jsonl").read_text("utf-8")


def test_an_answer_that_does_nothing_but_begin_is_passed_on_and_not_kept_for_ever(
    bench: Bench, provider: Provider
) -> None:
    served = bench.open("openai")
    begun = RESPONSES.encoded({"type": "response.created", "response": {"output": []}})
    error = RESPONSES.encoded({"type": "error", "code": "slow_down", "message": "Overloaded"})
    provider.plan(Answer(pieces=[begun * 20 + error]))
    asked = json.dumps({"model": MODEL, "input": "Hello", "stream": True}).encode()
    _, words = answered(served, "/v1/responses", asked)
    assert (words.count("event: response.created"), words.count("Overloaded")) == (20, 2)
    assert len(provider.seen) == 1
