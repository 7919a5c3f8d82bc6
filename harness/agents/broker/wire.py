"""A session's socket: the Messages API as a box sees it."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from harness.agents.broker.refusal import Refusal
from harness.agents.broker.session import Session
from harness.agents.broker.sse import EventStream, encoded

BODY_LIMIT = 8 << 20    # bytes
DEPTH_LIMIT = 100       # objects and lists in each other


def wire(session: Session) -> Starlette:
    """The application behind one session's socket."""

    async def messages(request: Request) -> Response:
        body = await json_body(request)
        if isinstance(body, dict) and body.get("stream") is True:
            return StreamingResponse(_encoded(await session.stream(body)), media_type="text/event-stream")
        return JSONResponse(await session.message(body))

    async def count_tokens(request: Request) -> Response:
        return JSONResponse(await session.count(await json_body(request)))

    async def health(_: Request) -> Response:
        return JSONResponse({})

    app = Starlette(
        routes=[Route("/v1/messages", messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", count_tokens, methods=["POST"]),
                Route("/", health, methods=["GET", "HEAD"])],
        exception_handlers={Refusal: refused, 404: elsewhere, 405: elsewhere})
    app.router.redirect_slashes = False     # a path is on the list as it is written, or not at all
    return app


async def refused(_: Request, error: Exception) -> Response:
    """A Refusal as the provider would have said it. SDKs are told not to retry: the broker has done so."""
    refusal = error if isinstance(error, Refusal) else Refusal(500, "api_error", type(error).__name__)
    headers = {"x-should-retry": "false"} | ({"retry-after": refusal.retry_after} if refusal.retry_after else {})
    return JSONResponse(refusal.body(), status_code=refusal.status, headers=headers)


async def elsewhere(request: Request, _: Exception) -> Response:
    """Any other path or method."""
    asked = f"{request.method} {request.url.path}"
    return await refused(request, Refusal(404, "not_found_error", f"{asked} is not forwarded; POST /v1/messages is"))


async def json_body(request: Request) -> Any:
    """The request's JSON. Raises Refusal: too large, or not JSON."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_LIMIT:
            raise Refusal(413, "request_too_large", f"the body is over {BODY_LIMIT} bytes; send less, or in parts")
    try:
        body = json.loads(bytes(raw), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "invalid_request_error", f"body: not JSON: {error}") from error
    _require_shallow(body)
    return body


async def _encoded(events: EventStream) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        async for event in events:
            yield encoded(event)


def _require_shallow(body: Any) -> None:
    """What can just be read may be too deep to be written again, after money was held for it."""
    level = [body]
    for _ in range(DEPTH_LIMIT):
        level = [part for value in level if isinstance(value, dict | list)
                 for part in (value.values() if isinstance(value, dict) else value)]
    if level:
        raise Refusal(400, "invalid_request_error", f"body: nested over {DEPTH_LIMIT} levels deep")


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
