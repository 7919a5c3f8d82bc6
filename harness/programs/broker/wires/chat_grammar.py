"""What a sandbox may send as a chat completion: an allow-list.

Absent are web search, audio, stored completions, several answers to one question, service tiers,
and images or files by address: all that would make the provider act, fetch, keep or charge more.
"""

from harness.programs.broker.wires.grammar import (
    BREAKPOINT,
    CACHE_OPTIONS,
    FLAG,
    NUMBER,
    OBJECT,
    STRING,
    WHOLE,
    by,
    by_type,
    closed,
    each,
    inline_image,
    one_of,
    only,
    text_or,
)

TYPE = {"type": STRING}
TEXT = closed(TYPE | {"text": STRING} | BREAKPOINT)
IMAGE = closed(
    TYPE
    | BREAKPOINT
    | {
        "image_url": closed(
            {"url": inline_image, "detail": one_of("auto", "low", "high", "original")},
            required=("url",),
        )
    },
    required=("image_url",),
)
SYSTEM_MESSAGE = {"role": STRING, "name": STRING, "content": text_or(each(by_type({"text": TEXT})))}
CALL = by_type(
    {
        "function": closed(
            TYPE
            | {
                "id": STRING,
                "function": closed(
                    {"name": STRING, "arguments": STRING}, required=("name", "arguments")
                ),
            },
            required=("id", "function"),
        ),
        "custom": closed(
            TYPE
            | {
                "id": STRING,
                "custom": closed({"name": STRING, "input": STRING}, required=("name", "input")),
            },
            required=("id", "custom"),
        ),
    }
)
MESSAGE = by(
    "role",
    {
        "system": closed(SYSTEM_MESSAGE, required=("content",)),
        "developer": closed(SYSTEM_MESSAGE, required=("content",)),
        "user": closed(
            {
                "role": STRING,
                "name": STRING,
                "content": text_or(each(by_type({"text": TEXT, "image_url": IMAGE}))),
            },
            required=("content",),
        ),
        "assistant": closed(
            {
                "role": STRING,
                "name": STRING,
                "refusal": STRING,
                "tool_calls": each(CALL),
                "content": text_or(
                    each(by_type({"text": TEXT, "refusal": closed(TYPE | {"refusal": STRING})}))
                ),
                # Reasoning that some providers of this wire want to be sent back.
                "reasoning": STRING,
                "reasoning_content": STRING,
                "reasoning_details": each(OBJECT),
            }
        ),
        "tool": closed(
            {
                "role": STRING,
                "tool_call_id": STRING,
                "name": STRING,
                "content": text_or(each(by_type({"text": TEXT}))),
            },
            required=("tool_call_id", "content"),
        ),
    },
)
TOOL = by_type(
    {
        "function": closed(
            TYPE
            | {
                "function": closed(
                    {"name": STRING, "description": STRING, "parameters": OBJECT, "strict": FLAG},
                    required=("name",),
                )
            },
            required=("function",),
        ),
        "custom": closed(
            TYPE
            | {
                "custom": closed(
                    {"name": STRING, "description": STRING, "format": OBJECT}, required=("name",)
                )
            },
            required=("custom",),
        ),
    }
)
NAMED = {
    "function": closed(TYPE | {"function": closed({"name": STRING})}),
    "custom": closed(TYPE | {"custom": closed({"name": STRING})}),
}
FORMAT = by_type(
    {
        "text": closed(TYPE),
        "json_object": closed(TYPE),
        "json_schema": closed(
            TYPE
            | {
                "json_schema": closed(
                    {"name": STRING, "description": STRING, "schema": OBJECT, "strict": FLAG},
                    required=("name",),
                )
            },
            required=("json_schema",),
        ),
    }
)


def _choice(value: object, path: str) -> None:
    (one_of("none", "auto", "required") if isinstance(value, str) else by_type(NAMED))(value, path)


def _stop(value: object, path: str) -> None:
    text_or(each(STRING))(value, path)


BODY = closed(
    {
        "model": STRING,
        "messages": each(MESSAGE),
        "stream": FLAG,
        "stream_options": closed({"include_usage": FLAG, "include_obfuscation": FLAG}),
        "max_tokens": WHOLE,
        "max_completion_tokens": WHOLE,
        "n": only(1),
        "stop": _stop,
        "store": only(False),
        "tools": each(TOOL),
        "tool_choice": _choice,
        "parallel_tool_calls": FLAG,
        "response_format": FORMAT,
        "temperature": NUMBER,
        "top_p": NUMBER,
        "frequency_penalty": NUMBER,
        "presence_penalty": NUMBER,
        "seed": WHOLE,
        "reasoning_effort": STRING,
        "verbosity": STRING,
        "modalities": each(one_of("text")),
        "prompt_cache_options": CACHE_OPTIONS,
        "user": STRING,
        "safety_identifier": STRING,
        "prompt_cache_key": STRING,
    },
    required=("model", "messages"),
)
