"""The OpenAI wire, both of its APIs, with the official SDK in front and a provider of our own
behind."""

import json
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.programs.broker.wires.registry import DIALECTS
from tests.agents.conftest import KEY, Answer, message, text
from tests.agents.conftest import Provider as Endpoint
from tests.broker.conftest import Bench, planned, streamed
from tests.fakes.sdks import openai

if TYPE_CHECKING:
    from openai import OpenAI

CHAT, RESPONSES = DIALECTS["openai"]
# a model of which the price is known: $2 read, $10 written, $0.10 from a cache
MODEL = "acme/claude-sonnet-5-5"
RUN = {"name": "run", "description": "Runs.", "parameters": {"type": "object"}}
CALL = {
    "type": "tool_use",
    "id": "call_1",
    "name": "run",
    "input": {"command": "ls", "n": [1, "ä"]},
}
SAID = message(
    text("I look, \U0001f30a. " * 5),
    CALL,
    CALL | {"id": "call_2", "input": {}},
    stop_reason="tool_use",
    input_tokens=1000,
    output_tokens=100,
    cache_read_input_tokens=4000,
)
# 1000 × 2, 4000 × 0.10, 100 × 10 a million
COST = Decimal("0.0034")
BODIES = {
    "chat": {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Look"}],
        "tools": [{"type": "function", "function": RUN}],
    },
    "responses": {"model": MODEL, "input": "Look", "tools": [{"type": "function", **RUN}]},
}
Gpt = Callable[[Path], "OpenAI"]


def asked(client: "OpenAI", api: str, **more: Any) -> Any:
    made: Any = client.chat.completions if api == "chat" else client.responses
    return made.create(**BODIES[api], **more)


def dialect(api: str) -> Any:
    return CHAT if api == "chat" else RESPONSES


def said_by(answer: Any) -> tuple[str, list[tuple[str, str, Any]]]:
    """The text and the calls of a whole answer of either API."""
    if hasattr(answer, "choices"):
        words = answer.choices[0].message
        calls = [
            (call.id, call.function.name, json.loads(call.function.arguments))
            for call in words.tool_calls or ()
        ]
        return words.content or "", calls
    calls = [
        (item.call_id, item.name, json.loads(item.arguments))
        for item in answer.output
        if item.type == "function_call"
    ]
    return answer.output_text, calls


EXPECTED = (SAID["content"][0]["text"], [("call_1", "run", CALL["input"]), ("call_2", "run", {})])


@pytest.mark.parametrize("api", BODIES)
def test_a_whole_answer_comes_through_and_costs_what_the_wire_counts(
    bench: Bench, provider: Endpoint, gpt: Gpt, api: str
) -> None:
    served = bench.open("openai", model=MODEL)
    provider.plan(planned(dialect(api), SAID, BODIES[api]))
    assert said_by(asked(gpt(served.socket), api)) == EXPECTED
    assert served.cost == COST
    [seen] = provider.seen
    assert seen["path"] == ("/v1/chat/completions" if api == "chat" else "/v1/responses")
    assert seen["body"]["model"] == "claude-sonnet-5-5"
    assert seen["headers"]["authorization"] == f"Bearer {KEY}"
    assert "of-the-sandbox" not in str(seen)


@pytest.mark.parametrize("api", BODIES)
def test_a_stream_is_passed_on_as_it_comes_and_costs_what_the_wire_counts(
    bench: Bench, provider: Endpoint, gpt: Gpt, api: str
) -> None:
    served, held = bench.open("openai", model=MODEL), threading.Event()
    pieces = streamed(dialect(api), SAID, BODIES[api])
    provider.plan(Answer(pieces=[b"".join(pieces[:6]), *pieces[6:]], pause=held))
    client = gpt(served.socket)
    if api == "chat":
        with client.chat.completions.stream(**BODIES[api]) as stream:
            events = iter(stream)
            # while it still waits
            assert any(event.type == "content.delta" for event in (next(events) for _ in range(3)))
            held.set()
            final: Any = stream.get_final_completion()
    else:
        with client.responses.stream(**BODIES[api]) as stream:
            events = iter(stream)
            assert "response.output_text.delta" in [next(events).type for _ in range(5)]
            held.set()
            final = stream.get_final_response()
    assert said_by(final) == EXPECTED
    assert served.cost == COST


