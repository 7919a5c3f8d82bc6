"""`python -m validators.author.boxed`: what runs in the author's box, from a brief to what was written.

    in   {"brief": {model, number, kind, title, body, files, language, instructions}, "port": 8090}
    out  {"journeys": ["yaml", …], "reason": ""}

The box holds no key: the model is reached through the broker's socket, which this box sees as a port of 127.0.0.1.
It asks by the standard library: one kind of request to our own broker. The provider's SDK took 0.8 s to import, more
than all else here together, and would show sixteen more distributions to the box.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Mapping
from typing import Any

from validators.author.conversation import Ask, Brief, Written, written

MODEL_SECONDS = 300.0
HEADERS = {"Content-Type": "application/json", "anthropic-version": "2023-06-01"}


class NoAnswer(Exception):
    """The model could not be asked, or its answer is not one; in a line for people."""


def main() -> int:
    """Hold the conversation and print its result. Exit 0 = it was held; 1 = the model could not be reached."""
    given = json.load(sys.stdin)
    try:
        outcome = written(Brief(**given["brief"]), ask=_model(given["port"]), check=_complaints)
    except NoAnswer as error:
        print(f"the model did not answer: {error}", file=sys.stderr)
        return 1
    print(document(outcome))
    return 0


def document(outcome: Written) -> str:
    """What the launcher reads."""
    return json.dumps({"journeys": list(outcome.journeys), "reason": outcome.reason}, ensure_ascii=False)


def _model(port: int) -> Ask:
    def ask(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"content": _content(port, json.dumps(request))}

    return ask


def _content(port: int, body: str) -> list[dict[str, Any]]:
    """Text and calls of one message (https://docs.anthropic.com/en/api/messages). Raises NoAnswer, in the broker's words."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=MODEL_SECONDS)
    try:
        connection.request("POST", "/v1/messages", body.encode(), HEADERS)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        if answer.status != http.client.OK:
            raise NoAnswer(f"{answer.status} {found['error']['type']}: {found['error']['message']}")
        return [_block(block) for block in found["content"] if block["type"] in ("text", "tool_use")]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


def _block(block: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent back in the next round: no more of a block than the Messages API wants to see again."""
    if block["type"] == "text":
        return {"type": "text", "text": block["text"]}
    return {"type": "tool_use", "id": block["id"], "name": block["name"], "input": block["input"]}


def _complaints(text: str) -> tuple[str, ...]:
    from validators.language.check import complaints

    return complaints(text)


if __name__ == "__main__":
    raise SystemExit(main())
