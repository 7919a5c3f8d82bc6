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
    from uvicorn.protocols.http.h11_impl import H11Protocol

PATH = "/webhook"
HEAD_SECONDS, BODY_SECONDS, LEAVE_SECONDS = 10.0, 10.0, 3
RETRY_SECONDS = 120
MOST_AT_ONCE = 128
BACKLOG = 1024
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

    config = uvicorn.Config(
        answering,
        http=_patient_protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        # uvicorn has no limit for the headers of a second request.
        headers=[("Connection", "close")],
        timeout_graceful_shutdown=LEAVE_SECONDS,
    )
    with _bound(host, port, option) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, args=([listener],), name=option.strip("-"), daemon=True
        )
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(LEAVE_SECONDS * 2)


def _patient_protocol() -> "type[H11Protocol]":
    """HTTP/1.1 of uvicorn, which by itself waits forever for the headers of a request."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.loop.call_later(HEAD_SECONDS, self._close_silent)

        def _close_silent(self) -> None:
            if self.cycle is None and not self.transport.is_closing():
                self.transport.close()

    return Patient


def _bound(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # After a restart the old connections may still be closing.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{host}:{port} is not to be had ({why}): name another port, or 0 for any",
            key=option,
        ) from None
    listener.listen(BACKLOG)
    return listener
