"""What may be forwarded on the OpenAI wire: a table of everything that would make the provider act,
fetch, keep or charge."""

from typing import Any

import pytest

from harness.programs.broker.refusal import Refusal
from harness.programs.broker.wires.chat import Chat
from harness.programs.broker.wires.responses import Responses

MODEL = "acme/gpt"
URL = "https://evil.example/d"
INLINE = "data:image/png;base64,aaaa"
FUNCTION = {
    "name": "run",
    "description": "Runs.",
    "parameters": {"type": "object", "properties": {"url": {"const": URL}}},
}
CHAT: dict[str, Any] = {
    "model": MODEL,
    "max_completion_tokens": 100,
    "stream": True,
    "stream_options": {"include_usage": True},
    "n": 1,
    "store": False,
    "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
    "temperature": 0.5,
    "top_p": 1,
    "seed": 3,
    "stop": ["END"],
    "reasoning_effort": "high",
    "verbosity": "low",
    "user": "u",
    "parallel_tool_calls": False,
    "prompt_cache_key": "k",
    "modalities": ["text"],
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "tool_choice": {"type": "function", "function": {"name": "run"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True},
    },
    "tools": [
        {"type": "function", "function": FUNCTION | {"strict": True}},
        {"type": "custom", "custom": {"name": "patch"}},
    ],
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {
                    "type": "image_url",
                    "image_url": {"url": INLINE, "detail": "low"},
                    "prompt_cache_breakpoint": {"mode": "explicit"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Hm",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "run", "arguments": "{}"}},
                {"id": "d", "type": "custom", "custom": {"name": "patch", "input": "x"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "done"},
        {"role": "tool", "tool_call_id": "d", "content": [{"type": "text", "text": "done"}]},
    ],
}
RESPONSES: dict[str, Any] = {
    "model": MODEL,
    "max_output_tokens": 100,
    "stream": True,
    "store": False,
    "instructions": "Be kind.",
    "truncation": "disabled",
    "prompt_cache_options": {"ttl": "30m"},
    "reasoning": {"effort": "high", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "temperature": 1,
    "top_p": 1,
    "text": {
        "verbosity": "low",
        "format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}},
    },
    "parallel_tool_calls": True,
    "prompt_cache_key": "k",
    "metadata": {"a": "b"},
    "tool_choice": "auto",
    "tools": [
        {"type": "function", **FUNCTION, "strict": False},
        {
            "type": "custom",
            "name": "patch",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"},
        },
    ],
    "input": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Look"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "here"},
                {"type": "input_image", "image_url": INLINE},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "encrypted_content": "e",
        },
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "I look", "annotations": []}],
        },
        {"type": "function_call", "id": "fc", "call_id": "c", "name": "run", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
        {"type": "custom_tool_call", "call_id": "d", "name": "patch", "input": "x"},
        {
            "type": "custom_tool_call_output",
            "call_id": "d",
            "output": [{"type": "input_text", "text": "done"}],
        },
    ],
}


def test_all_that_an_agent_with_tools_of_its_own_needs_is_forwarded() -> None:
    assert Chat().checked(CHAT, model=MODEL) == CHAT
    assert Responses().checked(RESPONSES, model=MODEL) == RESPONSES


def chat(**changes: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]} | changes


def message(*parts: dict[str, Any], role: str = "user", **more: Any) -> dict[str, Any]:
    return chat(messages=[{"role": role, "content": list(parts), **more}])


