"""A session's socket: the providers' APIs as a sandbox sees them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from harness.programs.broker.refusal import Refusal
from harness.programs.broker.session import BrokerSession
from harness.programs.broker.sse import dumps, loads
from harness.programs.broker.wires.dialect import Dialect, Event
from harness.programs.broker.wires.registry import EVERY, MESSAGES

# Bytes.
BODY_LIMIT = 8 << 20
# Of one session: the others wait, and nothing of theirs is in memory.
BODIES_AT_ONCE = 4
# From the body's first byte to its last.
BODY_SECONDS = 60
COUNT_PATH = "/v1/messages/count_tokens"
_Endpoint = Callable[[Request], Awaitable[Response]]


def wire(session: BrokerSession, *, body_seconds: float = BODY_SECONDS) -> Starlette:
    """The application behind one session's socket."""
    paths = tuple(path for dialect in session.dialects for path in _paths(dialect))
    reading = asyncio.Semaphore(BODIES_AT_ONCE)

    async def read(request: Request) -> Any:
        with session.reading_request():
            async with reading:
                return await json_body(request, seconds=body_seconds)

    def answering(dialect: Dialect) -> _Endpoint:
        async def answer(request: Request) -> Response:
            try:
                body = await read(request)
                if isinstance(body, dict) and body.get("stream") is True:
                    events = await session.stream(dialect, body)
                    return StreamingResponse(
                        _encoded(dialect, events), media_type="text/event-stream"
                    )
                return SettledResponse(*await session.whole(dialect, body))
            except Refusal as refusal:
                return refusal_response(refusal, dialect)

        return answer

    async def count_tokens(request: Request) -> Response:
        return AnyText(await session.count(await read(request)))

    async def health(_: Request) -> Response:
        return JSONResponse({})

    async def not_found(request: Request, _: Exception) -> Response:
        """Any other path or method."""
        # In the shape of that path's API, so that its SDK can read the error.
        dialect_of_path = next(
            (dialect for dialect in EVERY if request.url.path in _paths(dialect)), MESSAGES
        )
        message = (
            f"{request.method} {request.url.path} is not forwarded; POST {' and '.join(paths)} is"
        )
        return refusal_response(Refusal(404, "not_found_error", message), dialect_of_path)

    counting = (
        [Route(COUNT_PATH, count_tokens, methods=["POST"])] if MESSAGES in session.dialects else []
    )
    app = Starlette(
        routes=[
            *(
                Route(f"/v1{dialect.path}", answering(dialect), methods=["POST"])
                for dialect in session.dialects
            ),
            *counting,
            Route("/", health, methods=["GET", "HEAD"]),
        ],
        exception_handlers={Refusal: handle_refusal, 404: not_found, 405: not_found},
    )
    # A path matches exactly, or not at all.
    app.router.redirect_slashes = False
    return app


class AnyText(JSONResponse):
    """JSON of any text: a lone surrogate goes as its escape, as it does in a stream."""

    def render(self, content: Any) -> bytes:
        return dumps(content).encode("utf-8", "backslashreplace")


class SettledResponse(AnyText):
    """An answer, and a function that runs once it was sent or could not be.

    No other step of this process comes between, so the client's next request finds it settled.
    """

    def __init__(self, content: Any, afterwards: Callable[[], None]) -> None:
        super().__init__(content)
        self._afterwards = afterwards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._afterwards()


def refusal_response(refusal: Refusal, dialect: Dialect = MESSAGES) -> Response:
    """A refusal in the provider's own shape. It tells SDKs not to retry: the broker has done so."""
    headers = {"x-should-retry": "false"} | (
        {"retry-after": refusal.retry_after} if refusal.retry_after else {}
    )
    return AnyText(dialect.refused(refusal), status_code=refusal.status, headers=headers)


async def handle_refusal(_: Request, error: Exception) -> Response:
    # Only the type: an exception's text may hold what no sandbox should see.
    return refusal_response(
        error if isinstance(error, Refusal) else Refusal(500, "api_error", type(error).__name__)
    )


async def not_found(request: Request, _: Exception) -> Response:
    """A path or method that is not there."""
    return refusal_response(
        Refusal(404, "not_found_error", f"{request.method} {request.url.path} is not here")
    )


async def json_body(request: Request, *, seconds: float = BODY_SECONDS) -> Any:
    """The request's JSON. Raises Refusal when it is compressed, too large, too slow, or not
    JSON."""
    # A small compressed body may unpack to far more than the limit.
    if (packing := request.headers.get("content-encoding", "identity")) != "identity":
        raise Refusal(
            415,
            "invalid_request_error",
            f"a body with content-encoding {packing:.20} is not read; send it as it is",
        )
    try:
        async with asyncio.timeout(seconds):
            raw = await _read(request)
    except TimeoutError:
        raise Refusal(
            408, "timeout_error", f"the body did not come to an end within {seconds:g} s"
        ) from None
    except ClientDisconnect:
        raise Refusal(400, "invalid_request_error", "the body was cut") from None
    try:
        return loads(raw)
    except ValueError as error:
        raise Refusal(400, "invalid_request_error", f"body: not JSON: {error}") from error


async def _read(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_LIMIT:
            raise Refusal(
                413,
                "request_too_large",
                f"the body is over {BODY_LIMIT} bytes; send less, or in parts",
            )
    return bytes(raw)


def _paths(dialect: Dialect) -> tuple[str, ...]:
    path = f"/v1{dialect.path}"
    return (path, COUNT_PATH) if dialect is MESSAGES else (path,)


async def _encoded(
    dialect: Dialect, events: AsyncGenerator[Event, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        async for event in events:
            yield dialect.encoded(event)
