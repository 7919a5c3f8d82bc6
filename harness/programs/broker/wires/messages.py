"""The Messages API of the Anthropic wire. (https://docs.anthropic.com/en/api/messages)"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.prices import Tokens, tokens_of
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.sse import Assembly, encoded, events_of
from harness.programs.broker.wires.accounting import estimated
from harness.programs.broker.wires.dialect import Event, StreamReader
from harness.programs.broker.wires.messages_grammar import checked

_WRITTEN = ("text", "partial_json", "thinking")
_COUNTS = {"input_tokens", "output_tokens"}


class Messages:
    """`POST /v1/messages`: the form that everything else is converted to."""

    path = "/messages"
    caches_automatically = False

    def checked(self, body: Any, *, model: str) -> JsonDict:
        return checked(body, model=model)

    def forwarded(self, body: JsonObject, *, model: str) -> JsonDict:
        return {**body, "model": model}

    def smallest(self, model: str) -> JsonDict:
        return {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "."}]}

    def most_output(self, body: JsonObject) -> int:
        return int(body["max_tokens"])

    def conversation(self, body: JsonObject) -> JsonDict:
        return dict(body)

    def counted(self, answer: JsonObject) -> Tokens | None:
        return counted(answer.get("usage"))

    def message(self, answer: JsonObject) -> JsonDict:
        content = answer.get("content")
        if self.counted(answer) is None or not isinstance(content, list):
            raise ValueError("not a message with content and usage")
        if not all(isinstance(block, dict) for block in content):
            raise ValueError("content that is not made of blocks")
        return dict(answer)

    def answer(self, message: JsonObject, body: JsonObject) -> JsonDict:
        return dict(message)

    def events(self, message: JsonObject, body: JsonObject) -> Iterator[Event]:
        return events_of(message)

    def stream_reader(self, body: JsonObject) -> StreamReader:
        return MessagesStream()

    def is_preamble(self, event: Event) -> bool:
        return False

    def is_end(self, event: Event) -> bool:
        return event.get("type") == "message_stop"

    def fault(self, event: Event) -> tuple[str, str] | None:
        match event:
            case {"type": "error", "error": {"type": str(kind), "message": str(words)}}:
                return kind, words
            case {"type": "error"}:
                return "api_error", repr(event.get("error"))
        return None

    def encoded(self, event: Event) -> bytes:
        return encoded(event)

    def refused(self, refusal: Refusal) -> JsonDict:
        return refusal.body()

    def ended(self, refusal: Refusal) -> Event:
        return refusal.body()


class MessagesStream:
    """A message that is being streamed."""

    def __init__(self) -> None:
        self._assembly, self._written = Assembly(), 0

    @property
    def whole(self) -> bool:
        return self._assembly.whole

    def add(self, event: Event) -> Event | None:
        if not isinstance(event.get("type"), str):
            raise ValueError("an event without a type")
        self._assembly.add(event)
        if event["type"] == "content_block_delta":
            words = (event["delta"].get(name) for name in _WRITTEN)
            self._written += sum(len(each) for each in words if isinstance(each, str))
        return event

    def so_far(self) -> Tokens:
        found = tokens_of(self._assembly.usage)
        return replace(found, output=max(found.output, estimated(self._written)))

    def counted(self) -> Tokens | None:
        return counted(self._assembly.usage)

    def message(self) -> JsonDict:
        return self._assembly.message


def counted(usage: Any) -> Tokens | None:
    """The tokens of a `usage`; None unless it has both the input and the output."""
    if usage is not None and not isinstance(usage, dict):
        raise ValueError(f"usage: {usage!r:.40}")
    tokens = tokens_of(usage or {})
    return tokens if (usage or {}).keys() >= _COUNTS else None
