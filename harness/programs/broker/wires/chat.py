"""Chat completions, the older API of the OpenAI wire.
(https://platform.openai.com/docs/api-reference/chat)"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.prices import Tokens
from harness.programs.broker.refusal import Refusal, forbidden
from harness.programs.broker.sse import DONE, dumps
from harness.programs.broker.wires import accounting, chat_grammar
from harness.programs.broker.wires.accounting import CHAT, MOST_OUTPUT, estimated, pieces
from harness.programs.broker.wires.dialect import Event, StreamReader
from harness.programs.broker.wires.turns import (
    Turns,
    custom_use,
    image,
    message,
    text,
    tool,
    tool_result,
    tool_use,
    written,
)

_LIMITS = ("max_completion_tokens", "max_tokens")
_STOPS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
_KINDS = {False: ("function", "arguments"), True: ("custom", "input")}
# Reversed, so that `tool_calls` wins over the older `function_call`.
_FINISHES = {stop: finish for finish, stop in reversed(_STOPS.items())}


class Chat:
    """`POST /v1/chat/completions`."""

    path = "/chat/completions"
    caches_automatically = True

    def checked(self, body: Any, *, model: str) -> JsonDict:
        chat_grammar.BODY(body, "")
        found: JsonDict = body
        if found["model"] != model:
            raise forbidden("model", f"this session is for {model}, not {found['model']!r:.80}")
        if not found["messages"]:
            raise forbidden("messages", "expected at least one message")
        for name in _LIMITS:
            if (most := found.get(name)) is not None and most < 1:
                raise forbidden(name, "expected at least 1")
        return found

    def forwarded(self, body: JsonObject, *, model: str) -> JsonDict:
        """Adds a limit when the sandbox gave none and, for a stream, its token count at the end."""
        found = {**body, "model": model}
        if all(body.get(name) is None for name in _LIMITS):
            found[_LIMITS[0]] = MOST_OUTPUT
        if body.get("stream"):
            found["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        return found

    def smallest(self, model: str) -> JsonDict:
        return {"model": model, _LIMITS[0]: 1, "messages": [{"role": "user", "content": "."}]}

    def most_output(self, body: JsonObject) -> int:
        return max(
            (body[name] for name in _LIMITS if body.get(name) is not None), default=MOST_OUTPUT
        )

    def conversation(self, body: JsonObject) -> JsonDict:
        turns = Turns()
        for one in body["messages"]:
            match one["role"]:
                case "system" | "developer":
                    turns.add_system(_blocks(one["content"]))
                case "tool":
                    turns.add_turn(
                        "user", [tool_result(one["tool_call_id"], _result(one["content"]))]
                    )
                case role:
                    turns.add_turn(
                        role,
                        [*_blocks(one.get("content")), *map(_call, one.get("tool_calls") or ())],
                    )
        return turns.body(body["model"], map(_tool, body.get("tools") or ()))

    def counted(self, answer: JsonObject) -> Tokens | None:
        return accounting.counted(answer.get("usage"), CHAT)

    def message(self, answer: JsonObject) -> JsonDict:
        try:
            assistant, finish = (
                answer["choices"][0]["message"],
                answer["choices"][0]["finish_reason"],
            )
            return self._as_message(
                answer, assistant, list(assistant.get("tool_calls") or ()), finish
            )
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"an answer that is no chat completion: {error!r}") from error

    def _as_message(
        self, answer: JsonObject, assistant: JsonObject, calls: list[Any], finish: Any
    ) -> JsonDict:
        """An assistant's answer as a message of the Messages API."""
        # Providers of this wire disagree on the name.
        thought = assistant.get("reasoning_content") or assistant.get("reasoning")
        content = [{"type": "thinking", "thinking": thought, "signature": ""}] if thought else []
        content += [
            text(words) for words in (assistant.get("content"), assistant.get("refusal")) if words
        ]
        return message(
            str(answer.get("id", "")),
            str(answer.get("model", "")),
            [*content, *map(_call, calls)],
            stop_reason=_STOPS.get(finish, "end_turn"),
            usage=accounting.usage_of(self.counted(answer)),
        )

    def answer(self, message: JsonObject, body: JsonObject) -> JsonDict:
        assistant, finish = _assistant_turn(message, body)
        return {
            **_head(message),
            "object": "chat.completion",
            "usage": accounting.usage_in(message["usage"], CHAT),
            "choices": [
                {"index": 0, "message": assistant, "logprobs": None, "finish_reason": finish}
            ],
        }

    def events(self, message: JsonObject, body: JsonObject) -> Iterator[Event]:
        assistant, finish = _assistant_turn(message, body)
        calls = assistant.pop("tool_calls", ())
        yield _chunk(message, {"role": "assistant", "content": ""})
        for words in pieces(assistant["content"] or ""):
            yield _chunk(message, {"content": words})
        for index, call in enumerate(calls):
            kind, words = _KINDS["custom" in call]
            begun = {**call, kind: {**call[kind], words: ""}}
            yield _chunk(message, {"tool_calls": [{"index": index, **begun}]})
            for part in pieces(call[kind][words]):
                yield _chunk(message, {"tool_calls": [{"index": index, kind: {words: part}}]})
        yield _chunk(message, {}, finish)
        if (body.get("stream_options") or {}).get("include_usage"):
            yield {
                **_chunk(message, {}),
                "choices": [],
                "usage": accounting.usage_in(message["usage"], CHAT),
            }
        yield DONE

    def stream_reader(self, body: JsonObject) -> StreamReader:
        return ChatStream(
            self, with_usage=bool((body.get("stream_options") or {}).get("include_usage"))
        )

    def is_preamble(self, event: Event) -> bool:
        return False

    def is_end(self, event: Event) -> bool:
        return event is DONE

    def fault(self, event: Event) -> tuple[str, str] | None:
        return accounting.fault(event["error"]) if event.get("error") else None

    def encoded(self, event: Event) -> bytes:
        return (
            b"data: [DONE]\n\n"
            if event is DONE
            else f"data: {dumps(event)}\n\n".encode("utf-8", "backslashreplace")
        )

    def refused(self, refusal: Refusal) -> JsonDict:
        return accounting.refused(refusal)

    def ended(self, refusal: Refusal) -> Event:
        return accounting.refused(refusal)


