"""A conversation of any dialect in the form of the Messages API."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.sse import loads


class Turns:
    """Collects the turns: system texts apart, and one message for all consecutive turns of one
    side."""

    def __init__(self) -> None:
        self.system: list[JsonDict] = []
        self.messages: list[JsonDict] = []

    def add_system(self, blocks: Iterable[JsonDict]) -> None:
        """Add to the system prompt."""
        self.system += blocks

    def add_turn(self, role: str, blocks: Iterable[JsonDict]) -> None:
        """Add the next turn of the user (and their tools) or of the assistant."""
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": list(blocks)})

    def body(self, model: str, tools: Iterable[JsonDict]) -> JsonDict:
        """The request. Without any turn it has one empty turn of the user."""
        found: JsonDict = {
            "model": model,
            "messages": self.messages or [{"role": "user", "content": []}],
        }
        if self.system:
            found["system"] = self.system
        if offered := list(tools):
            found["tools"] = offered
        return found


def text(words: str) -> JsonDict:
    return {"type": "text", "text": words}


def image(address: str) -> JsonDict:
    """An image of an address `data:image/png;base64,…`."""
    kind, _, data = address.partition(";base64,")
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": kind.removeprefix("data:"), "data": data},
    }


def tool(name: str, description: str | None, schema: JsonObject | None) -> JsonDict:
    return {"name": name, "description": description or "", "input_schema": dict(schema or {})}


def tool_use(id: str, name: str, written: str) -> JsonDict:
    """A tool call. Models sometimes write broken JSON, which is kept as text."""
    try:
        given: Any = loads(written or "{}")
    except ValueError:
        given = written
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def custom_use(id: str, name: str, words: str) -> JsonDict:
    """A call of a tool that takes any text."""
    return {"type": "tool_use", "id": id, "name": name, "input": words}


def tool_result(id: str, content: str | list[JsonDict]) -> JsonDict:
    return {"type": "tool_result", "tool_use_id": id, "content": content}


def written(given: Any) -> str:
    """A tool's input as a model writes it."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def message(
    id: str,
    model: str,
    content: Iterable[JsonDict],
    *,
    stop_reason: str,
    usage: Mapping[str, int],
) -> JsonDict:
    """A whole message of the Messages API."""
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": dict(usage),
    }
