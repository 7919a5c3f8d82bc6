"""A local forge that fails on demand: the real one with a middleware around it that injects faults.

    python -I faulty_forge.py --home PATH …     the forge's own options

All other requests pass unchanged. Two things are done for every request: the last response to each
GET is stored (for `stale`), and the `Date` header is written here (the server leaves it out).
"""

import asyncio
import json
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness.domain.plain import JsonObject
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.start import RunningForge, start
from tests import warm

WHERE = "/admin/faults"
SECONDS = 120.0


def start_faulty(home: Path, **options: Any) -> RunningForge:
    """`start`, but the forge takes faults, and is forked where its imports are done."""
    return start(home, program=(str(Path(__file__).resolve()),), popen=warm.Server, **options)


def inject(forge: RunningForge, kind: str, **fault: Any) -> None:
    """Inject a fault for the next matching requests."""
    faults_of(forge, "POST", {"kind": kind, **fault}).raise_for_status()


def faults_of(forge: RunningForge, method: str, fault: JsonObject | None = None) -> httpx.Response:
    """Add a fault (POST), list those that wait (GET), or clear all (DELETE)."""
    return httpx.request(
        method,
        f"{forge.url}{WHERE}",
        json=fault,
        headers={"Authorization": f"Bearer {forge.admin_token.read_text().strip()}"},
        trust_env=False,
        verify=False,
        timeout=SECONDS,
    )


PRIMARY = "API rate limit exceeded for user ID 1."
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
ANSWERS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "error-after": (500, "Server Error"),
        "error-before": (502, "Server Error"),
        "unavailable": (503, "Service Unavailable"),
        "unauthorized": (401, "Bad credentials"),
        "forbidden": (403, "Resource not accessible by integration"),
        "missing": (404, "Not Found"),
        "moved": (301, "Moved Permanently"),
        "rate-limited": (403, PRIMARY),
        "secondary-limit": (403, SECONDARY),
        "too-many": (429, SECONDARY),
    }
)
"""The faults that are a response of their own: status and message, in GitHub's words."""
KINDS = (
    *ANSWERS,
    "slow",
    "garbled",
    "cut",
    "cut-before",
    "stale",
    "unchanged",
    "clock",
    "graphql-errors",
)
_NAME = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble for the next `count` requests that match `method` (or `*`) and `path` (a
    full match).

    The request is carried out, and its response is lost: `error-after` (500), `cut` (the connection
    ends in the middle of the body).

    The request is not carried out: `error-before` (502), `unavailable` (503), `unauthorized` (401),
    `forbidden` (403), `missing` (404), `moved` (301, to the header `location`), `rate-limited` and `secondary-limit` (403), `too-many`
    (429), `cut-before`, `garbled` (200, not JSON), `graphql-errors` (200, errors instead of data).

    The response is changed: `slow` (after `seconds`), `clock` (`Date` is off by `seconds`), `stale`
    (a GET gets the last response of the same address), `unchanged` (a GET with an ETag gets 304,
    whatever has changed). `headers` and `retry_after` are added to a response of the fault's own.
    """

    kind: str
    method: str = "*"
    path: str = ".*"
    count: int = 1
    seconds: float = 0.0
    retry_after: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def hits(self, method: str, path: str) -> bool:
        """Whether the fault applies to such a request."""
        return (
            self.count > 0
            and self.method in ("*", method)
            and re.fullmatch(self.path, path) is not None
        )


def fault_from(body: JsonObject) -> Fault:
    """A fault from JSON. Raises ValueError with what is wrong."""
    try:
        fault = Fault(**body)
        re.compile(fault.path)
        for name, value in fault.headers.items():
            if not _NAME.fullmatch(name) or not str(value).isprintable():
                raise ValueError(f"{name!r} with {value!r} is no header")
    except (TypeError, ValueError, AttributeError, re.error) as error:
        raise ValueError(f"not a fault: {error}") from None
    if fault.kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    return fault


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> tuple[Fault, ...]:
        """The faults that still apply, with the number of requests left for each."""
        with self._lock:
            return tuple(fault for fault in self._waiting if fault.count > 0)

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that applies to such a request, its count reduced by one."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.hits(method, path):
                    self._waiting[place] = replace(fault, count=fault.count - 1)
                    return fault
        return None


HOUR = 3600
MOST_REMEMBERED = 500
_CUT = (b"content-length", b"1000000")


class FaultMiddleware:
    """Wraps the API, the pages and git, but never the administrator's own API."""

    def __init__(self, app: ASGIApp, *, faults: Faults, token: str) -> None:
        self._app, self._faults, self._token = app, faults, token
        self._last: OrderedDict[tuple[str, bytes, str], list[Message]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the first matching fault, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] == WHERE:
            await (await self._told(Request(scope, receive)))(scope, receive, send)
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

    async def _told(self, request: Request) -> Response:
        """The administrator's answer: add a fault, list those that wait, clear all."""
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return Response(status_code=401)
        if request.method == "DELETE":
            self._faults.clear()
            return Response(status_code=204)
        if request.method == "GET":
            return JSONResponse([asdict(fault) for fault in self._faults.waiting()])
        try:
            fault = fault_from(await request.json())
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 422)
        self._faults.add(fault)
        return JSONResponse(asdict(fault), 201)

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
        messages: list[Message] = []

        async def keeping(message: Message) -> None:
            messages.append(message)
            await send(message)

        await self._app(scope, receive, keeping)
        if (
            messages
            and messages[0]["type"] == "http.response.start"
            and messages[0]["status"] == 200
        ):
            self._last[_address(scope)] = messages
            self._last.move_to_end(_address(scope))
            while len(self._last) > MOST_REMEMBERED:
                self._last.popitem(last=False)

    async def _stale(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send this address's last response again. Without one, pass the request on and
        store its response."""
        messages = self._last.get(_address(scope))
        if messages is None:
            await self._remembered(scope, receive, send)
            return
        for message in messages:
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
        content = {"data": None, "errors": [{"type": "RATE_LIMITED", "message": PRIMARY}]}
        return Response(json.dumps(content), media_type="application/json", headers=headers)
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


def faulty(service: Service, forge: Starlette) -> ASGIApp:
    """The forge with faults around it."""
    return FaultMiddleware(forge, faults=Faults(), token=service.admin_token)


if __name__ == "__main__":
    from harness.programs.local_forge.__main__ import main

    sys.exit(main(around=faulty))