class ChatStream:
    """A chat completion that is being streamed. The chunk with the count is shown only to a
    client that asked."""

    def __init__(self, chat: Chat, *, with_usage: bool) -> None:
        self._chat, self._with_usage = chat, with_usage
        self._head: JsonDict = {}
        self._assistant_turn: dict[str, str] = {}
        self._calls: dict[int, JsonDict] = {}
        self._finish: str | None = None
        self._usage: Any = None
        self._written = 0

    @property
    def whole(self) -> bool:
        return self._finish is not None

    def add(self, event: Event) -> Event | None:
        if event is DONE:
            return event
        try:
            return self._fold(event)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError("a chunk that fits no chat completion") from error

    def so_far(self) -> Tokens:
        found = self.counted() or Tokens()
        return replace(found, output=max(found.output, estimated(self._written)))

    def counted(self) -> Tokens | None:
        return accounting.counted(self._usage, CHAT)

    def message(self) -> JsonDict:
        if not self._head:
            return {}
        calls = [self._calls[index] for index in sorted(self._calls)]
        return self._chat._as_message(
            {**self._head, "usage": self._usage}, self._assistant_turn, calls, self._finish
        )

    def _fold(self, event: Event) -> Event | None:
        self._head = self._head or {"id": event.get("id"), "model": event.get("model")}
        for choice in event["choices"]:
            self._grow(choice.get("delta") or {})
            if (finish := choice.get("finish_reason")) is not None:
                self._finish = str(finish)
        if (usage := event.get("usage")) is not None:
            # Raises on a count that is not a natural number.
            accounting.counted(usage, CHAT)
            self._usage = usage
        if self._with_usage:
            return event
        shown = {key: value for key, value in event.items() if key != "usage"}
        return shown if usage is None or event["choices"] else None

    def _grow(self, delta: JsonObject) -> None:
        for name in ("content", "refusal", "reasoning", "reasoning_content"):
            if words := delta.get(name):
                self._assistant_turn[name] = self._assistant_turn.get(name, "") + words
                self._written += len(words)
        for part in delta.get("tool_calls") or ():
            kind, words = _KINDS["custom" in part]
            if type(part["index"]) is not int:
                raise TypeError("calls are put in the order of their numbers")
            # Only the first part of a call has its id and its name.
            call = self._calls.setdefault(part["index"], {"id": "", kind: {"name": "", words: ""}})
            call["id"] = part.get("id") or call["id"]
            given, _as_message = part.get(kind) or {}, call[kind]
            more = given.get(words) or ""
            _as_message["name"] = given.get("name") or _as_message["name"]
            _as_message[words] += more
            self._written += len(more)


def _blocks(content: Any) -> list[JsonDict]:
    if isinstance(content, str):
        return [text(content)]
    return [
        image(part["image_url"]["url"])
        if part["type"] == "image_url"
        else text(part.get("text") or part.get("refusal") or "")
        for part in content or ()
    ]


def _result(content: Any) -> str | list[JsonDict]:
    return content if isinstance(content, str) else _blocks(content)


def _call(call: JsonObject) -> JsonDict:
    if custom := call.get("custom"):
        return custom_use(call["id"], custom["name"], custom["input"])
    return tool_use(call["id"], call["function"]["name"], call["function"]["arguments"])


def _tool(offered: JsonObject) -> JsonDict:
    about = offered[offered["type"]]
    return tool(about["name"], about.get("description"), about.get("parameters"))


def _assistant_turn(message: JsonObject, body: JsonObject) -> tuple[JsonDict, str]:
    """A message as an assistant's turn of this API, and why it ended."""
    words = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    custom = {
        offered["custom"]["name"]
        for offered in body.get("tools") or ()
        if offered["type"] == "custom"
    }
    calls = []
    for block in (block for block in message["content"] if block["type"] == "tool_use"):
        kind, field = _KINDS[block["name"] in custom]
        calls.append(
            {
                "id": block["id"],
                "type": kind,
                kind: {"name": block["name"], field: written(block["input"])},
            }
        )
    assistant = {
        "role": "assistant",
        "content": words or None,
        "refusal": None,
        **({"tool_calls": calls} if calls else {}),
    }
    return assistant, _FINISHES.get(message["stop_reason"], "stop")


def _head(message: JsonObject) -> JsonDict:
    return {"id": message["id"], "created": 0, "model": message["model"]}


def _chunk(message: JsonObject, delta: JsonObject, finish: str | None = None) -> JsonDict:
    return {
        **_head(message),
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": finish}],
    }
