"""The stream that tells an open page to look again: server-sent events, which a browser opens anew
by itself."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from harness.programs.local_forge.events.event_stream import EventStream
from harness.programs.local_forge.pages.page_views import GUARDS
from harness.programs.local_forge.service import Service

RETRY_MILLISECONDS = 2_000


def stream(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """Answers with an event `written` after each change, and a comment now and then so that a dead
    line is noticed.

    It says nothing of what was written, so it needs no sign-in; 503 where too many listen already.
    """

    async def answer(_request: Request) -> Response:
        if service.pulse.is_full:
            return PlainTextResponse("Too many pages are open.\n", 503, headers=GUARDS)
        headers = {**GUARDS, "cache-control": "no-store"}
        return StreamingResponse(
            _events(service.pulse), media_type="text/event-stream", headers=headers
        )

    return answer


async def _events(pulse: EventStream) -> AsyncGenerator[str, None]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    async for is_beat in pulse.beats():
        yield "event: written\ndata: \n\n" if is_beat else ": still here\n\n"
