"""Server-sent events that make an open page fetch itself again. Browsers reconnect on their own."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from harness.programs.local_forge.events.event_stream import EventStream
from harness.programs.local_forge.pages.page_views import GUARDS
from harness.programs.local_forge.service import Service

RETRY_MILLISECONDS = 2_000


def stream(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """Sends the event `written` after each change, and a comment now and then, so that a dead
    connection is noticed.

    An event does not contain what was written, so the stream needs no sign-in. 503 where too many
    pages listen.
    """

    async def answer(_request: Request) -> Response:
        if service.event_stream.is_full:
            return PlainTextResponse("Too many pages are open.\n", 503, headers=GUARDS)
        headers = {**GUARDS, "cache-control": "no-store"}
        return StreamingResponse(
            _events(service.event_stream), media_type="text/event-stream", headers=headers
        )

    return answer


async def _events(event_stream: EventStream) -> AsyncGenerator[str, None]:
    # How long a browser waits before it reconnects.
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    async for is_beat in event_stream.beats():
        yield "event: written\ndata: \n\n" if is_beat else ": still here\n\n"
