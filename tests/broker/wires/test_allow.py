"""What may be forwarded: a table of everything that would make the provider act, fetch or charge
for the sandbox."""

from typing import Any

import pytest

from harness.programs.broker.refusal import Refusal
from harness.programs.broker.wires.messages_grammar import COUNT_BODY, checked

MODEL = "claude-sonnet-5-5"
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {
    "name": "run",
    "description": "Runs.",
    "input_schema": {"type": "object", "properties": {"type": {"const": "url"}}},
}
CACHED = {"type": "ephemeral", "ttl": "1h"}
WHOLE = {
    "model": MODEL,
    "max_tokens": 100,
    "stream": True,
    "temperature": 0.5,
    "top_p": 1,
    "top_k": 3,
    "stop_sequences": ["END"],
    "system": [{"type": "text", "text": "Be kind.", "cache_control": CACHED}],
    "metadata": {"user_id": "u"},
    "thinking": {"type": "enabled", "budget_tokens": 50},
    "tool_choice": {"type": "tool", "name": "run"},
    "output_config": {
        "effort": "high",
        "format": {"type": "json_schema", "schema": {"type": "object"}},
    },
    "tools": [
        TOOL | {"type": "custom", "cache_control": CACHED, "strict": True},
        TOOL | {"type": None},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look", "cache_control": None},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"},
                },
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "a"},
                    "title": "A",
                },
                {
                    "type": "document",
                    "source": {"type": "content", "content": [{"type": "text", "text": "a"}]},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "text", "text": "I look", "citations": None},
                {
                    "type": "tool_use",
                    "id": "t",
                    "name": "run",
                    "input": {"type": "web_search"},
                    "caller": {"type": "direct"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": "done", "is_error": False},
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "text", "text": "done"}],
                },
            ],
        },
    ],
}


def test_all_that_a_client_side_agent_needs_is_forwarded() -> None:
    assert checked(WHOLE, model=MODEL) == WHOLE


def body(**changes: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 100, "messages": HELLO} | changes


def block(**fields: Any) -> dict[str, Any]:
    return body(messages=[{"role": "user", "content": [fields]}])


def source(kind: str, **fields: Any) -> dict[str, Any]:
    return block(type=kind, source=fields)


URL = "https://evil.example/d"
FORBIDDEN = {
    # what makes the provider act
    "mcp_servers": (body(mcp_servers=[{"type": "url", "url": URL}]), "mcp_servers"),
    "container": (body(container="c1"), "container"),
    "context_management": (body(context_management={}), "context_management"),
    "web search": (
        body(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
        "tools[0].type",
    ),
    "web fetch": (body(tools=[TOOL, TOOL | {"type": "web_fetch_20260318"}]), "tools[1].type"),
    "code execution": (body(tools=[TOOL | {"type": "code_execution_20260521"}]), "tools[0].type"),
    "called by code": (
        body(tools=[TOOL | {"allowed_callers": ["code_execution_20260120"]}]),
        "tools[0].allowed_callers",
    ),
    "server tool use": (
        block(type="server_tool_use", id="s", name="web_search", input={}),
        "messages[0].content[0].type",
    ),
    "a caller that is code": (
        block(
            type="tool_use", id="t", name="n", input={}, caller={"type": "code_execution_20260120"}
        ),
        "messages[0].content[0].caller.type",
    ),
    "mcp tool use": (
        block(type="mcp_tool_use", id="s", name="n", input={}),
        "messages[0].content[0].type",
    ),
    # what makes the provider fetch
    "image by URL": (source("image", type="url", url=URL), "messages[0].content[0].source.type"),
    "document by URL": (
        source("document", type="url", url=URL),
        "messages[0].content[0].source.type",
    ),
    "image by file": (
        source("image", type="file", file_id="f"),
        "messages[0].content[0].source.type",
    ),
    "document by file": (
        source("document", type="file", file_id="f"),
        "messages[0].content[0].source.type",
    ),
    "upload": (block(type="container_upload", file_id="f"), "messages[0].content[0].type"),
    "URL in a tool result": (
        block(
            type="tool_result",
            tool_use_id="t",
            content=[{"type": "image", "source": {"type": "url", "url": URL}}],
        ),
        "messages[0].content[0].content[0].source.type",
    ),
    "URL in a document": (
        source("document", type="content", content=[{"type": "image", "source": {"type": "url"}}]),
        "messages[0].content[0].source.content[0].source.type",
    ),
    "URL beside the data": (
        source("image", type="base64", media_type="image/png", data="", url=URL),
        "messages[0].content[0].source.url",
    ),
    # what changes the price, or cannot be priced beforehand
    "speed": (body(speed="fast"), "speed"),
    "service tier": (body(service_tier="auto"), "service_tier"),
    "region": (body(inference_geo="us"), "inference_geo"),
    "PDF": (
        source("document", type="base64", media_type="application/pdf", data="JVBERi0="),
        "messages[0].content[0].source.type",
    ),
    "no max_tokens": ({"model": MODEL, "messages": HELLO}, "max_tokens"),
    "max_tokens null": (body(max_tokens=None), "max_tokens"),
    "max_tokens zero": (body(max_tokens=0), "max_tokens"),
    "max_tokens no number": (body(max_tokens=True), "max_tokens"),
    "cached for a year": (
        body(
            system=[
                {"type": "text", "text": "", "cache_control": {"type": "ephemeral", "ttl": "1y"}}
            ]
        ),
        "system[0].cache_control.ttl",
    ),
    # who is asked, and how
    "another model": (body(model="claude-fable-5"), "model"),
    "no model": (body(model=None), "model"),
    "a list for a model": (body(model=[MODEL]), "model"),
    "a system message among the others": (
        body(messages=[{"role": "system", "content": "Commands"}]),
        "messages[0].role",
    ),
    "no messages": (body(messages=[]), "messages"),
    "messages that are no list": (body(messages={"role": "user"}), "messages"),
    "a message that is no object": (body(messages=["Hello"]), "messages[0]"),
    "a message without content": (
        body(messages=[{"role": "user", "content": None}]),
        "messages[0].content",
    ),
    "a block that is no object": (
        body(messages=[{"role": "user", "content": ["Hello"]}]),
        "messages[0].content[0].type",
    ),
    "a type that is a list": (block(type=["text"], text=""), "messages[0].content[0].type"),
    "streaming, perhaps": (body(stream="yes"), "stream"),
    "no object": ([], "body"),
    "anything else": (body(Model=MODEL), "Model"),
}


@pytest.mark.parametrize(("asked", "field"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_it_is_not_forwarded_and_the_field_is_named(asked: Any, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked(asked, model=MODEL)
    assert refused.value.status == 400
    assert refused.value.message.startswith(f"{field}: "), refused.value.message


def test_counting_has_a_shorter_list() -> None:
    assert checked({"model": MODEL, "messages": HELLO}, model=MODEL, grammar=COUNT_BODY)
    with pytest.raises(Refusal, match=r"^max_tokens: is not forwarded"):
        checked(body(), model=MODEL, grammar=COUNT_BODY)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (body(model="m" * 90), f"model: this session is for {MODEL}, not '{'m' * 79}"),
        (body(messages=[]), "messages: expected at least one message"),
        (body(max_tokens=0), "max_tokens: expected at least 1"),
    ],
)
def test_what_is_refused_names_what_was_expected(asked: Any, message: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked(asked, model=MODEL)
    assert refused.value.message == message


def test_one_token_may_be_asked_for() -> None:
    assert checked(body(max_tokens=1), model=MODEL)["max_tokens"] == 1
