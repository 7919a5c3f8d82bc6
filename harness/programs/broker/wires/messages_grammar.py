"""What a sandbox may send to a provider: an allow-list, written as a grammar of the Messages API.

Absent is everything that would make the provider act for the sandbox: server tools, MCP servers,
containers, file ids, URLs to fetch. So is what changes the price (speed, tier, region) and what
cannot be priced beforehand (PDF).
"""

from typing import Any

from harness.domain.plain import JsonDict
from harness.programs.broker.refusal import forbidden
from harness.programs.broker.wires.grammar import (
    FLAG,
    NUMBER,
    OBJECT,
    STRING,
    WHOLE,
    Check,
    by_type,
    closed,
    each,
    one_of,
    text_or,
)

TYPE = {"type": STRING}
CACHED = TYPE | {"cache_control": closed({"type": one_of("ephemeral"), "ttl": one_of("5m", "1h")})}
CALLER = closed({"type": one_of("direct")})

IMAGE_SOURCE = by_type(
    {
        "base64": closed(
            TYPE
            | {
                "media_type": one_of("image/png", "image/jpeg", "image/gif", "image/webp"),
                "data": STRING,
            }
        )
    }
)
IMAGE = closed(CACHED | {"source": IMAGE_SOURCE})
TEXT = closed(CACHED | {"text": STRING, "citations": each(OBJECT)})
DOCUMENT_SOURCE = by_type(
    {
        "text": closed(TYPE | {"media_type": one_of("text/plain"), "data": STRING}),
        "content": closed(
            TYPE | {"content": text_or(each(by_type({"text": TEXT, "image": IMAGE})))}
        ),
    }
)
DOCUMENT = closed(
    CACHED
    | {
        "source": DOCUMENT_SOURCE,
        "title": STRING,
        "context": STRING,
        "citations": closed({"enabled": FLAG}),
    }
)
INPUT_CONTENT = {"text": TEXT, "image": IMAGE, "document": DOCUMENT}
BLOCK = by_type(
    INPUT_CONTENT
    | {
        "tool_use": closed(
            CACHED | {"id": STRING, "name": STRING, "input": OBJECT, "caller": CALLER}
        ),
        "tool_result": closed(
            CACHED
            | {
                "tool_use_id": STRING,
                "content": text_or(each(by_type(INPUT_CONTENT))),
                "is_error": FLAG,
            }
        ),
        "thinking": closed(TYPE | {"thinking": STRING, "signature": STRING}),
        "redacted_thinking": closed(TYPE | {"data": STRING}),
    }
)
MESSAGE = closed(
    {"role": one_of("user", "assistant"), "content": text_or(each(BLOCK))},
    required=("role", "content"),
)
TOOL = closed(
    CACHED
    | {
        "type": one_of("custom"),
        "name": STRING,
        "description": STRING,
        "input_schema": OBJECT,
        "strict": FLAG,
        "input_examples": each(OBJECT),
        "eager_input_streaming": FLAG,
    },
    required=("name", "input_schema"),
)
SCHEMA_FORMAT = closed(TYPE | {"schema": OBJECT})
COUNTED = {
    "model": STRING,
    "messages": each(MESSAGE),
    "system": text_or(each(by_type({"text": TEXT}))),
    "tools": each(TOOL),
    "tool_choice": closed(
        {
            "type": one_of("auto", "any", "tool", "none"),
            "name": STRING,
            "disable_parallel_tool_use": FLAG,
        }
    ),
    "thinking": closed(
        {
            "type": one_of("enabled", "disabled", "adaptive"),
            "budget_tokens": WHOLE,
            "display": one_of("summarized", "omitted"),
        }
    ),
    "output_config": closed({"effort": STRING, "format": SCHEMA_FORMAT}),
}
COUNT_BODY = closed(COUNTED, required=("model", "messages"))
MESSAGE_BODY = closed(
    COUNTED
    | {
        "max_tokens": WHOLE,
        "stream": FLAG,
        "temperature": NUMBER,
        "top_p": NUMBER,
        "top_k": WHOLE,
        "stop_sequences": each(STRING),
        "metadata": closed({"user_id": STRING}),
    },
    required=("model", "messages", "max_tokens"),
)


def checked(body: Any, *, model: str, grammar: Check = MESSAGE_BODY) -> JsonDict:
    """The body, when all of it may be forwarded for a session of `model`. Raises Refusal that
    names the field."""
    grammar(body, "")
    found: JsonDict = body
    if found["model"] != model:
        raise forbidden("model", f"this session is for {model}, not {found['model']!r:.80}")
    if not found["messages"]:
        raise forbidden("messages", "expected at least one message")
    if found.get("max_tokens", 1) < 1:
        raise forbidden("max_tokens", "expected at least 1")
    return found
