"""The model's answer, assembled from the events of its stream.

The SDK gives the events. It would also assemble them, but it stops at the first tool input that is
not JSON. Here such an input is part of the answer: the model gets an error, and goes on.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NOT_JSON = "INVALID_JSON"
"""The key for a tool input that is not JSON, in the conversation, as the provider advises."""
DECLINED, TOO_LONG = "refusal", ("max_tokens", "model_context_window_exceeded")
"""The provider's names of the reasons for which an answer stops early."""
# Levels of objects and lists. The tools take none at all.
_DEEPEST = 8
# Characters of an input that is not JSON.
_SHOWN = 2_000
_DELTAS = {
    "text_delta": ("text",),
    "thinking_delta": ("thinking",),
    "signature_delta": ("signature",),
    "input_json_delta": ("partial_json",),
}
_KEPT = {
    "text": ("text",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name", "input"),
}


class StreamCut(Exception):
    """The stream ended before the message did."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call. `fault` is why it cannot be carried out as it came, or empty."""

    id: str
    name: str
    given: Any
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A whole answer.

    `content` goes back into the conversation; `tokens` counts the conversation with it.
    """

    content: list[dict[str, Any]]
    calls: tuple[ToolCall, ...]
    stop: str
    tokens: int


def answer_of(events: Iterable[Mapping[str, Any]]) -> ModelAnswer:
    """The message of these events
    (https://docs.anthropic.com/en/docs/build-with-claude/streaming). Raises StreamCut."""
    blocks, pieces, usage, stop, whole = (
        list[dict[str, Any]](),
        dict[int, dict[str, str]](),
        dict[str, Any](),
        "",
        False,
    )
    for event in events:
        match event:
            case {"type": "message_start", "message": message}:
                usage |= _counted(message.get("usage"))
            case {"type": "content_block_start", "content_block": block}:
                pieces[len(blocks)] = {}
                blocks.append(dict(block))
            case {"type": "content_block_delta", "index": index, "delta": delta} if index in pieces:
                for field in _DELTAS.get(delta.get("type"), ()):
                    pieces[index][field] = pieces[index].get(field, "") + str(
                        delta.get(field) or ""
                    )
            case {"type": "message_delta", "delta": delta}:
                usage |= _counted(event.get("usage"))
                stop = delta.get("stop_reason") or stop
            case {"type": "message_stop"}:
                whole = True
    if not whole:
        raise StreamCut("the answer ended before it was whole")
    return _answer_of_blocks(
        [_finished(block, pieces[number]) for number, block in enumerate(blocks)],
        stop,
        sum(usage.values()),
    )


def _answer_of_blocks(blocks: list[dict[str, Any]], stop: str, tokens: int) -> ModelAnswer:
    # A model that declines does not mean the call that it had begun.
    if stop == DECLINED:
        blocks = [block for block in blocks if block["type"] != "tool_use"]
    cut = blocks[-1] if blocks and stop in TOO_LONG else None
    calls = tuple(
        _call(block, is_cut=block is cut) for block in blocks if block["type"] == "tool_use"
    )
    content = [
        clean(
            {"type": block["type"]}
            | {name: block[name] for name in _KEPT[block["type"]] if name in block}
        )
        for block in blocks
        if block["type"] in _KEPT and (block["type"] != "text" or block["text"].strip())
    ]
    return ModelAnswer(content, calls, stop, tokens)


def _finished(block: dict[str, Any], pieces: Mapping[str, str]) -> dict[str, Any]:
    text = {
        name: (block.get(name) or "") + piece
        for name, piece in pieces.items()
        if name != "partial_json"
    }
    if block["type"] != "tool_use":
        return block | text
    return block | {
        "input": _parsed(pieces.get("partial_json") or json.dumps(block.get("input") or {}))
    }


def _parsed(text: str) -> dict[str, Any]:
    """A tool's input as an object that can be sent again. Anything else comes under the key
    `NOT_JSON`."""
    try:
        found = json.loads(text)
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError):
        return {NOT_JSON: text[:_SHOWN]}
    return (
        found
        if isinstance(found, dict) and not _deeper(found, _DEEPEST)
        else {NOT_JSON: text[:_SHOWN]}
    )


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return levels == 0 or any(
        _deeper(part, levels - 1) for part in (value.values() if isinstance(value, dict) else value)
    )


def _call(block: Mapping[str, Any], *, is_cut: bool) -> ToolCall:
    fault, given = "", clean(block["input"])
    if is_cut:
        fault = (
            "the answer reached its longest length inside this call, so nothing was done; say less,"
            " or do it in several calls"
        )
    elif NOT_JSON in given:
        fault = (
            "the input of this call is no JSON object, so nothing was done; it began"
            f" {given[NOT_JSON][:200]!r}"
        )
    return ToolCall(block["id"], clean(block["name"]), given, fault)


def clean(value: Any) -> Any:
    """The value without lone surrogates, which no request can carry."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [clean(part) for part in value]
        case dict():
            return {clean(name): clean(part) for name, part in value.items()}
        case _:
            return value


def _counted(usage: Any) -> dict[str, int]:
    """The classes of tokens that are in the conversation from now on; totals so far, so a later
    count replaces an earlier."""
    names = (
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
    )
    return {name: usage[name] for name in names if isinstance((usage or {}).get(name), int)}
