"""A model endpoint of our own on loopback: the Messages API, answered from recordings, whole or
streamed as asked.

It knows conversations, not sessions: a request with one message begins one, and the tools it offers
say whose it is. Once in a while it is overloaded, in each of the three ways that a provider is: 429
and 529, and an error as a stream's first event. It remembers what it was sent, headers too."""

import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from harness.programs.broker.script import Script, script
from harness.programs.broker.sse import encoded, events_of

ROLES = {"answer": "triage", "submit_journey": "author", "run": "implementer"}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@dataclass
class Seen:
    """One request: its headers, its body, and what it was answered: a role, or an overload."""

    headers: dict[str, str]
    body: dict[str, Any]
    answered: str


@dataclass
class Endpoint:
    """Answers one issue's conversations from `recordings`; `overloads` numbers the requests that
    are turned away."""

    recordings: Path
    issue: int
    overloads: dict[int, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    told: list[tuple[str, dict[str, int]]] = field(
        default_factory=list
    )  # of each answer: its model, and what it used
    url: str = ""
    _playing: dict[str, Script] = field(default_factory=dict)
    _attempts: Counter[str] = field(default_factory=Counter)

    def answered(self) -> list[str]:
        """The role of each request that got an answer."""
        return [one.answered for one in self.seen if one.answered in ROLES.values()]

    async def messages(self, request: Request) -> Response:
        body = await request.json()
        overload = self.overloads.get(len(self.seen) + 1, "")
        role = ROLES[body["tools"][0]["name"]]
        self.seen.append(Seen(dict(request.headers), body, overload or role))
        match overload:
            case "429":
                return JSONResponse(OVERLOADED, 429, headers={"retry-after": "1"})
            case "529":
                return JSONResponse(OVERLOADED, 529)
            case "event":
                return self._sent([OVERLOADED])
        message = self._script(role, body).answer(body)
        self.told.append((message["model"], message["usage"]))
        return self._sent(events_of(message)) if body.get("stream") else JSONResponse(message)

    def _script(self, role: str, body: dict[str, Any]) -> Script:
        if len(body["messages"]) == 1:
            self._attempts[role] += 1
            folder = self.recordings / "sealed" if role == "author" else self.recordings
            name = f"issue-{self.issue}/{role}-{self._attempts[role]}.json"
            self._playing[role] = script(folder, name=name, model=body["model"])
        return self._playing[role]

    def _sent(self, events: Iterable[dict[str, Any]]) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for event in events:
                yield encoded(event)

        return StreamingResponse(pieces(), media_type="text/event-stream")


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[Endpoint]:
    """The endpoint at `endpoint.url`, for as long as the block lasts."""
    app = Starlette(routes=[Route("/v1/messages", endpoint.messages, methods=["POST"])])
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 120
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    endpoint.url = f"http://127.0.0.1:{port}"
    try:
        yield endpoint
    finally:
        server.should_exit = True
        thread.join(120)


def recordings_for(source: Path, folder: Path, replaced: dict[str, str]) -> Path:
    """A copy of recordings with some words replaced, such as the ids of another mission."""
    for file in source.rglob("*.json"):
        text = file.read_text("utf-8")
        for old, new in replaced.items():
            text = text.replace(old, json.dumps(new)[1:-1])
        target = folder / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return folder