@pytest.mark.parametrize("wanted", [False, True])
def test_the_chunk_with_the_count_is_shown_only_to_who_asked_for_it(
    bench: Bench, provider: Endpoint, gpt: Gpt, wanted: bool
) -> None:
    served = bench.open("openai", model=MODEL)
    provider.plan(Answer(pieces=streamed(CHAT, SAID, {})))
    options = {"stream_options": {"include_usage": True}} if wanted else {}
    chunks = list(asked(gpt(served.socket), "chat", stream=True, **options))
    assert provider.seen[0]["body"]["stream_options"] == {"include_usage": True}
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == (
        [5100] if wanted else []
    )
    assert [chunk for chunk in chunks if not chunk.choices] == (chunks[-1:] if wanted else [])
    assert served.cost == COST


def test_a_count_that_comes_with_the_last_words_is_taken_from_them(
    bench: Bench, provider: Endpoint, gpt: Gpt
) -> None:
    """As some providers of this wire send it: not in a chunk of its own."""
    served = bench.open("openai", model=MODEL)
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    usage = {
        "prompt_tokens": 5000,
        "completion_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 4000},
    }
    last = chunk | {
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": usage,
    }
    provider.plan(Answer(pieces=[CHAT.encoded(last), b"data: [DONE]\n\n"]))
    [found] = asked(gpt(served.socket), "chat", stream=True)
    assert (found.choices[0].delta.content, found.usage) == ("Hi", None)
    assert served.cost == COST


@pytest.mark.parametrize("api", BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_nobody_counted_is_passed_on_and_costs_what_was_held(
    bench: Bench, provider: Endpoint, gpt: Gpt, api: str, stream: bool
) -> None:
    served, body = bench.open("openai", model=MODEL), BODIES[api] | {"stream": stream}
    uncounted = planned(dialect(api), SAID, body)
    if uncounted.body:
        uncounted.body["usage"] = None
    else:
        uncounted.pieces = [
            dialect(api).encoded(_without_usage(event)) for event in dialect(api).events(SAID, body)
        ]
    provider.plan(uncounted)
    answer = asked(gpt(served.socket), api, **({"stream": True} if stream else {}))
    assert list(answer) if stream else said_by(answer) == EXPECTED
    # 32,000 × 10 a million, and what was asked
    assert served.cost > Decimal("0.32")


def _without_usage(event: Any) -> Any:
    if "response" in event:
        return {**event, "response": {**event["response"], "usage": None}}
    return event


USAGES = [
    ({"prompt_tokens": -5, "completion_tokens": 1}, "prompt_tokens is -5"),
    ({"prompt_tokens": "9"}, "prompt_tokens is '9'"),
    ([], r"usage: \[\]"),
    ({"prompt_tokens": 1.5}, "is 1.5"),
    (
        {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": -100}},
        "cached_tokens is -100",
    ),
]


@pytest.mark.parametrize(("usage", "named"), USAGES)
def test_a_count_that_is_none_is_an_error_and_costs_what_was_held(
    bench: Bench, provider: Endpoint, gpt: Gpt, usage: Any, named: str
) -> None:
    served = bench.open("openai", model=MODEL)
    provider.plan(Answer(CHAT.answer(SAID, {}) | {"usage": usage}))
    with pytest.raises(openai.InternalServerError, match=named):
        asked(gpt(served.socket), "chat")
    assert served.cost > Decimal("0.32")


@pytest.mark.parametrize("api", BODIES)
def test_a_stream_cut_in_the_middle_of_a_tool_call_is_an_error_and_costs_what_was_held(
    bench: Bench, provider: Endpoint, gpt: Gpt, api: str
) -> None:
    served, body = bench.open("openai", model=MODEL), BODIES[api] | {"stream": True}
    pieces = streamed(dialect(api), SAID, body)
    in_a_call = next(number for number, piece in enumerate(pieces) if b"command" in piece) + 1
    provider.plan(Answer(pieces=pieces[:in_a_call]))
    with pytest.raises(openai.APIError, match="ended before the message did"):
        list(asked(gpt(served.socket), api, stream=True))
    assert served.cost > Decimal("0.32")


@pytest.mark.parametrize("api", BODIES)
def test_broken_json_in_a_call_is_passed_on_as_it_was_written_and_recorded_so(
    bench: Bench, provider: Endpoint, gpt: Gpt, api: str
) -> None:
    served = bench.open("openai", model=MODEL)
    broken = message(CALL | {"input": '{"command": "ls'}, stop_reason="tool_use")
    provider.plan(
        planned(dialect(api), broken, BODIES[api]),
        planned(dialect(api), broken, BODIES[api] | {"stream": True}),
    )
    whole = asked(gpt(served.socket), api)
    call = whole.choices[0].message.tool_calls[0].function if api == "chat" else whole.output[0]
    assert call.arguments == '{"command": "ls'
    assert list(asked(gpt(served.socket), api, stream=True))
    recorded = [exchange["response"]["content"] for exchange in served.recorded["exchanges"]]
    assert recorded == [[{"type": "tool_use", "name": "run", "input": '{"command": "ls'}]] * 2


CALLS_OF = {
    "chat": lambda words: {
        "messages": [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "run", "arguments": words}}
                ],
            }
        ]
    },
    "responses": lambda words: {
        "input": [{"type": "function_call", "call_id": "c", "name": "run", "arguments": words}]
    },
}