NOT_AS_CHAT = {
    # what makes the provider act
    "web search": (chat(web_search_options={}), "web_search_options"),
    "a tool of its own": (chat(tools=[{"type": "web_search_preview"}]), "tools[0].type"),
    "a plugin": (chat(plugins=[{"id": "web"}]), "plugins"),
    "functions as they once were": (chat(functions=[FUNCTION]), "functions"),
    # what makes it fetch
    "an image by address": (
        message({"type": "image_url", "image_url": {"url": URL}}),
        "messages[0].content[0].image_url.url",
    ),
    "an image that only begins inline": (
        message({"type": "image_url", "image_url": {"url": f"data:text/html;base64,{URL}"}}),
        "messages[0].content[0].image_url.url",
    ),
    "an image that is no text": (
        message({"type": "image_url", "image_url": {"url": ["x"]}}),
        "messages[0].content[0].image_url.url",
    ),
    "no image": (message({"type": "image_url"}), "messages[0].content[0].image_url"),
    "a file": (message({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[0].type"),
    "sound": (
        message({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
        "messages[0].content[0].type",
    ),
    "an image in a tool's result": (
        message({"type": "image_url", "image_url": {"url": URL}}, role="tool", tool_call_id="c"),
        "messages[0].content[0].type",
    ),
    "sound that was said": (message(role="assistant", audio={"id": "a"}), "messages[0].audio"),
    # what it would keep
    "storing": (chat(store=True), "store"),
    "metadata of what is stored": (chat(metadata={}), "metadata"),
    # what it would charge
    "two answers": (chat(n=2), "n"),
    "two answers, as a fraction": (chat(n=1.0), "n"),
    "one, as a flag": (chat(n=True), "n"),
    "a tier": (chat(service_tier="priority"), "service_tier"),
    "a cache that is kept for longer": (
        chat(prompt_cache_options={"ttl": "12h"}),
        "prompt_cache_options.ttl",
    ),
    "a cache for a day": (chat(prompt_cache_retention="24h"), "prompt_cache_retention"),
    "speech": (chat(modalities=["text", "audio"]), "modalities[1]"),
    "a prediction": (chat(prediction={"type": "content", "content": ""}), "prediction"),
    "another provider's route": (chat(models=["other"]), "models"),
    # who is asked, and how
    "another model": (chat(model="gpt"), "model"),
    "no messages": (chat(messages=[]), "messages"),
    "an unknown role": (chat(messages=[{"role": "root", "content": ""}]), "messages[0].role"),
    "a role that is a list": (
        chat(messages=[{"role": ["user"], "content": ""}]),
        "messages[0].role",
    ),
    "a call without a name": (
        message(
            role="assistant",
            tool_calls=[{"id": "c", "type": "function", "function": {"arguments": ""}}],
        ),
        "messages[0].tool_calls[0].function.name",
    ),
    "no tokens at all": (chat(max_tokens=0), "max_tokens"),
    "fewer tokens than none": (chat(max_completion_tokens=-1), "max_completion_tokens"),
    "a choice that is a list": (chat(tool_choice=["auto"]), "tool_choice.type"),
    "no object": ([], "body"),
    "anything else": (chat(Model=MODEL), "Model"),
}


@pytest.mark.parametrize(("asked", "field"), NOT_AS_CHAT.values(), ids=NOT_AS_CHAT)
def test_it_is_not_forwarded_as_a_chat_completion_and_the_field_is_named(
    asked: Any, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        Chat().checked(asked, model=MODEL)
    assert refused.value.status == 400
    assert refused.value.message.startswith(f"{field}: "), refused.value.message


def response(**changes: Any) -> dict[str, Any]:
    return {"model": MODEL, "input": "Hello"} | changes


def item(**fields: Any) -> dict[str, Any]:
    return response(input=[fields])


NOT_AS_RESPONSE = {
    # what it would remember
    "a conversation": (response(conversation="c"), "conversation"),
    "an earlier response": (response(previous_response_id="r"), "previous_response_id"),
    "storing": (response(store=True), "store"),
    "work behind our back": (response(background=True), "background"),
    "a stored prompt": (response(prompt={"id": "p"}), "prompt"),
    "a reference to an item": (item(type="item_reference", id="x"), "input[0].type"),
    # what makes it act
    **{
        f"its own tool {kind}": (response(tools=[{"type": kind}]), "tools[0].type")
        for kind in (
            "web_search",
            "web_search_preview",
            "file_search",
            "code_interpreter",
            "computer_use_preview",
            "image_generation",
            "mcp",
            "local_shell",
            "shell",
            "apply_patch",
            "tool_search",
            "namespace",
        )
    },
    "a choice of its own tool": (response(tool_choice={"type": "web_search"}), "tool_choice.type"),
    "an own tool among the allowed": (
        response(tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}),
        "tool_choice.tools[0].type",
    ),
    "a call of its search": (item(type="web_search_call", id="w"), "input[0].type"),
    "an approval": (
        item(type="mcp_approval_response", approve=True, approval_request_id="a"),
        "input[0].type",
    ),
    "a change of what it sees": (response(context_management=[]), "context_management"),
    # what makes it fetch
    "an image by address": (
        item(role="user", content=[{"type": "input_image", "image_url": URL}]),
        "input[0].content[0].image_url",
    ),
    "an image by file": (
        item(role="user", content=[{"type": "input_image", "image_url": INLINE, "file_id": "f"}]),
        "input[0].content[0].file_id",
    ),
    "a file": (
        item(role="user", content=[{"type": "input_file", "file_url": URL}]),
        "input[0].content[0].type",
    ),
    "an image by address in a result": (
        item(
            type="function_call_output",
            call_id="c",
            output=[{"type": "input_image", "image_url": URL}],
        ),
        "input[0].output[0].image_url",
    ),
    "results of its tools": (response(include=["web_search_call.action.sources"]), "include[0]"),
    # what it would charge
    "a tier": (response(service_tier="flex"), "service_tier"),
    "a cache that is kept for longer": (
        item(
            role="user",
            content=[
                {
                    "type": "input_text",
                    "text": "",
                    "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"},
                }
            ],
        ),
        "input[0].content[0].prompt_cache_breakpoint.ttl",
    ),
    # who is asked, and how
    "another model": (response(model="gpt"), "model"),
    "nothing to answer": (response(input=[]), "input"),
    "no tokens at all": (response(max_output_tokens=0), "max_output_tokens"),
    "metadata that is no text": (response(metadata={"a": {}}), "metadata[0]"),
    "anything else": (response(Input="x"), "Input"),
}


@pytest.mark.parametrize(("asked", "field"), NOT_AS_RESPONSE.values(), ids=NOT_AS_RESPONSE)
def test_it_is_not_forwarded_as_a_response_and_the_field_is_named(asked: Any, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        Responses().checked(asked, model=MODEL)
    assert refused.value.status == 400
    assert refused.value.message.startswith(f"{field}: "), refused.value.message


def test_a_limit_is_put_in_where_the_sandbox_gave_none_and_nothing_is_ever_stored() -> None:
    assert Chat().forwarded(chat(), model="gpt") == chat(model="gpt", max_completion_tokens=32_000)
    assert Chat().forwarded(chat(max_tokens=9), model="gpt") == chat(model="gpt", max_tokens=9)
    assert Responses().forwarded(response(), model="gpt") == response(
        model="gpt", max_output_tokens=32_000, store=False
    )
    assert Responses().forwarded(
        response(client_metadata={"installation": "i"}), model="gpt"
    ) == response(model="gpt", max_output_tokens=32_000, store=False)
    assert Responses().forwarded(
        response(store=None, max_output_tokens=9), model="gpt"
    ) == response(model="gpt", store=False, max_output_tokens=9)
    limits = ({}, {"max_tokens": 7}, {"max_tokens": 7, "max_completion_tokens": 9})
    assert [Chat().most_output(chat(**each)) for each in limits] == [32_000, 7, 9]


def test_the_count_of_tokens_is_always_asked_for_of_a_stream() -> None:
    assert Chat().forwarded(chat(stream=True), model="gpt")["stream_options"] == {
        "include_usage": True
    }
    turned_off = chat(
        stream=True, stream_options={"include_usage": False, "include_obfuscation": False}
    )
    assert Chat().forwarded(turned_off, model="gpt")["stream_options"] == {
        "include_usage": True,
        "include_obfuscation": False,
    }
    assert "stream_options" not in Chat().forwarded(chat(), model="gpt")
