"""HTTP/1.1 as a relay between a browser and one app reads it from asyncio streams, by h11."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import h11

LARGEST_HEAD = 64 * 1024
PIECE = 32 * 1024
PACKED = ("gzip", "x-gzip", "deflate")
# The `wbits` of zlib that accept either header and detect which it is.
GZIP_OR_ZLIB = 32 + 15

Headers = tuple[tuple[str, str], ...]


class WireBroken(Exception):
    """The other side closed too early, or sent something that is not HTTP."""


@dataclass(frozen=True, slots=True)
class Head:
    """A start line and headers. In a request, `first` and `second` are the method and the target;
    in an answer, the version and the status. `called`: a request that a journey makes itself."""

    first: str
    second: str
    third: str
    headers: Headers
    called: bool = False

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
        return int(self.second)

    def encoded(self) -> bytes:
        lines = (
            f"{self.first} {self.second} {self.third}".rstrip(),
            *(f"{key}: {value}" for key, value in self.headers),
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Incoming:
    """The messages that arrive on one stream: a browser's requests; with `request`, an app's answer
    to it. Both methods raise WireBroken."""

    def __init__(
        self, stream: asyncio.StreamReader, request: Head | None = None, *, first: bytes = b""
    ) -> None:
        # `first` was read from the stream before.
        self._stream = stream
        # What came in all, framing included: a body in chunks of one byte has six times its size.
        self.received = 0
        self._parser = h11.Connection(
            h11.CLIENT if request else h11.SERVER, max_incomplete_event_size=LARGEST_HEAD
        )
        if request:
            # The parser only has to know the method: it decides whether the answer has a body.
            self._parser.send(
                h11.Request(method=request.first, target="/", headers=[("Host", "app")])
            )
            self._parser.send(h11.EndOfMessage())
        if first:
            self.received = len(first)
            self._parser.receive_data(first)

    async def head(self) -> Head | None:
        """The next head, after any interim ones (1xx); None at a clean end."""
        while True:
            event = await self._event()
            if isinstance(event, h11.ConnectionClosed):
                return None
            if isinstance(event, h11.Request):
                return Head(_text(event.method), _text(event.target), "HTTP/1.1", _pairs(event))
            if isinstance(event, h11.Response):
                return Head(
                    f"HTTP/{_text(event.http_version)}",
                    str(event.status_code),
                    _text(event.reason),
                    _pairs(event),
                )

    async def body(self) -> AsyncIterator[bytes]:
        """The pieces of the body, without chunk framing."""
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)

    @property
    def rest(self) -> bytes:
        """What arrived after the head of a CONNECT: the tunnel's first bytes."""
        return self._parser.trailing_data[0]

    async def _event(self) -> h11.Event:
        try:
            while (event := self._parser.next_event()) is h11.NEED_DATA:
                octets = await self._stream.read(PIECE)
                self.received += len(octets)
                self._parser.receive_data(octets)
        except h11.RemoteProtocolError as error:
            raise WireBroken(f"this is not HTTP/1.1, or it broke off: {error}") from None
        except ConnectionError as error:
            raise WireBroken(str(error) or "reset") from None
        if not isinstance(event, h11.Event):
            raise WireBroken("another protocol was asked for")
        return event


def _pairs(event: h11.Request | h11.Response) -> Headers:
    """The headers in their order and spelling."""
    return tuple((_text(name), _text(value)) for name, value in event.headers.raw_items())


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")


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
