"""Faults on demand: what a real forge does to its clients on a bad day, for a server started with --faults."""

import asyncio
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness.forge.embedded.refused import invalid

_ANSWERS = {
    "error-after": (500, "Server Error"),
    "error-before": (502, "Server Error"),
    "rate-limited": (403, "API rate limit exceeded for user ID 1."),
    "secondary-limit": (403, "You have exceeded a secondary rate limit. Please wait a few minutes."),
}
KINDS = (*_ANSWERS, "slow", "garbled")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble for the next `count` requests that match.

    `error-after`: the request is carried out and 500 is answered. `error-before`: 502, nothing is carried out.
    `slow`: answered after `seconds`. `rate-limited`, `secondary-limit`: 403 with GitHub's words. `garbled`: no JSON.
    """

    kind: str
    method: str = "*"
    path: str = ".*"
    count: int = 1
    seconds: float = 0.0
    retry_after: str | None = None

    def hits(self, method: str, path: str) -> bool:
        """Whether such a request is in for it."""
        return self.count > 0 and self.method in ("*", method) and re.fullmatch(self.path, path) is not None


def fault_from(body: Mapping[str, Any]) -> Fault:
    """A fault as the administrator's API takes it. Raises Refused (422) for one that is not known."""
    try:
        fault = Fault(**body)
        re.compile(fault.path)
    except (TypeError, re.error) as error:
        raise invalid("Fault", "kind", f"not a fault: {error}") from None
    if fault.kind not in KINDS:
        raise invalid("Fault", "kind", f"kind must be one of {', '.join(KINDS)}")
    return fault


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let one wait."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Call them off."""
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that hits such a request, used up by one."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.hits(method, path):
                    self._waiting[place] = replace(fault, count=fault.count - 1)
                    return fault
        return None


class FaultyForge:
    """ASGI middleware around the API and git, never around the administrator's own API."""

    def __init__(self, app: ASGIApp, *, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the first matching fault says, or pass the request on."""
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith("/admin/"):
            fault = self._faults.take(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
            return
        if fault.kind == "error-after":
            await self._app(scope, receive, _unheard)
        await _answer(fault)(scope, receive, send)


async def _unheard(_message: Message) -> None:
    """Where the answer goes that the client never gets."""


def _answer(fault: Fault) -> Response:
    if fault.kind == "garbled":
        return Response("<html>Unicorn!</html>", media_type="text/html")
    status, message = _ANSWERS[fault.kind]
    headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    return Response(json.dumps({"message": message}), status, headers=headers, media_type="application/json")
