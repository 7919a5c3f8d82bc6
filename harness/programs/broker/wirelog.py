"""The wire log of a session, one JSON line per call, for people who ask what an agent was sent and
answered.

It has bodies only, never headers. Each request repeats the conversation, so a line holds what is
new since the call before: `kept` counts the messages at its beginning that are the same, and fields
that did not change are left out.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.sse import dumps


class WireLog:
    """Appends to one file. `secret` is redacted wherever it appears."""

    def __init__(self, file: Path | None, *, secret: str = "") -> None:
        self._file, self._secret, self._calls = file, secret, 0
        self._before: JsonObject = {}
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def note(
        self,
        body: JsonObject,
        *,
        at: float,
        seconds: float,
        answer: JsonObject | None,
        refusal: Refusal | None = None,
    ) -> None:
        """Log one call: the request, the answer (whole, or as far as it came), and the refusal,
        if any."""
        self._calls += 1
        if self._file is None:
            return
        wrong = {} if refusal is None else {"error": str(refusal), "refusal": refusal.recorded()}
        line = {
            "call": self._calls,
            "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
            "seconds": round(seconds, 3),
            "request": _news(body, self._before),
            "response": answer,
            **wrong,
        }
        self._before = body
        text = dumps({key: value for key, value in line.items() if value is not None})
        if self._secret:
            text = text.replace(self._secret, "[redacted]")
        with self._file.open("ab") as log:
            log.write(text.encode("utf-8", "backslashreplace") + b"\n")


def _news(body: JsonObject, before: JsonObject) -> JsonDict:
    """The parts of a request that the one before it did not have."""
    old, new = before.get("messages", []), body["messages"]
    kept = next(
        (
            number
            for number, (was, now) in enumerate(zip(old, new, strict=False))
            if _plain(was) != _plain(now)
        ),
        min(len(old), len(new)),
    )
    changed = {
        key: value for key, value in body.items() if key != "messages" and before.get(key) != value
    }
    return {**changed, "kept": kept, "messages": new[kept:]}


def _plain(message: JsonObject) -> Any:
    """A message without its cache marks, which move on with every call and mean nothing."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return [
        message.get("role"),
        [
            {name: value for name, value in block.items() if name != "cache_control"}
            if isinstance(block, dict)
            else block
            for block in content
        ],
    ]
