"""ASGI middleware that applies injected faults to requests.

All other requests pass unchanged. Two things are done for every request: the last response to each
GET is stored (for `stale`), and the `Date` header is written here (the server leaves it out).
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness.programs.local_forge.faults import ANSWERS, PRIMARY, Fault, Faults

HOUR = 3600
MOST_REMEMBERED = 500
_CUT = (b"content-length", b"1000000")


class FaultMiddleware:
    """Wraps the API, the pages and git, but never the administrator's own API."""

    def __init__(self, app: ASGIApp, *, faults: Faults) -> None:
        self._app, self._faults = app, faults
        self._last: OrderedDict[tuple[str, bytes, str], list[Message]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the first matching fault, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fault = (
            None
            # The administrator must be able to clear faults while they are active.
            if scope["path"].startswith("/admin/")
            else self._faults.take(scope["method"], scope["path"])
        )
        skew = fault.seconds if fault is not None and fault.kind == "clock" else 0.0
        forward = _dated(send, skew)
        if fault is None:
            await self._remembered(scope, receive, forward)
        else:
            await self._faulty(fault, scope, receive, forward)

    async def _faulty(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, send)
            case "error-after":
                await self._app(scope, receive, _unheard)
                await _answer(fault)(scope, receive, send)
            case "cut":
                await self._app(scope, receive, _unheard)
                await _cut(send)
            case "cut-before":
                await _cut(send)
            case "stale" if scope["method"] == "GET":
                await self._stale(scope, receive, send)
            case "unchanged" if scope["method"] == "GET" and (
                named := Headers(scope=scope).get("if-none-match")
            ):
                await Response(status_code=304, headers={"etag": named})(scope, receive, send)
            case "stale" | "unchanged" | "clock":
                await self._app(scope, receive, send)
            case _:
                await _answer(fault)(scope, receive, send)

    async def _remembered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and store the response to a GET."""
        if scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        said: list[Message] = []

        async def keeping(message: Message) -> None:
            said.append(message)
            await send(message)

        await self._app(scope, receive, keeping)
        if said and said[0]["type"] == "http.response.start" and said[0]["status"] == 200:
            self._last[_address(scope)] = said
            self._last.move_to_end(_address(scope))
            while len(self._last) > MOST_REMEMBERED:
                self._last.popitem(last=False)

    async def _stale(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send this address's last response again. Without one, pass the request on and
        store its response."""
        said = self._last.get(_address(scope))
        if said is None:
            await self._remembered(scope, receive, send)
            return
        for message in said:
            await send(message)


def _address(scope: Scope) -> tuple[str, bytes, str]:
    return scope["path"], scope["query_string"], Headers(scope=scope).get("authorization", "")


def _dated(send: Send, skew: float) -> Callable[[Message], Awaitable[None]]:
    """A `send` that adds the `Date` header."""

    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": list(message.get("headers", ()))}
            MutableHeaders(scope=message)["date"] = formatdate(time.time() + skew, usegmt=True)
        await send(message)

    return dated


async def _unheard(_message: Message) -> None:
    """Drop a response that the client shall never get."""


async def _cut(send: Send) -> None:
    """Announce more bytes than are sent, so that the server closes the connection."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), _CUT],
        }
    )
    await send({"type": "http.response.body", "body": b"{", "more_body": False})


def _answer(fault: Fault) -> Response:
    headers = dict(fault.headers) | (
        {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    )
    if fault.kind == "garbled":
        return Response("<html>Unicorn!</html>", media_type="text/html", headers=headers)
    if fault.kind == "graphql-errors":
        said = {"data": None, "errors": [{"type": "RATE_LIMITED", "message": PRIMARY}]}
        return Response(json.dumps(said), media_type="application/json", headers=headers)
    if fault.kind == "rate-limited":
        headers = _spent() | headers
    status, message = ANSWERS[fault.kind]
    refused = {
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(status),
    }
    return Response(json.dumps(refused), status, headers=headers, media_type="application/json")


def _spent() -> dict[str, str]:
    """The headers of a rate limit that is used up."""
    reset = (int(time.time()) // HOUR + 1) * HOUR
    return {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": "5000",
        "x-ratelimit-reset": str(reset),
        "x-ratelimit-resource": "core",
    }