@pytest.mark.parametrize("levels", [900, 100_000])
@pytest.mark.parametrize("api", BODIES)
def test_a_call_that_nests_without_end_is_a_text_and_its_body_one_of_the_sessions_calls(
    bench: Bench, provider: Endpoint, gpt: Gpt, api: str, levels: int
) -> None:
    """The body has the call as a text, so it is not deep itself."""
    served = bench.open("openai", model=MODEL, calls=1)
    words = "[" * levels + "]" * levels
    deep: Any = BODIES[api] | CALLS_OF[api](words)
    provider.plan(planned(dialect(api), SAID, deep))
    client: Any = gpt(served.socket)
    made = client.chat.completions if api == "chat" else client.responses
    assert said_by(made.create(**deep)) == EXPECTED
    with pytest.raises(openai.PermissionDeniedError, match="may make 1 calls"):
        made.create(**deep)
    assert (served.usage["calls"], served.cost) == (1, COST)
    log = served.file.with_name(f"{served.socket.stem}.jsonl").read_text("utf-8")
    assert (
        json.loads(log.partition("\n")[0])["request"]["messages"][-1]["content"][0]["input"]
        == words
    )


@pytest.mark.parametrize("api", BODIES)
def test_a_custom_tool_takes_a_text_and_no_json(
    bench: Bench, provider: Endpoint, gpt: Gpt, api: str
) -> None:
    patch = message(
        CALL | {"name": "patch", "input": '{"looks": "like JSON"}'}, stop_reason="tool_use"
    )
    tools = {
        "chat": [{"type": "custom", "custom": {"name": "patch"}}],
        "responses": [{"type": "custom", "name": "patch"}],
    }[api]
    served, body = bench.open("openai", model=MODEL), BODIES[api] | {"tools": tools, "stream": True}
    provider.plan(Answer(pieces=streamed(dialect(api), patch, body)))
    client: Any = (
        gpt(served.socket).chat.completions if api == "chat" else gpt(served.socket).responses
    )
    assert list(client.create(**body))
    [exchange] = served.recorded["exchanges"]
    assert exchange["response"]["content"][0]["input"] == '{"looks": "like JSON"}'
    assert exchange["request"]["tools"] == ["patch"]


@pytest.mark.parametrize("api", BODIES)
def test_what_was_recorded_from_one_api_plays_in_every_other(
    bench: Bench, provider: Endpoint, gpt: Gpt, sdk: Callable[..., Any], api: str
) -> None:
    """Recordings are in one form, whatever wire they were made on."""
    live = bench.open("openai", model=MODEL)
    provider.plan(planned(dialect(api), SAID, BODIES[api]))
    asked(gpt(live.socket), api)
    recording = live.recorded
    assert recording["exchanges"][0]["request"] == {"messages": 1, "last": "text", "tools": ["run"]}
    played = bench.open(
        model=MODEL,
        script={
            "exchanges": [
                exchange | {"request": {"messages": 1, "tools": ["run"]}}
                for exchange in recording["exchanges"] * 5
            ]
        },
    )
    client = gpt(played.socket)
    answers = [said_by(asked(client, each)) for each in BODIES]
    with (
        client.chat.completions.stream(**BODIES["chat"]) as chat,
        client.responses.stream(**BODIES["responses"]) as response,
    ):
        answers += [said_by(chat.get_final_completion()), said_by(response.get_final_response())]
    assert {words for words, _ in answers} == {EXPECTED[0]}
    assert [[call[1:] for call in calls] for _, calls in answers] == [
        [call[1:] for call in EXPECTED[1]]
    ] * 4
    tool = {"name": "run", "input_schema": {"type": "object"}}
    answer = sdk(played).messages.create(
        model=MODEL, max_tokens=9, messages=BODIES["chat"]["messages"], tools=[tool]
    )
    assert [block.type for block in answer.content] == ["text", "tool_use", "tool_use"]
    assert played.usage["script_left"] == 0
    assert played.cost == COST * 5


