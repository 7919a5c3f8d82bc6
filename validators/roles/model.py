"""Send one request to the model broker from a role's sandbox, and read the answer.

A sandbox holds no key: it sees the broker's socket as a port of 127.0.0.1, and that port identifies
the role. The provider's SDK is not used: it takes 0.8 s to import, more than all else in such a
sandbox, and needs sixteen more distributions."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any

MODEL_SECONDS = 300.0
# Of one answer. A longer one is not read to its end.
MOST_BYTES = 1 << 20
HEADERS = {"Content-Type": "application/json", "anthropic-version": "2023-06-01"}

# A part of a prompt up to which a provider may cache it.
CACHED = {"cache_control": {"type": "ephemeral"}}

Ask = Callable[[Mapping[str, Any]], list[dict[str, Any]]]


def governance_text(files: Mapping[str, str]) -> str:
    """The product's governance files, byte for byte: the beginning of every role's context."""
    return "\n\n".join(f"# The product's {name}\n\n{text}" for name, text in sorted(files.items()))


def system_blocks(files: Mapping[str, str], task: str) -> list[dict[str, Any]]:
    """The system of a role's requests: the governance files, which a provider may cache, then what
    is its own."""
    return [
        {"type": "text", "text": governance_text(files), **CACHED},
        {"type": "text", "text": task},
    ]


class NoAnswer(Exception):
    """The model could not be asked, or its answer is not valid. The text is one line for people."""


def model_at(port: int) -> Ask:
    """A function that asks the model behind a port: a request in, the text and tool calls of the
    answer out. It raises NoAnswer."""

    def ask(request: Mapping[str, Any]) -> list[dict[str, Any]]:
        return _content(port, json.dumps(request))

    return ask


def _content(port: int, body: str) -> list[dict[str, Any]]:
    """Text and tool calls of one message (https://docs.anthropic.com/en/api/messages). Raises
    NoAnswer with the broker's own message."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=MODEL_SECONDS)
    try:
        connection.request("POST", "/v1/messages", body.encode(), HEADERS)
        answer = connection.getresponse()
        content = answer.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise NoAnswer(f"its answer is longer than {MOST_BYTES >> 10} KiB")
        found = json.loads(content)
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
    """The part of a block that the Messages API needs to see again in the next request."""
    if block["type"] == "text":
        return {"type": "text", "text": block["text"]}
    return {"type": "tool_use", "id": block["id"], "name": block["name"], "input": block["input"]}
