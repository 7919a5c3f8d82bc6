"""What the broker has to know of an API to stand between a box and its provider."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from harness.programs.broker.prices import Tokens
from harness.programs.broker.refusal import Refusal

Event = Mapping[str, Any]
"""What one server-sent event says."""


class Reading(Protocol):
    """An answer that streams by: what it came to so far."""

    @property
    def whole(self) -> bool:
        """Whether the answer has come to its end."""
        ...

    def add(self, event: Event) -> Event | None:
        """Fold one event in; what the box is shown of it, if anything. Raises ValueError on what
        makes no answer."""
        ...

    def so_far(self) -> Tokens:
        """The tokens by now: the wire's own counts, and an estimate of what was written where those
        come at the end."""
        ...

    def counted(self) -> Tokens | None:
        """The wire's own accounting of the whole answer; None where it gave none."""
        ...

    def message(self) -> dict[str, Any]:
        """The answer as far as it came, as a message of the Messages API; empty before its
        beginning."""
        ...


class Dialect(Protocol):
    """One API of one wire. Bodies, answers and events are its own; a `message` is one of the
    Messages API."""

    @property
    def path(self) -> str:
        """Its path below `/v1`, as in `/chat/completions`."""
        ...

    def checked(self, body: Any, *, model: str) -> dict[str, Any]:
        """The body, when every part of it may be forwarded for a session of `model`. Raises Refusal
        naming the field."""
        ...

    def forwarded(self, body: Mapping[str, Any], *, model: str) -> dict[str, Any]:
        """A checked body as the provider gets it, with the model by the provider's own name."""
        ...

    @property
    def caches_unasked(self) -> bool:
        """Whether any token that is read may be billed as written to a cache."""
        ...

    def most_output(self, body: Mapping[str, Any]) -> int:
        """The most tokens that the answer to a checked body may come to."""
        ...

    def conversation(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A checked body as the Messages API would have it, for people and recordings."""
        ...

    def counted(self, answer: Mapping[str, Any]) -> Tokens | None:
        """The tokens of a whole answer; None where the provider did not say. Raises ValueError on
        counts that are none."""
        ...

    def message(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """A whole answer as a message. Raises ValueError on what is none."""
        ...

    def answer(self, message: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        """A message as this API would have answered `body`."""
        ...

    def events(self, message: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[Event]:
        """A message as the events that would have streamed it."""
        ...

    def reading(self, body: Mapping[str, Any]) -> Reading:
        """For the answer to a checked body that asks for a stream."""
        ...

    def is_preamble(self, event: Event) -> bool:
        """Whether nothing was answered yet by this first event, so that the same may still be asked
        again."""
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

    def refused(self, refusal: Refusal) -> dict[str, Any]:
        """A refusal as the body of an answer."""
        ...

    def ended(self, refusal: Refusal) -> Event:
        """A refusal as the last event of a stream."""
        ...
