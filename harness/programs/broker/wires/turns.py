"""A conversation of any dialect in the form of the Messages API."""

import json
from collections.abc import Iterable, Mapping
from typing import Any


class Turns:
    """Collects the turns: system texts apart, and one message for all consecutive turns of one
    side."""

    def __init__(self) -> None:
        self.system: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []

    def add_system(self, blocks: Iterable[dict[str, Any]]) -> None:
        """Add to the system prompt."""
        self.system += blocks

    def add_turn(self, role: str, blocks: Iterable[dict[str, Any]]) -> None:
        """Add the next turn of the user (and their tools) or of the assistant."""
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": list(blocks)})

    def body(self, model: str, tools: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """The request. Without any turn it has one empty turn of the user."""
        found: dict[str, Any] = {
            "model": model,
            "messages": self.messages or [{"role": "user", "content": []}],
        }
        if self.system:
            found["system"] = self.system
        if offered := list(tools):
            found["tools"] = offered
        return found


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image(address: str) -> dict[str, Any]:
    """An image of an address `data:image/png;base64,…`."""
    kind, _, data = address.partition(";base64,")
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": kind.removeprefix("data:"), "data": data},
    }


def tool(name: str, description: str | None, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"name": name, "description": description or "", "input_schema": dict(schema or {})}


def tool_use(id: str, name: str, written: str) -> dict[str, Any]:
    """A tool call. Models sometimes write broken JSON, which is kept as text."""
    try:
        given: Any = json.loads(written or "{}")
    except ValueError:
        given = written
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def custom_use(id: str, name: str, words: str) -> dict[str, Any]:
    """A call of a tool that takes any text."""
    return {"type": "tool_use", "id": id, "name": name, "input": words}


def tool_result(id: str, content: str | list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content}


def written(given: Any) -> str:
    """A tool's input as a model writes it."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def message(
    id: str,
    model: str,
    content: Iterable[dict[str, Any]],
    *,
    stop_reason: str,
    usage: Mapping[str, int],
) -> dict[str, Any]:
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
