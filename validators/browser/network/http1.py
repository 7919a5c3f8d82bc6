"""The part of HTTP/1.1 (RFC 9112) that a relay between a browser and one app needs, on asyncio
streams."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

LARGEST_HEAD = 64 * 1024
PIECE = 64 * 1024
PACKED = ("gzip", "x-gzip", "deflate")
# The `wbits` of zlib that accept either header and detect which it is.
GZIP_OR_ZLIB = 32 + 15

Headers = tuple[tuple[str, str], ...]


class WireBroken(Exception):
    """The other side closed too early, or sent something that is not HTTP."""


@dataclass(frozen=True, slots=True)
class Head:
    """A start line and headers. In a request, `first` and `second` are the method and the target;
    in an answer, the version and the status."""

    first: str
    second: str
    third: str
    headers: Headers

    def header(self, name: str) -> str:
        """The last value of a header; empty when absent."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), "")

    def without(self, *names: str) -> Head:
        return replace(
            self, headers=tuple(item for item in self.headers if item[0].lower() not in names)
        )

    def having(self, name: str, value: str) -> Head:
        """The head with this header set, in the place where it was or at the end."""
        kept = tuple(
            (key, value if key.lower() == name.lower() else old) for key, old in self.headers
        )
        return replace(self, headers=kept if self.header(name.lower()) else (*kept, (name, value)))

    @property
    def status(self) -> int:
        return _number(self.second)

    def encoded(self) -> bytes:
        lines = (
            f"{self.first} {self.second} {self.third}".rstrip(),
            *(f"{key}: {value}" for key, value in self.headers),
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def read_head(stream: asyncio.StreamReader) -> Head | None:
    """The next head; None at a clean end. Raises WireBroken."""
    try:
        raw = await stream.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as ended:
        if not ended.partial:
            return None
        raise WireBroken("closed within a head") from None
    except (asyncio.LimitOverrunError, ConnectionError) as error:
        raise WireBroken(str(error) or "reset") from None
    start, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    first, _, rest = start.partition(" ")
    second, _, third = rest.partition(" ")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return Head(
        first, second, third, tuple((key.strip(), value.strip()) for key, _, value in pairs)
    )


async def body(stream: asyncio.StreamReader, head: Head, *, answer: bool) -> AsyncIterator[bytes]:
    """The pieces of a body, without chunk framing. Raises WireBroken when it ends before it
    should."""
    if "chunked" in head.header("transfer-encoding").lower():
        async for piece in _chunks(stream):
            yield piece
    elif length := head.header("content-length"):
        left = _number(length)
        # `_number` reads what is no number as 0: that must not pass for an empty body.
        if str(left) != (length.lstrip("0") or "0"):
            raise WireBroken(f"no length of a body: {length[:40]!r}")
        while left:
            piece = await _piece(stream, min(left, PIECE))
            left -= len(piece)
            yield piece
    # Without a length, an answer ends with its connection. A request has no body then.
    elif answer:
        while not stream.at_eof():
            if piece := await stream.read(PIECE):
                yield piece


def _number(text: str) -> int:
    """The number in decimal digits; 0 if it is none, or has more digits than any size."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def unpacked(answer: Head, content: bytes, *, most: int) -> tuple[Head, bytes]:
    """An answer with its body decompressed. One that is compressed in another way, broken, or
    larger than `most` bytes when decompressed stays as it is."""
    # Some apps compress even when the request accepts `identity` alone.
    if answer.header("content-encoding").strip().lower() not in PACKED:
        return answer, content
    unpacking = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        plain = unpacking.decompress(content, most)
    except zlib.error:
        return answer, content
    return (answer.without("content-encoding"), plain) if unpacking.eof else (answer, content)


async def _chunks(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    try:
        while size := int((await stream.readuntil(b"\r\n")).split(b";")[0], 16):
            while size > 0:
                piece = await _piece(stream, min(size, PIECE))
                size -= len(piece)
                yield piece
            await stream.readexactly(2)
        while await stream.readuntil(b"\r\n") != b"\r\n":
            pass
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        raise WireBroken(f"a chunked body broke off: {error}") from None


async def _piece(stream: asyncio.StreamReader, most: int) -> bytes:
    try:
        piece = await stream.read(most)
    except ConnectionError:
        piece = b""
    if not piece:
        raise WireBroken("closed within a body")
    return piece
