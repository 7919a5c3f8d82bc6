"""Plays a recording: compares each request with the recorded one, then gives its answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.caching import CacheUsage, PromptCache
from harness.programs.broker.recording import (
    RecordingError,
    estimate,
    kind_of,
    recording,
    text_of,
    tools_of,
)
from harness.programs.broker.refusal import Refusal, is_cap_refusal, off_script


@dataclass(frozen=True, slots=True)
class Exchange:
    """One expected request, and its answer: a response, or an error."""

    messages: int
    last: str | None
    tools: tuple[str, ...] | None
    contains: tuple[str, ...]
    response: JsonObject | None
    error: JsonObject | None

    def mismatch(self, body: JsonObject) -> str | None:
        """The first field that differs from the recording, as `messages: recorded 3, came 5`;
        None if all match."""
        newest = body["messages"][-1]
        for field, recorded, came in (
            ("messages", self.messages, len(body["messages"])),
            ("last", self.last, kind_of(newest)),
            ("tools", self.tools, tools_of(body)),
        ):
            if recorded is not None and recorded != came:
                return f"{field}: recorded {_shown(recorded)}, came {_shown(came)}"
        text = text_of(newest)
        lacking = next((words for words in self.contains if words not in text), None)
        return (
            None
            if lacking is None
            else f"contains: the newest message lacks {lacking!r}; it is {text[:400]!r}"
        )


class Script:
    """The exchanges of one recording, in order."""

    def __init__(self, name: str, document: JsonObject) -> None:
        self.name, self._played, self._cache = name, 0, PromptCache()
        self._exchanges = tuple(
            _exchange(part, index, document) for index, part in enumerate(document["exchanges"])
        )

    @property
    def left(self) -> int:
        """How many exchanges are not played yet."""
        return len(self._exchanges) - self._played

    def deny(self, body: JsonObject) -> None:
        """Raise the cap's Refusal when one was recorded for this request.

        It was raised before the call was made, on other totals than this meter has.
        """
        error = self._exchanges[self._played].error if self.left else None
        if error is not None and is_cap_refusal(error):
            self.answer(body)

    def answer(self, body: JsonObject) -> JsonDict:
        """The recorded message for this request. Raises Refusal: off script, or the recorded
        error."""
        number = self._played + 1
        if not self.left:
            raise off_script(
                f"{self.name}: holds {self._played} exchanges, and exchange {number} was asked for"
            )
        exchange = self._exchanges[self._played]
        if wrong := exchange.mismatch(body):
            raise off_script(f"{self.name}: exchange {number}: {wrong}")
        # Played only once it matched: `script_left` reports a mismatch among the rest.
        self._played, served = number, self._cache.served(body)
        if exchange.response is None:
            error = exchange.error or {}
            raise Refusal(
                error["status"], error["type"], error["message"], about=error.get("about")
            )
        return _message(exchange.response, body, number, served=served)


def script(folder: Path, *, name: str, model: str) -> Script:
    """The recording `folder/name` for a session of `model`. Raises RecordingError."""
    document = recording(folder / name, name=name)
    if document["model"] != model:
        raise RecordingError(
            f"{name}: model: recorded {document['model']!r}, the session is for {model!r}"
        )
    return Script(name, document)


def _exchange(part: JsonObject, index: int, document: JsonObject) -> Exchange:
    request = part.get("request", {})
    tools = request.get("tools", document.get("tools"))
    return Exchange(
        messages=request.get("messages", 2 * index + 1),
        last=request.get("last"),
        tools=None if tools is None else tuple(tools),
        contains=tuple(request.get("contains", ())),
        response=part.get("response"),
        error=part.get("error"),
    )


def _message(
    response: JsonObject, body: JsonObject, number: int, *, served: CacheUsage
) -> JsonDict:
    content = [
        {"id": f"toolu_{number}_{index}", **block} if block["type"] == "tool_use" else dict(block)
        for index, block in enumerate(response["content"], 1)
    ]
    usual_stop = "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"
    counted = response.get("usage") or {}
    usage = {
        **({} if "input_tokens" in counted else served.usage()),
        "output_tokens": estimate(response["content"]),
        **counted,
    }
    return {
        "id": f"msg_replayed_{number}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": response.get("stop_reason", usual_stop),
        "stop_sequence": response.get("stop_sequence"),
        "usage": {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            **usage,
        },
    }


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
