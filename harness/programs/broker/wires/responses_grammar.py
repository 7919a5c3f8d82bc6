"""What a sandbox may send to the Responses API: an allow-list.

Absent are conversations, earlier responses, stored prompts and items, background work, the
provider's own tools (search, code, computers, MCP), service tiers, and images or files by address:
all that would make the provider act, fetch, keep, remember or charge more. Nothing is stored:
`store` may only be false.
"""

from harness.programs.broker.wires.grammar import (
    BREAKPOINT,
    CACHE_OPTIONS,
    FLAG,
    NUMBER,
    OBJECT,
    STRING,
    WHOLE,
    Check,
    by_type,
    closed,
    each,
    inline_image,
    one_of,
    only,
    text_or,
)
from harness.programs.broker.wires.grammar import by as chosen_by

TYPE = {"type": STRING}
ITEM = TYPE | {"id": STRING, "status": STRING}
IMAGE = closed(
    TYPE
    | BREAKPOINT
    | {"image_url": inline_image, "detail": one_of("auto", "low", "high", "original")},
    required=("image_url",),
)
INPUT_CONTENT = {"input_text": closed(TYPE | BREAKPOINT | {"text": STRING}), "input_image": IMAGE}
OUTPUT_CONTENT = {
    "output_text": closed(
        TYPE | {"text": STRING, "annotations": each(OBJECT), "logprobs": each(OBJECT)}
    ),
    "refusal": closed(TYPE | {"refusal": STRING}),
}
TURN = closed(
    ITEM
    | {
        "role": one_of("user", "assistant", "system", "developer"),
        "phase": STRING,
        "content": text_or(each(by_type(INPUT_CONTENT | OUTPUT_CONTENT))),
    },
    required=("role", "content"),
)
OUTPUT = closed(
    ITEM | {"call_id": STRING, "output": text_or(each(by_type(INPUT_CONTENT)))},
    required=("call_id", "output"),
)
THOUGHT = closed(TYPE | {"text": STRING})
ITEMS = chosen_by(
    "type",
    {
        "message": TURN,
        "function_call": closed(
            ITEM | {"call_id": STRING, "name": STRING, "arguments": STRING},
            required=("call_id", "name", "arguments"),
        ),
        "function_call_output": OUTPUT,
        "custom_tool_call": closed(
            ITEM | {"call_id": STRING, "name": STRING, "input": STRING},
            required=("call_id", "name", "input"),
        ),
        "custom_tool_call_output": OUTPUT,
        "reasoning": closed(
            ITEM | {"summary": each(THOUGHT), "content": each(THOUGHT), "encrypted_content": STRING}
        ),
    },
    usual="message",
)
TOOL = by_type(
    {
        "function": closed(
            TYPE | {"name": STRING, "description": STRING, "parameters": OBJECT, "strict": FLAG},
            required=("name",),
        ),
        "custom": closed(
            TYPE
            | {
                "name": STRING,
                "description": STRING,
                "format": by_type(
                    {
                        "text": closed(TYPE),
                        "grammar": closed(
                            TYPE | {"syntax": one_of("lark", "regex"), "definition": STRING}
                        ),
                    }
                ),
            },
            required=("name",),
        ),
    }
)
NAMED = {"function": closed(TYPE | {"name": STRING}), "custom": closed(TYPE | {"name": STRING})}
CHOICE = by_type(
    NAMED
    | {
        "allowed_tools": closed(
            TYPE | {"mode": one_of("auto", "required"), "tools": each(by_type(NAMED))}
        )
    }
)
FORMAT = by_type(
    {
        "text": closed(TYPE),
        "json_object": closed(TYPE),
        "json_schema": closed(
            TYPE | {"name": STRING, "description": STRING, "schema": OBJECT, "strict": FLAG},
            required=("name", "schema"),
        ),
    }
)


def _choice(value: object, path: str) -> None:
    grammar: Check = one_of("none", "auto", "required") if isinstance(value, str) else CHOICE
    grammar(value, path)


def _words(value: object, path: str) -> None:
    if not isinstance(value, dict):
        OBJECT(value, path)
    each(STRING)(list(value.values()) if isinstance(value, dict) else [], path)


BODY = closed(
    {
        "model": STRING,
        "input": text_or(each(ITEMS)),
        "instructions": STRING,
        "stream": FLAG,
        "stream_options": closed({"include_obfuscation": FLAG}),
        "max_output_tokens": WHOLE,
        "store": only(False),
        "tools": each(TOOL),
        "tool_choice": _choice,
        "parallel_tool_calls": FLAG,
        "reasoning": closed({"effort": STRING, "summary": STRING}),
        "include": each(one_of("reasoning.encrypted_content")),
        "text": closed({"format": FORMAT, "verbosity": STRING}),
        "temperature": NUMBER,
        "top_p": NUMBER,
        "truncation": one_of("auto", "disabled"),
        "metadata": _words,
        "prompt_cache_options": CACHE_OPTIONS,
        "user": STRING,
        "safety_identifier": STRING,
        "prompt_cache_key": STRING,
        # What a client reports about itself. It is not forwarded.
        "client_metadata": _words,
    },
    required=("model", "input"),
)
