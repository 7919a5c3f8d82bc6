"""What the broker has to know of an API to stand between a sandbox and its provider."""

from collections.abc import Iterator
from typing import Any, Protocol

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.prices import Tokens
from harness.programs.broker.refusal import Refusal

Event = JsonObject
"""The data of one server-sent event."""


class StreamReader(Protocol):
    """Reads a streamed answer, and knows what it came to so far."""

    @property
    def whole(self) -> bool:
        """Whether the answer has come to its end."""
        ...

    def add(self, event: Event) -> Event | None:
        """Add one event; returns what the sandbox gets of it, if anything. Raises ValueError on
        events that make no answer."""
        ...

    def so_far(self) -> Tokens:
        """The tokens by now: the wire's own counts, and an estimate of the output when those
        come at the end."""
        ...

    def counted(self) -> Tokens | None:
        """The wire's own count for the whole answer; None when it gave none."""
        ...

    def message(self) -> JsonDict:
        """The answer so far, as a message of the Messages API; empty before its beginning."""
        ...


class Dialect(Protocol):
    """One API of one wire. Bodies, answers and events are its own; a `message` is one of the
    Messages API."""

    @property
    def path(self) -> str:
        """Its path below `/v1`, as in `/chat/completions`."""
        ...

    def checked(self, body: Any, *, model: str) -> JsonDict:
        """The body, when all of it may be forwarded for a session of `model`. Raises Refusal
        that names the field."""
        ...

    def forwarded(self, body: JsonObject, *, model: str) -> JsonDict:
        """A checked body as the provider gets it, with the provider's own name for the model."""
        ...

    def smallest(self, model: str) -> JsonDict:
        """The smallest request: a letter to answer, and as few tokens of answer as are allowed."""
        ...

    @property
    def caches_automatically(self) -> bool:
        """Whether any input token may be billed as written to a cache."""
        ...

    def most_output(self, body: JsonObject) -> int:
        """The most tokens that the answer to a checked body may have."""
        ...

    def conversation(self, body: JsonObject) -> JsonDict:
        """A checked body in the form of the Messages API, for people and recordings."""
        ...

    def counted(self, answer: JsonObject) -> Tokens | None:
        """The tokens of a whole answer; None when the provider gave no count. Raises ValueError
        on bad counts."""
        ...

    def message(self, answer: JsonObject) -> JsonDict:
        """A whole answer as a message. Raises ValueError when it is none."""
        ...

    def answer(self, message: JsonObject, body: JsonObject) -> JsonDict:
        """A message as this API would have answered `body`."""
        ...

    def events(self, message: JsonObject, body: JsonObject) -> Iterator[Event]:
        """A message as the events that would have streamed it."""
        ...

    def stream_reader(self, body: JsonObject) -> StreamReader:
        """A reader for the answer to a checked body that asks for a stream."""
        ...

    def is_preamble(self, event: Event) -> bool:
        """Whether this first event has nothing of the answer yet, so that the request may be
        sent again."""
        ...

    def is_end(self, event: Event) -> bool:
        """Whether no event follows this one."""
        ...

    def fault(self, event: Event) -> tuple[str, str] | None:
        """The kind and the message of an error that comes as an event."""
        ...

    def encoded(self, event: Event) -> bytes:
        """An event as it goes over the wire."""
        ...

    def refused(self, refusal: Refusal) -> JsonDict:
        """A refusal as the body of an answer."""
        ...

    def ended(self, refusal: Refusal) -> Event:
        """A refusal as the last event of a stream."""
        ...
