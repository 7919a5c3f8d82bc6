"""A wire log as turns. Pure: the same log gives the same turns.

A log has one line per call (`harness/programs/broker/wirelog.py`), in the form of the Messages API
whatever the client spoke. The result of a call is in the next request, so the calls of the newest
turn have no results yet.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from harness.domain.plain import JsonObject
from harness.programs.broker.prices import Tokens, tokens_of

_LogLine = JsonObject
Price = Callable[[Tokens, datetime], int]
"""Nanodollars for the tokens of one call at a time."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call, its input as it came, and its result; None when the model never got one."""

    name: str
    given: Any
    result: str | None
    failed: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and its answer.

    `user_texts` are the request's texts beside results. `shortened` means that the earlier
    conversation was not sent again unchanged, so the provider's cache could not serve it.
    """

    number: int
    at: datetime
    seconds: float
    user_texts: tuple[str, ...]
    shortened: bool
    texts: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    tokens: Tokens
    nanodollars: int
    stop: str
    error: str


def turns(lines: Iterable[bytes], price: Price) -> tuple[Turn, ...]:
    """The turns of a log. Lines that are only half written, or not of a log, are skipped."""
    calls = list(_calls(lines))
    return tuple(
        _turn(call, price, before=before, after=after)
        for before, call, after in zip([None, *calls], calls, [*calls[1:], None], strict=False)
    )


def _calls(lines: Iterable[bytes]) -> Iterator[_LogLine]:
    for line in lines:
        try:
            found = json.loads(line)
            datetime.fromisoformat(found["at"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(found.get("request"), dict):
            yield found


def _turn(call: _LogLine, price: Price, *, before: _LogLine | None, after: _LogLine | None) -> Turn:
    answer, at = call.get("response") or {}, datetime.fromisoformat(call["at"])
    content = [block for block in answer.get("content") or () if isinstance(block, dict)]
    results = _results(after["request"]) if after else {}
    shortened = before is not None and call["request"].get("kept", 0) < _length(before["request"])
    tokens = _tokens(answer)
    return Turn(
        number=int(call["call"]),
        at=at,
        seconds=float(call.get("seconds", 0)),
        user_texts=tuple(_user_texts(call["request"])),
        shortened=shortened,
        texts=tuple(
            str(block["text"])
            for block in content
            if block.get("type") == "text" and str(block.get("text", "")).strip()
        ),
        calls=tuple(
            _tool_call(block, results) for block in content if block.get("type") == "tool_use"
        ),
        tokens=tokens,
        nanodollars=price(tokens, at),
        stop=str(answer.get("stop_reason") or ""),
        error=str(call.get("error") or ""),
    )


def _tool_call(block: JsonObject, results: Mapping[str, tuple[str, bool]]) -> ToolCall:
    result, failed = results.get(str(block.get("id")), (None, False))
    return ToolCall(str(block.get("name")), block.get("input"), result, failed)


def _tokens(answer: JsonObject) -> Tokens:
    try:
        return tokens_of(answer.get("usage") or {})
    except ValueError:
        # One bad count must not hide the turn; the sum comes from the broker.
        return Tokens()


def _user_texts(request: JsonObject) -> Iterator[str]:
    """The texts of the newest message beside results."""
    return (str(block.get("text", "")) for block in _newest(request) if block.get("type") == "text")


def _results(request: JsonObject) -> dict[str, tuple[str, bool]]:
    return {
        str(block.get("tool_use_id")): (_text(block.get("content")), bool(block.get("is_error")))
        for block in _newest(request)
        if block.get("type") == "tool_result"
    }


def _newest(request: JsonObject) -> list[JsonObject]:
    messages = request.get("messages") or [{}]
    content = messages[-1].get("content") or ()
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content if isinstance(part, dict)]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(
            str(part.get("text", f"[{part.get('type')}]"))
            for part in content
            if isinstance(part, dict)
        )
    return str(content or "")


def _length(request: JsonObject) -> int:
    """How many messages a request had."""
    return int(request.get("kept", 0)) + len(request.get("messages") or ())
