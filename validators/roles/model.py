"""One request to the model broker from a role's box, and what of the answer may go on.

A box holds no key: the broker's socket is a port of 127.0.0.1 there, and the port is the role's
identity. The provider's SDK took 0.8 s to import, more than all else in such a box, and would show
sixteen more distributions to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any

MODEL_SECONDS = 300.0
MOST_BYTES = 1 << 20
"""Of one answer. A model that says more is not read to its end."""
HEADERS = {"Content-Type": "application/json", "anthropic-version": "2023-06-01"}

Ask = Callable[[Mapping[str, Any]], list[dict[str, Any]]]


class NoAnswer(Exception):
    """The model could not be asked, or its answer is not one; in a line for people."""


def model_at(port: int, *, seconds: float = MODEL_SECONDS) -> Ask:
    """A way to ask the model behind a port: a request in, text and tool calls of its answer out. It
    raises NoAnswer."""

    def ask(request: Mapping[str, Any]) -> list[dict[str, Any]]:
        return _content(port, json.dumps(request), seconds=seconds)

    return ask


def _content(port: int, body: str, *, seconds: float) -> list[dict[str, Any]]:
    """Text and calls of one message (https://docs.anthropic.com/en/api/messages). Raises NoAnswer,
    in the broker's words."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("POST", "/v1/messages", body.encode(), HEADERS)
        answer = connection.getresponse()
        said = answer.read(MOST_BYTES + 1)
        if len(said) > MOST_BYTES:
            raise NoAnswer(f"it said more than {MOST_BYTES >> 10} KiB at once")
        found = json.loads(said)
        if answer.status != http.client.OK:
            raise NoAnswer(f"{answer.status} {found['error']['type']}: {found['error']['message']}")
        return [
            _block(block) for block in found["content"] if block["type"] in ("text", "tool_use")
        ]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


def _block(block: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent back in the next round: no more of a block than the Messages API wants to see
    again."""
    if block["type"] == "text":
        return {"type": "text", "text": block["text"]}
    return {"type": "tool_use", "id": block["id"], "name": block["name"], "input": block["input"]}
