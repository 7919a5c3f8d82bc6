"""Server-sent events of the Messages API: a message split into events, and events assembled
again."""

import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.prices import tokens_of

EventStream = AsyncGenerator[JsonDict, None]
# Characters per delta, about as many as the provider sends.
_PIECE = 24
_DELTAS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}
# Bytes of one event; no model's stream has larger ones.
_LIMIT = 4 << 20
# Levels of objects and lists.
DEPTH_LIMIT = 100
# Bytes of all events of an answer. We reckon that the longest one, with an event of 300 bytes for
# each of 128,000 tokens, has a third of that.
STREAM_LIMIT = 128 << 20
DONE: JsonDict = {"type": "[DONE]"}
"""The last event of a chat completion, which is no JSON object. Compare it by identity."""


def encoded(event: JsonObject) -> bytes:
    """One event as it goes over the wire. Its name is its `type`."""
    return f"event: {event['type']}\ndata: {dumps(event)}\n\n".encode("utf-8", "backslashreplace")


def loads(text: str | bytes) -> Any:
    """JSON that can be written again. Raises ValueError, also on what nests over DEPTH_LIMIT levels
    deep, and on a number that JSON has not."""
    try:
        found = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    level = [found]
    for _ in range(DEPTH_LIMIT):
        level = [
            part
            for value in level
            if isinstance(value, dict | list)
            for part in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise ValueError(f"nested over {DEPTH_LIMIT} levels deep")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    # Python reads 1e999 as infinity.
    if not math.isfinite(found := float(text)):
        raise ValueError(f"{text:.20} is too large for a number")
    return found


def dumps(value: Any) -> str:
    """Compact JSON that keeps every letter. Encode it with `backslashreplace`: a lone surrogate
    becomes its escape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def events_of(message: JsonObject) -> Iterator[JsonDict]:
    """A whole message as the events that would have streamed it."""
    usage = message["usage"]
    yield {
        "type": "message_start",
        "message": {
            **message,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            # The true count follows in message_delta, as it does from a provider.
            "usage": {**usage, "output_tokens": 1},
        },
    }
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        start, deltas = _cut(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "usage": {"output_tokens": usage["output_tokens"]},
        "delta": {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]},
    }
    yield {"type": "message_stop"}


def _cut(block: JsonObject) -> tuple[JsonDict, list[JsonDict]]:
    kind = block["type"]
    if kind == "tool_use":
        whole = block["input"]
        # A text is no JSON (broken, or of a custom tool), and arrives as the model wrote it.
        pieces = _pieces(whole if isinstance(whole, str) else json.dumps(whole, ensure_ascii=False))
        return {**block, "input": {}}, [
            {"type": "input_json_delta", "partial_json": piece} for piece in pieces
        ]
    if kind not in _DELTAS:
        return dict(block), []
    field, name = _DELTAS[kind]
    deltas = [{"type": name, field: piece} for piece in _pieces(block[field])]
    if "signature" in block:
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return {**block, field: "", **({"signature": ""} if "signature" in block else {})}, deltas


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


async def events(chunks: AsyncIterator[bytes]) -> EventStream:
    """The events in a body that arrives in pieces, each with a type. Raises ValueError as
    `objects` does."""
    async for event in objects(chunks):
        if not isinstance(event.get("type"), str):
            raise ValueError("an event that is not an object with a type")
        yield event


async def objects(chunks: AsyncIterator[bytes], *, most: int = STREAM_LIMIT) -> EventStream:
    """The data of the events in a body that arrives in pieces; `[DONE]` is DONE.

    Raises ValueError on data that is no JSON object, or that never ends, and when all of it has
    more than `most` bytes. (HTML Living Standard, 9.2.6: several data lines are one, a comment
    begins with a colon, CRLF is a line end.)
    """
    pending, cut = bytearray(), b""
    async for chunk in chunks:
        if (most := most - len(chunk)) < 0:
            raise ValueError("a stream of more bytes than any answer has")
        # A line end may be cut between two chunks.
        text = cut + chunk
        cut = b"\r" if text.endswith(b"\r") else b""
        # Only what is new is looked through: a chunk may be a byte, and an event megabytes.
        begin = max(0, len(pending) - 1)
        pending += text.removesuffix(b"\r").replace(b"\r\n", b"\n")
        end = pending.rfind(b"\n\n", begin)
        whole = bytes(pending[: max(0, end)]).split(b"\n\n")
        if end >= 0:
            del pending[: end + 2]
        for part in whole:
            data = b"\n".join(
                line[5:].lstrip(b" ") for line in part.split(b"\n") if line.startswith(b"data:")
            )
            if data:
                yield DONE if data == b"[DONE]" else _object(data)
        if len(pending) > _LIMIT:
            raise ValueError(f"an event of more than {_LIMIT} bytes")


def _object(data: bytes) -> JsonDict:
    found = loads(data)
    if not isinstance(found, dict):
        raise ValueError("an event that is not an object")
    return found


class Assembly:
    """Assembles a streamed message, and knows whether it is whole."""

    def __init__(self) -> None:
        self.message: JsonDict = {}
        self.usage: JsonDict = {}
        self.whole = False
        self._inputs: dict[int, str] = {}

    def add(self, event: JsonObject) -> None:
        """Add one event. Raises ValueError on events that make no message."""
        try:
            self._fold(event)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"a {event['type']} event that fits no message") from error

    def _fold(self, event: JsonObject) -> None:
        match event["type"]:
            case "message_start":
                self.message = {**event["message"], "content": []}
                self._count(event["message"].get("usage"))
            case "content_block_start":
                self.message["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                self._grow(event["index"], event["delta"])
            case "content_block_stop" if event["index"] in self._inputs:
                self._block(event["index"])["input"] = _input(self._inputs.pop(event["index"]))
            case "message_delta":
                self.message |= {
                    key: value for key, value in event["delta"].items() if value is not None
                }
                self._count(event.get("usage"))
            case "message_stop":
                # An end without a beginning makes no message.
                self.whole = bool(self.message)

    def _grow(self, index: int, delta: JsonObject) -> None:
        block = self._block(index)
        match delta["type"]:
            case "input_json_delta":
                self._inputs[index] = self._inputs.get(index, "") + delta["partial_json"]
            case "text_delta" | "thinking_delta" | "signature_delta" as kind:
                field = kind.removesuffix("_delta")
                block[field] = (block.get(field) or "") + delta[field]
            case "citations_delta":
                block["citations"] = block.get("citations") or []
                block["citations"].append(delta["citation"])

    def _block(self, index: int) -> JsonDict:
        block: JsonDict = self.message["content"][index]
        return block

    def _count(self, usage: JsonObject | None) -> None:
        """Counts on a message_delta are totals so far. What it leaves out keeps the value of
        message_start."""
        merged = self.usage | {
            key: value for key, value in (usage or {}).items() if value is not None
        }
        # Raises on a count that is not a natural number.
        tokens_of(merged)
        self.usage = self.message["usage"] = merged


def _input(text: str) -> Any:
    """A tool's input. Models sometimes write broken JSON, which is kept as text."""
    try:
        return loads(text or "{}")
    except ValueError:
        return text
