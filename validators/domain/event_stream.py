"""Event streams (https://html.spec.whatwg.org/multipage/server-sent-events.html): where so many
events end, and what they are."""

from __future__ import annotations

from typing import Any

from validators.domain.json_values import read_json

EVENT_STREAM = "text/event-stream"


class EventCount:
    """Counts the events of a stream while it comes. `read` takes all that has come so far, in which
    what was there before stays."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._at, self._with_data = wanted, 0, False

    def read(self, content: bytes | bytearray) -> int:
        """Where the last wanted event ends; 0 while it has not come."""
        # Each line is looked at once, however small the pieces are in which it comes.
        while (end := content.find(b"\n", self._at)) >= 0:
            line = content[self._at : end].rstrip(b"\r")
            self._at = end + 1
            self._with_data |= line.startswith(b"data")
            if not line and self._with_data:
                self._wanted, self._with_data = self._wanted - 1, False
                if not self._wanted:
                    return self._at
        return 0


def events_in(content: bytes) -> list[dict[str, Any]]:
    """Each event with its `data`, as JSON if it is some, else as text, and its `event` and `id`
    where it has them. Raises ValueError for what is no UTF-8."""
    text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    found = (_event(block.split("\n")) for block in text.split("\n\n"))
    return [one for one in found if "data" in one]


def _event(lines: list[str]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name in ("event", "id"):
            event[name] = value
    return {**event, "data": _value("\n".join(data))} if data else event


def _value(text: str) -> Any:
    try:
        return read_json(text.encode())
    except ValueError:
        return text
