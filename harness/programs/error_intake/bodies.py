"""Reads the body of a request, with a bound on what arrives, on what it unpacks to, and on how long
it takes.

Properties: no more than MOST_RECEIVED bytes of a body are ever held, and no more than MOST_UNPACKED
come out of them, whatever the sender claims or packs. A body that ends early is refused."""

import asyncio
import zlib
from typing import TYPE_CHECKING

from harness.programs.error_intake.refused import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_RECEIVED, MOST_UNPACKED = 2_000_000, 8_000_000
BODY_SECONDS = 10.0
_WINDOW = {"gzip": 31, "deflate": 15}


async def body_of(request: "Request", *, may_be_packed: bool = True) -> bytes:
    """The body as its sender had it before it was packed. Raises Refused."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", *(("br", *_WINDOW) if may_be_packed else ())):
        raise Refused(415, "expected no content encoding, or of an SDK gzip, deflate or br")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            received = await _received(request)
    except TimeoutError:
        raise Refused(408, f"the body did not come within {BODY_SECONDS:g} s") from None
    return unpacked(received, coding)


async def _received(request: "Request") -> bytes:
    length = request.headers.get("content-length", "0")
    # `isdigit` accepts digits of other scripts, and `int` fails at very long numbers.
    if not length.isascii() or not length.isdigit() or len(length) > 18:
        raise Refused(400, "expected a length in digits")
    if int(length) > MOST_RECEIVED:
        raise _too_long()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_RECEIVED:
            raise _too_long()
    return bytes(body)


def unpacked(packed: bytes, coding: str) -> bytes:
    """The bytes without their content encoding. Raises Refused for more than MOST_UNPACKED of them,
    and for what is no such encoding."""
    match coding:
        case "" | "identity":
            return packed
        case "br":
            return _without_brotli(packed)
        case _:
            return _inflated(packed, _WINDOW[coding])


def _inflated(packed: bytes, window: int) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        found = stream.decompress(packed, MOST_UNPACKED + 1)
    except zlib.error:
        raise _unreadable() from None
    if len(found) > MOST_UNPACKED:
        raise _too_long()
    # A second stream behind the first could be another bomb; no SDK sends one.
    if not stream.eof or stream.unused_data:
        raise _unreadable()
    return found


def _without_brotli(packed: bytes) -> bytes:
    import brotli  # type: ignore[import-untyped]

    stream = brotli.Decompressor()
    try:
        found = bytes(stream.process(packed, output_buffer_limit=MOST_UNPACKED + 1))
    except brotli.error:
        raise _unreadable() from None
    if len(found) > MOST_UNPACKED or not stream.can_accept_more_data():
        raise _too_long()
    if not stream.is_finished():
        raise _unreadable()
    return found


def _too_long() -> Refused:
    return Refused(
        413, f"expected at most {MOST_RECEIVED} bytes, and {MOST_UNPACKED} once they are unpacked"
    )


def _unreadable() -> Refused:
    return Refused(400, "the body is not what its content encoding promises")
