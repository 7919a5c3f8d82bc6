"""A Messages endpoint on a unix socket, as the broker offers one: scripted answers, every request
kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.http_server import Request, answering, running
from tests.sandbox.servers import UnixServer

Content = Sequence[dict[str, Any]]
Answer = Content | Callable[[dict[str, Any]], Content]


@dataclass
class Endpoint:
    """`answers` are lists of content blocks, or what makes one of a request, one a request;
    `requests` is what came."""

    socket: Path
    answers: list[Answer]
    requests: list[dict[str, Any]] = field(default_factory=list)

    def next(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.requests.append(request)
        if not self.answers:
            error = {"type": "invalid_request_error", "message": "the script has ended"}
            return 400, {"type": "error", "error": error}
        answer = self.answers.pop(0)
        content = answer(request) if callable(answer) else answer
        used = any(block["type"] == "tool_use" for block in content)
        return 200, {
            "id": f"msg_{len(self.requests)}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": content,
            "stop_reason": "tool_use" if used else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 10},
        }


def submits(*journeys: str) -> list[dict[str, Any]]:
    """An answer that submits these journeys, one call each."""
    return [
        {
            "type": "tool_use",
            "id": f"toolu_{number}",
            "name": "submit_journey",
            "input": {"yaml": text},
        }
        for number, text in enumerate(journeys)
    ]


def text_answer(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


@contextmanager
def endpoint(socket: Path, *answers: Answer) -> Iterator[Endpoint]:
    """The endpoint, answering until the block is left."""
    served = Endpoint(socket, list(answers))

    def answer(request: Request) -> None:
        status, message = served.next(json.loads(request.content()))
        data = json.dumps(message).encode()
        request.reply(status, data, {"content-type": "application/json"})

    with running(UnixServer(str(socket), answering(answer, keep_alive=True))):
        yield served
