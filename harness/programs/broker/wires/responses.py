"""Responses, the newer API of the OpenAI wire.
(https://platform.openai.com/docs/api-reference/responses)"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.prices import Tokens
from harness.programs.broker.refusal import Refusal, forbidden
from harness.programs.broker.sse import encoded
from harness.programs.broker.wires import accounting, responses_grammar
from harness.programs.broker.wires.accounting import MOST_OUTPUT, RESPONSES, estimated
from harness.programs.broker.wires.dialect import Event, StreamReader
from harness.programs.broker.wires.items import events, output
from harness.programs.broker.wires.turns import (
    Turns,
    custom_use,
    image,
    message,
    text,
    tool,
    tool_result,
    tool_use,
)

_LIMIT = "max_output_tokens"
_ENDS = ("response.completed", "response.incomplete")
_BEFORE = ("response.created", "response.queued", "response.in_progress")


class Responses:
    """`POST /v1/responses`, without anything that the provider would remember."""

    path = "/responses"
    caches_automatically = True

    def checked(self, body: Any, *, model: str) -> JsonDict:
        responses_grammar.BODY(body, "")
        found: JsonDict = body
        if found["model"] != model:
            raise forbidden("model", f"this session is for {model}, not {found['model']!r:.80}")
        if not found["input"]:
            raise forbidden("input", "expected something to answer")
        if (most := found.get(_LIMIT)) is not None and most < 1:
            raise forbidden(_LIMIT, "expected at least 1")
        return found

    def forwarded(self, body: JsonObject, *, model: str) -> JsonDict:
        """Adds a limit when the sandbox gave none, never asks to store, and drops what the
        client reports about itself."""
        asked = {name: value for name, value in body.items() if name != "client_metadata"}
        return {**asked, "model": model, _LIMIT: self.most_output(body), "store": False}

    def smallest(self, model: str) -> JsonDict:
        # This API allows no fewer than 16.
        return {"model": model, _LIMIT: 16, "input": ".", "store": False}

    def most_output(self, body: JsonObject) -> int:
        return MOST_OUTPUT if body.get(_LIMIT) is None else int(body[_LIMIT])

    def conversation(self, body: JsonObject) -> JsonDict:
        turns = Turns()
        if instructions := body.get("instructions"):
            turns.add_system([text(instructions)])
        items = body["input"]
        for item in [{"role": "user", "content": items}] if isinstance(items, str) else items:
            _turn(turns, item)
        return turns.body(
            body["model"],
            (
                tool(one["name"], one.get("description"), one.get("parameters"))
                for one in body.get("tools") or ()
            ),
        )

    def counted(self, answer: JsonObject) -> Tokens | None:
        return accounting.counted(answer.get("usage"), RESPONSES)

    def message(self, answer: JsonObject) -> JsonDict:
        try:
            content = [block for item in answer["output"] for block in _content(item)]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"an answer that is no response: {error!r}") from error
        stopped = "max_tokens" if answer.get("status") == "incomplete" else "end_turn"
        calls = any(block["type"] == "tool_use" for block in content)
        return message(
            str(answer.get("id", "")),
            str(answer.get("model", "")),
            content,
            stop_reason="tool_use" if calls and stopped == "end_turn" else stopped,
            usage=accounting.usage_of(self.counted(answer)),
        )

    def answer(self, message: JsonObject, body: JsonObject) -> JsonDict:
        cut = message["stop_reason"] == "max_tokens"
        return {
            "id": message["id"],
            "object": "response",
            "created_at": 0,
            "model": message["model"],
            "status": "incomplete" if cut else "completed",
            "output": output(message, body),
            "incomplete_details": {"reason": _LIMIT} if cut else None,
            "error": None,
            "background": False,
            "store": False,
            "usage": accounting.usage_in(message["usage"], RESPONSES),
            **{
                name: body.get(name)
                for name in ("instructions", _LIMIT, "temperature", "top_p", "metadata")
            },
            "tools": body.get("tools") or [],
            "tool_choice": body.get("tool_choice") or "auto",
            "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        }

    def events(self, message: JsonObject, body: JsonObject) -> Iterator[Event]:
        return events(self.answer(message, body))

    def stream_reader(self, body: JsonObject) -> StreamReader:
        return ResponsesStream(self)

    def is_preamble(self, event: Event) -> bool:
        return event.get("type") in _BEFORE

    def is_end(self, event: Event) -> bool:
        return event.get("type") in _ENDS

    def fault(self, event: Event) -> tuple[str, str] | None:
        if event.get("type") == "response.failed":
            failed = event.get("response")
            return accounting.fault(failed.get("error") if isinstance(failed, dict) else failed)
        return (
            accounting.fault(event.get("error") or dict(event))
            if event.get("type") == "error"
            else None
        )

    def encoded(self, event: Event) -> bytes:
        return encoded(event)

    def refused(self, refusal: Refusal) -> JsonDict:
        return accounting.refused(refusal)

    def ended(self, refusal: Refusal) -> Event:
        error = accounting.refused(refusal)["error"]
        return {
            "type": "error",
            "code": error["code"],
            "message": error["message"],
            "param": None,
            "sequence_number": 0,
            "error": error,
        }


class ResponsesStream:
    """A response that is being streamed. Its last event has all of it."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses
        self._response: JsonObject = {}
        self._items: list[JsonObject] = []
        self._written = 0
        self.whole = False

    def add(self, event: Event) -> Event | None:
        try:
            self._fold(event)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a {event.get('type')!r:.40} event that fits no response") from error
        return event

    def so_far(self) -> Tokens:
        found = self.counted() or Tokens()
        return replace(found, output=max(found.output, estimated(self._written)))

    def counted(self) -> Tokens | None:
        return self._responses.counted(self._response)

    def message(self) -> JsonDict:
        return self._responses.message(self._with_items(self._response)) if self._response else {}

    def _with_items(self, response: JsonObject) -> JsonDict:
        # Until its end a response has no output of its own, only the items that are done.
        return {**response, "output": response.get("output") or self._items}

    def _fold(self, event: Event) -> None:
        kind = event["type"]
        if kind in _BEFORE or kind in _ENDS:
            response = dict(event["response"])
            # Raises on what cannot be read, and on a count that is not a natural number. Only what
            # was read is kept: it is counted and logged, however the stream ends.
            self._responses.message(self._with_items(response))
            self._response = response
            self.whole = kind in _ENDS
        elif kind == "response.output_item.done":
            # Raises on an item that cannot be read.
            _content(event["item"])
            self._items.append(dict(event["item"]))
        elif kind.endswith(".delta"):
            self._written += len(event.get("delta") or "")


