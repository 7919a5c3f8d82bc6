"""Recordings: what an agent asked and what the model answered, in JSON that a person can edit.

A recording is one session of one role: `issue-<number>/<role>-<attempt>.json`.

    {
      "about": "Finds the off-by-one in the capacity check and fixes it.",
      "model": "claude-sonnet-5-5",
      "tools": ["run", "read", "search", "edit", "finish", "give_up"],
      "exchanges": [
        {
          "request": {"messages": 1, "last": "text", "contains": ["Group of 8 is refused"]},
          "response": {
            "content": [
              {"type": "text", "text": "I look at the capacity check first."},
              {"type": "tool_use", "name": "run",
               "input": {"command": "grep -rn capacity tidebook"}}
            ],
            "usage": {"input_tokens": 2100, "output_tokens": 85}
          }
        }
      ]
    }

`model` and `exchanges` are required. `about` is for people. `tools` is what every request of the
session must offer, in this order, unless its exchange has its own.

Everything in `request` is optional, even `request` itself:

- `messages`: how many the request holds; by default 1, 3, 5 … as a conversation grows.
- `last`: `"tool_result"` when the newest message answers tools, else `"text"`.
- `tools`: their names, in order.
- `contains`: texts that the newest message must hold (its texts and tool results, a line each).

In `response`, `content` is required: blocks of the Messages API. A `tool_use` needs no id: it gets
`toolu_<exchange>_<block>`, both from 1. `stop_reason` is by default `tool_use` when there is one,
else `end_turn`. `usage` is the provider's, because costs come from it. What it leaves out is
estimated: the output at four bytes a token, and the input by what a prompt cache would have served
of it (`caching.py`). A tool `input` that is a text, no object, is streamed as it is, so broken JSON
is kept.

Instead of `response` an exchange may have `error`: `{"status": 529, "type": "overloaded_error",
"message": "…"}`. A pause also has `about`, with its `cause` and `again_at`.

Replay takes the exchanges in order. A request that differs from the recorded one, or that comes
after the last one, ends the session with an error that names the file, the exchange and the field.
What was not played is counted when the session closes.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.sse import dumps

_VOLATILE = frozenset({"id", "caller", "citations", "toolset_name"})
_BYTES_A_TOKEN = 4
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
_NAMES = {"type": "array", "items": {"type": "string"}}


def _object(required: Sequence[str] = (), **properties: Any) -> JsonDict:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _block(kind: str, *required: str) -> JsonDict:
    return {
        "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
        "then": {"required": list(required)},
    }


_USAGE = _object(
    (),
    cache_creation={"type": "object"},
    **{name: {"type": "integer", "minimum": 0} for name in _COUNTS},
)
SCHEMA = _object(
    ("model", "exchanges"),
    about={"type": "string"},
    model={"type": "string"},
    tools=_NAMES,
    exchanges={
        "type": "array",
        "items": _object(
            request=_object(
                messages={"type": "integer", "minimum": 1},
                last={"enum": ["text", "tool_result"]},
                tools=_NAMES,
                contains=_NAMES,
            ),
            response=_object(
                ("content",),
                content={
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["type"],
                        "allOf": [
                            _block("text", "text"),
                            _block("tool_use", "name", "input"),
                            _block("thinking", "thinking"),
                        ],
                    },
                },
                stop_reason={"type": "string"},
                stop_sequence={"type": ["string", "null"]},
                usage=_USAGE,
            ),
            error=_object(
                ("status", "type", "message"),
                status={"type": "integer", "minimum": 400, "maximum": 599},
                type={"type": "string"},
                message={"type": "string"},
                about={"type": "object", "additionalProperties": {"type": "string"}},
            ),
        )
        | {"oneOf": [{"required": ["response"]}, {"required": ["error"]}]},
    },
)


class RecordingError(ValueError):
    """A recording that cannot be read. The message names the file and the field."""


def recording(file: Path, *, name: str) -> JsonDict:
    """Read a recording in the form above. Raises RecordingError."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordingError(f"{name}: there is no such recording; expected {file}") from error
    except (OSError, ValueError) as error:
        raise RecordingError(f"{name}: {error}") from error
    if wrong := best_match(Draft202012Validator(SCHEMA).iter_errors(document)):
        raise RecordingError(f"{name}: {wrong.json_path}: {wrong.message[:300]}")
    found: JsonDict = document
    return found


class Recorder:
    """Writes a recording, whole after each exchange.

    So one that a kill cuts short still replays up to there. `secret` is redacted wherever it
    appears.
    """

    def __init__(self, file: Path, *, about: str, model: str, secret: str = "") -> None:
        self._file, self._document = file, {"about": about, "model": model, "exchanges": []}
        self._secret = secret
        self._exchanges: list[JsonDict] = []

    def message(self, body: JsonObject, message: JsonObject) -> None:
        """Record an answer, without ids and nulls, which no two sessions share."""
        content = [
            {
                key: value
                for key, value in block.items()
                if key not in _VOLATILE and value is not None
            }
            for block in message["content"]
        ]
        counted = message.get("usage") or {}
        usage = {key: counted[key] for key in (*_COUNTS, "cache_creation") if counted.get(key)}
        self._write(
            body,
            response={
                "content": content,
                "stop_reason": message.get("stop_reason") or "end_turn",
                "usage": usage,
            },
        )

    def error(self, body: JsonObject, refusal: Refusal) -> None:
        """Record a refusal of the provider, which a replay must repeat."""
        self._write(body, error=refusal.recorded())

    def _write(self, body: JsonObject, **answer: Any) -> None:
        newest = body["messages"][-1]
        request = {
            "messages": len(body["messages"]),
            "last": kind_of(newest),
            "tools": list(tools_of(body)),
        }
        self._exchanges.append({"request": request, **answer})
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".unfinished")
        text = json.dumps(
            self._document | {"exchanges": self._exchanges}, ensure_ascii=False, indent=2
        )
        text = text.replace(self._secret, "[redacted]") if self._secret else text
        unfinished.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        os.replace(unfinished, self._file)


def estimate(value: Any) -> int:
    """The tokens in `value` when nobody counted: four bytes of its JSON each."""
    return len(dumps(value).encode("utf-8", "backslashreplace")) // _BYTES_A_TOKEN + 1


def kind_of(message: JsonObject) -> str:
    """`tool_result` when the message answers a tool, else `text`."""
    return (
        "tool_result"
        if any(block.get("type") == "tool_result" for block in _blocks(message))
        else "text"
    )


def tools_of(body: JsonObject) -> tuple[str, ...]:
    """The names of the tools that a request offers, in its order."""
    return tuple(tool["name"] for tool in body.get("tools") or ())


def text_of(message: JsonObject) -> str:
    """What a person would read in a message: its texts and its tool results."""
    return "\n".join(
        text_of(block) if block.get("type") == "tool_result" else str(block.get("text", ""))
        for block in _blocks(message)
    )


def _blocks(message: JsonObject) -> Sequence[JsonObject]:
    content = message.get("content") or ()
    return ({"type": "text", "text": content},) if isinstance(content, str) else content
