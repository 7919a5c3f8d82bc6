"""The webhook receiver: one path, which answers as soon as the delivery is safely stored.

Properties:
- A delivery that was answered with 202 is not lost. If it cannot be stored, the answer tells its
  sender.
- A sender without a secret of ours costs one HMAC over a limited body, and leaves nothing behind.
- Whoever is slow is cut off, before its headers are there and in its body.
- No secret and no body is ever written to a log.

It listens on this machine alone by default: a proxy in front of it ends TLS.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError, PortError
from harness.forge.deliveries import (
    MOST_BYTES,
    DeliveryFilter,
    Dropped,
    RefusedDelivery,
    delivery_in,
)
from harness.ports.inbox import Inbox

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/webhook"
BODY_SECONDS = 10.0
RETRY_SECONDS = 120
_JSON = "application/json"


@dataclass(slots=True)
class Receiver:
    """Handles deliveries. `secrets` is called for each one, so that they can change at any time.
    `has_room` returns whether the disk has room. `on_news` is called after something new was
    stored. `counts` has one count for each outcome."""

    inbox: Inbox
    accepted: DeliveryFilter
    secrets: Callable[[], Sequence[str]]
    has_room: Callable[[], bool] = lambda: True
    on_news: Callable[[], None] = lambda: None
    counts: Counter[str] = field(default_factory=Counter)

    async def __call__(self, request: "Request") -> "Response":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _JSON:
            return self._answer(
                415, "refused", f"expected {_JSON}; the webhook's settings call it the content type"
            )
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request)
        except TimeoutError:
            return self._answer(408, "refused", f"the body did not come within {BODY_SECONDS:g} s")
        if body is None:
            return self._answer(413, "refused", f"a delivery has at most {MOST_BYTES} bytes")
        return await self._received(body, dict(request.headers))

    async def _received(self, body: bytes, headers: dict[str, str]) -> "Response":
        found = delivery_in(body, headers, secrets=self.secrets(), accepted=self.accepted)
        match found:
            case RefusedDelivery():
                return self._answer(found.status, "refused", found.message)
            case Dropped():
                return self._answer(202, f"dropped: {found.value}", found.value)
        # The store blocks; on a thread it does not hold up other deliveries.
        try:
            kept = await asyncio.to_thread(self.inbox.put, found) if self.has_room() else None
        except PortError:
            kept = None
        if kept is None:
            return self._answer(503, "not kept", "it could not be kept; send it again later")
        if kept:
            self.on_news()
        return self._answer(202, "kept" if kept else "double", "kept" if kept else "it came before")

    def _answer(self, status: int, count: str, message: str) -> "Response":
        from starlette.responses import JSONResponse

        self.counts[count] += 1
        later = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
        return JSONResponse({"message": message}, status, later)


async def _body(request: "Request") -> bytes | None:
    """The body as it came; None if it is too long, by its own header or in fact."""
    length = request.headers.get("content-length", "0")
    # `isdigit` accepts digits of other scripts, and `int` fails at very long numbers.
    if not length.isascii() or not length.isdigit() or len(length) > 18:
        return None
    if int(length) > MOST_BYTES:
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def application(receiver: Receiver) -> "Starlette":
    """An application with the receiver at its one path."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    return Starlette(routes=[Route(PATH, receiver.__call__, methods=["POST"])])


@contextmanager
def listening(
    answering: "Starlette", *, host: str, port: int, option: str = "--webhooks"
) -> Iterator[int]:
    """Answer requests on a thread while the block lasts. Yields the port; 0 lets the system choose
    one. Raises ConfigError, which names the `option`, if the address is not available."""
    import uvicorn

    from harness.http_server import LEAVE_SECONDS, public_config

    with _listener(host, port, option) as listener:
        server = uvicorn.Server(public_config(answering))
        thread = threading.Thread(
            target=server.run, args=([listener],), name=option.strip("-"), daemon=True
        )
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(LEAVE_SECONDS * 2)


def _listener(host: str, port: int, option: str) -> socket.socket:
    from harness.http_server import listener_at

    try:
        return listener_at(host, port)
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} is not to be had ({error.strerror}): name another port, or 0 for any",
            key=option,
        ) from None