def _turn(turns: Turns, item: JsonObject) -> None:
    match item.get("type") or "message":
        case "message" if item["role"] in ("system", "developer"):
            turns.add_system(_blocks(item["content"]))
        case "message":
            turns.add_turn(item["role"], _blocks(item["content"]))
        case "function_call_output" | "custom_tool_call_output":
            given = item["output"]
            turns.add_turn(
                "user",
                [tool_result(item["call_id"], given if isinstance(given, str) else _blocks(given))],
            )
        case _:
            turns.add_turn("assistant", _content(item))


def _content(item: JsonObject) -> list[JsonDict]:
    """An output item as blocks of the Messages API; none for an item that only the provider
    understands."""
    match item["type"]:
        case "message":
            return _blocks(item["content"])
        case "function_call":
            return [tool_use(item["call_id"], item["name"], item["arguments"])]
        case "custom_tool_call":
            return [custom_use(item["call_id"], item["name"], item["input"])]
        case "reasoning":
            thoughts = [
                part.get("text") or ""
                for part in (*(item.get("summary") or ()), *(item.get("content") or ()))
            ]
            return (
                [{"type": "thinking", "thinking": "\n".join(thoughts), "signature": ""}]
                if thoughts
                else []
            )
    return []


def _blocks(content: Any) -> list[JsonDict]:
    if isinstance(content, str):
        return [text(content)]
    return [
        image(part["image_url"])
        if part["type"] == "input_image"
        else text(part.get("text") or part.get("refusal") or "")
        for part in content
    ]