CONVERSATIONS = {
    "chat": {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Look"},
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {
                        "id": "c",
                        "type": "function",
                        "function": {"name": "run", "arguments": '{"a": 1}'},
                    },
                    {"id": "d", "type": "function", "function": {"name": "run", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "one"},
            {"role": "tool", "tool_call_id": "d", "content": "two"},
        ]
    },
    "responses": {
        "instructions": "Be kind.",
        "input": [
            {"role": "user", "content": "Look"},
            {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "I look."}],
            },
            {"type": "function_call", "call_id": "c", "name": "run", "arguments": '{"a": 1}'},
            {"type": "function_call", "call_id": "d", "name": "run", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "one"},
            {
                "type": "function_call_output",
                "call_id": "d",
                "output": [{"type": "input_text", "text": "two"}],
            },
        ],
    },
}


@pytest.mark.parametrize("api", CONVERSATIONS)
def test_a_conversation_has_the_same_form_whatever_api_it_is_held_in(api: str) -> None:
    answer = dialect(api).conversation(BODIES[api] | CONVERSATIONS[api])
    two = "two" if api == "chat" else [text("two")]
    assert answer == {
        "model": MODEL,
        "system": [text("Be kind.")],
        "tools": [{"name": "run", "description": "Runs.", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": [text("Look")]},
            {
                "role": "assistant",
                "content": [
                    text("I look."),
                    {"type": "tool_use", "id": "c", "name": "run", "input": {"a": 1}},
                    {"type": "tool_use", "id": "d", "name": "run", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": "one"},
                    {"type": "tool_result", "tool_use_id": "d", "content": two},
                ],
            },
        ],
    }


def test_a_path_of_the_other_wire_is_refused_in_that_wires_words(
    bench: Bench, gpt: Gpt, sdk: Callable[..., Any]
) -> None:
    anthropics, openais = bench.open("anthropic"), bench.open("openai", model=MODEL)
    with pytest.raises(
        openai.NotFoundError,
        match="POST /v1/chat/completions is not forwarded; POST /v1/messages and",
    ):
        asked(gpt(anthropics.socket), "chat")
    with pytest.raises(
        Exception,
        match="POST /v1/messages is not forwarded; POST /v1/chat/completions and /v1/responses is",
    ):
        sdk(openais).messages.create(model=MODEL, max_tokens=9, messages=BODIES["chat"]["messages"])
    for path in (
        "/models",
        "/files",
        "/conversations",
        "/responses/r_1",
        "/responses/compact",
        "/chat/completions/c_1",
    ):
        with pytest.raises(openai.NotFoundError, match="is not forwarded"):
            gpt(openais.socket).get(path, cast_to=object)


def test_a_denial_is_final_and_in_a_form_that_the_sdk_knows(bench: Bench, gpt: Gpt) -> None:
    served = bench.open("openai", model=MODEL, usd=Decimal("0.01"))
    for most in ({}, {"max_completion_tokens": 1}):
        with pytest.raises(openai.PermissionDeniedError) as denied:
            asked(gpt(served.socket), "chat", **most)
        assert (denied.value.type, denied.value.code) == ("budget_exhausted", "insufficient_quota")


REPORTED = [
    ({"prompt_tokens": 10, "completion_tokens": 5}, (10, 5, 0, 0)),
    (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
        (2, 5, 8, 0),
    ),
    # reasoning that is counted apart
    ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}, (10, 30, 0, 0)),
    ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 3}, (10, 5, 0, 0)),
    (
        {
            "prompt_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 6},
        },
        (1, 0, 3, 6),
    ),
    # cached apart: nothing is lost
    ({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 8}}, (0, 0, 8, 0)),
    (
        {"prompt_tokens": 10, "prompt_tokens_details": None, "completion_tokens": None},
        (10, 0, 0, 0),
    ),
]


@pytest.mark.parametrize(("usage", "tokens"), REPORTED)
def test_the_wires_own_accounting_is_read_so_that_nothing_is_free(
    usage: dict[str, Any], tokens: tuple[int, ...]
) -> None:
    found = CHAT.counted({"usage": usage})
    assert found is not None
    assert (found.input, found.output, found.cache_read, found.cache_write) == tokens
    renamed = {
        key.replace("prompt", "input").replace("completion", "output"): value
        for key, value in usage.items()
    }
    assert RESPONSES.counted({"usage": renamed}) == found
