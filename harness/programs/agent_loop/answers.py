"""What the model said, put together from the events of its stream.

The SDK gives the events; it would also put them together, but ends at the first tool input that is
not JSON. Here that is a part of the answer like any other: the model is told, and goes on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NOT_JSON = "INVALID_JSON"
"""The key under which a tool's input that is none is given back to the model, as the provider
advises."""
DECLINED, TOO_LONG = "refusal", ("max_tokens", "model_context_window_exceeded")
"""Reasons for which an answer stops before its natural end, as the provider names them."""
# objects and lists in each other: the tools take none at all
_DEEPEST = 8
# characters of an input that is not JSON
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


class Cut(Exception):
    """The stream ended before the message did."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `fault` says why it cannot be carried out as it came."""

    id: str
    name: str
    given: Any
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `content` is what goes back into the conversation, `tokens` what the
    conversation has come to with it."""

    content: list[dict[str, Any]]
    calls: tuple[Call, ...]
    stop: str
    tokens: int


def answer_of(events: Iterable[Mapping[str, Any]]) -> Answer:
    """The message that these events make
    (https://docs.anthropic.com/en/docs/build-with-claude/streaming). Raises Cut."""
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
        raise Cut("the answer ended before it was whole")
    return _answer(
        [_finished(block, pieces[number]) for number, block in enumerate(blocks)],
        stop,
        sum(usage.values()),
    )


def _answer(blocks: list[dict[str, Any]], stop: str, tokens: int) -> Answer:
    # what it had begun to call was not meant to be carried out
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
    return Answer(content, calls, stop, tokens)


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
    """A tool's input as an object that can be sent again; what is none comes under the key
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


def _call(block: Mapping[str, Any], *, is_cut: bool) -> Call:
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
    return Call(block["id"], clean(block["name"]), given, fault)


def clean(value: Any) -> Any:
    """The value without halves of letters (lone surrogates): no request could carry them."""
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
