"""Web sockets that a journey's calls open: one bounded conversation in messages, by a library.

Properties:
- What the app sends is bounded before it is read: the bytes on the wire with their framing, each
  message as it is unpacked, all messages together, their number, and the seconds after the opening.
- The answer to a call is what came in that time, as JSON: a list of the messages.
- Its status is that of the handshake; of a socket that the app closed before so many messages had
  come, the code with which it was closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from validators.browser.network.exchange import LARGEST_ANSWER, TooLarge
from validators.browser.network.http1 import PIECE, Head, WireBroken
from validators.domain.socket_messages import Message, message_of

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.http11 import Response

SOCKET = "SOCKET"
"""The method of a call that opens a web socket, between the client and the wire."""
OPENED, LOST = 101, 1006
"""The status of a handshake that opened a socket, and of one that ended without a close frame."""
# So long the app may take to notice that the socket is closed, before the connection is.
CLOSE_SECONDS = 0.5
# Of a handshake, what is about the connection or about a body that is none.
_OF_THE_CONNECTION = (
    "connection", "upgrade", "content-type", "content-length", "content-encoding",
    "transfer-encoding",
)  # fmt: skip
_DEFLATE = "permessage-deflate"


def opens_socket(request: Head) -> bool:
    """Whether a call opens a web socket."""
    return request.called and request.first == SOCKET


@dataclass(slots=True)
class Conversation:
    """One web socket to the app: `sent` goes out once it is open, and then at most `wanted`
    messages come in, for at most `seconds`. Afterwards, `status` is that of the handshake."""

    sent: bytes
    wanted: int
    seconds: float
    received: int = 0
    status: int = 0
    _answer: Head | None = None
    _refusal: bytes = b""
    _messages: list[Message] = field(default_factory=list)
    _octets: int = 0
    _part: bytearray = field(default_factory=bytearray)
    _as_text: bool = True

    async def held(
        self, handshake: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[Head, bytes]:
        """The answer to a handshake with its key; the connection is closed. Raises WireBroken for
        what is no web socket, and TooLarge."""
        try:
            return await self._held(_protocol(handshake), handshake, reader, writer)
        finally:
            writer.close()

    async def _held(
        self,
        protocol: ClientProtocol,
        handshake: Head,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> tuple[Head, bytes]:
        writer.write(handshake.encoded())
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as limit:
                while not self._done(protocol):
                    # What goes out is not waited for: an app that pings and reads nothing would
                    # wait for us as we for it. Pongs are as bounded as the pings.
                    self._take(protocol, await _piece(reader))
                    if self._answer and limit.when() is None:
                        limit.reschedule(asyncio.get_running_loop().time() + self.seconds)
                    _flush(protocol, writer)
        if self._answer is None:
            raise WireBroken("the app closed the connection without an answer")
        if self._answer.status != OPENED:
            return self._answer.without("transfer-encoding"), self._refusal
        await _closed(protocol, reader, writer)
        return self._finished(protocol)

    def _done(self, protocol: ClientProtocol) -> bool:
        ended = protocol.reader.eof or protocol.close_rcvd is not None
        return ended or protocol.handshake_exc is not None or len(self._messages) >= self.wanted

    def _take(self, protocol: ClientProtocol, piece: bytes) -> None:
        from websockets.exceptions import PayloadTooBig
        from websockets.http11 import Response

        self.received += len(piece)
        if self.received > LARGEST_ANSWER:
            raise TooLarge(f"a web socket with more than {LARGEST_ANSWER} bytes")
        protocol.receive_data(piece) if piece else protocol.receive_eof()
        for event in protocol.events_received():
            if isinstance(event, Response):
                self._opened(protocol, event)
            else:
                self._framed(event)
        match protocol.parser_exc:
            case None | EOFError():
                pass
            case PayloadTooBig():
                raise TooLarge(f"a message of more than {LARGEST_ANSWER} bytes")
            case error:
                raise WireBroken(f"this is no web socket: {error}")
        if protocol.handshake_exc and self._answer is None:
            raise WireBroken(f"this is no web socket: {protocol.handshake_exc}")

    def _opened(self, protocol: ClientProtocol, response: Response) -> None:
        from websockets.protocol import State

        if protocol.handshake_exc and response.status_code == OPENED:
            # The status of a switch, without what proves that this handshake was read.
            return
        headers = tuple((_latin(name), _latin(one)) for name, one in response.headers.raw_items())
        status, reason = str(response.status_code), _latin(response.reason_phrase)
        self.status, self._refusal = response.status_code, bytes(response.body or b"")
        self._answer = Head("HTTP/1.1", status, reason, headers)
        # The app may have closed it with the same breath.
        if protocol.state is State.OPEN and self.sent:
            protocol.send_text(self.sent)

    def _framed(self, frame: Any) -> None:
        from websockets.frames import Opcode

        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.opcode is not Opcode.CONT:
            self._as_text = frame.opcode is Opcode.TEXT
        self._part += frame.data
        if not frame.fin or len(self._messages) >= self.wanted:
            return
        try:
            message = message_of(bytes(self._part), text=self._as_text)
        except UnicodeDecodeError:
            raise WireBroken("a message that is said to be text and is no UTF-8") from None
        # What is no ASCII is longer as JSON than it came.
        self._octets += len(json.dumps(message)) + len(", ")
        if self._octets > LARGEST_ANSWER:
            raise TooLarge(f"messages of more than {LARGEST_ANSWER} bytes")
        self._messages.append(message)
        self._part.clear()

    def _finished(self, protocol: ClientProtocol) -> tuple[Head, bytes]:
        assert self._answer is not None
        status = self._answer.status
        if len(self._messages) < self.wanted:
            if protocol.close_rcvd is not None:
                status = protocol.close_rcvd.code
            elif protocol.reader.eof:
                status = LOST
        head = self._answer.without(*_OF_THE_CONNECTION).having("Content-Type", "application/json")
        head = Head(head.first, str(status), head.third, head.headers)
        return head, json.dumps(self._messages).encode()


def _protocol(handshake: Head) -> ClientProtocol:
    """The library's client for a handshake that is written here: with what that one offers."""
    # The library takes a tenth of a second to import, and few journeys open a socket.
    from websockets.client import ClientProtocol
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
    from websockets.typing import Subprotocol
    from websockets.uri import parse_uri

    offered = handshake.header("sec-websocket-extensions")
    bits = True if "client_max_window_bits" in offered else None
    names = _words(handshake.header("sec-websocket-protocol"))
    protocol = ClientProtocol(
        parse_uri("ws://app/"),
        extensions=[ClientPerMessageDeflateFactory(client_max_window_bits=bits)]
        if _DEFLATE in offered
        else None,
        subprotocols=[Subprotocol(name) for name in names] or None,
        # A message that unpacks to more is refused before it is unpacked whole.
        max_size=LARGEST_ANSWER,
    )
    protocol.key = handshake.header("sec-websocket-key")
    return protocol


async def relayed(
    first: bytes,
    browser: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    app: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Relay a page's web socket, unread: bytes both ways, of which `first` are there."""
    app[1].write(first)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(browser[0], app[1]))
            both.create_task(_copy(app[0], browser[1]))
    finally:
        app[1].close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await source.read(PIECE):
            target.write(piece)
            await target.drain()
    with suppress(ConnectionError, OSError):
        target.close()


async def _piece(reader: asyncio.StreamReader) -> bytes:
    """What comes next; empty at the end, clean or not."""
    try:
        return await reader.read(PIECE)
    except ConnectionError:
        return b""


def _flush(protocol: ClientProtocol, writer: asyncio.StreamWriter) -> None:
    for octets in protocol.data_to_send():
        # An empty one asks for a half-closed connection; ours is closed as a whole soon.
        if octets and not writer.is_closing():
            writer.write(octets)


async def _closed(
    protocol: ClientProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Say that we close, and let the app notice it before the connection is gone."""
    from websockets.protocol import State

    if protocol.state is State.OPEN:
        protocol.send_close()
    _flush(protocol, writer)
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await writer.drain()
            while await reader.read(PIECE):
                pass


def _words(value: str) -> Iterator[str]:
    return (word for one in value.split(",") if (word := one.strip()))


def _latin(text: str) -> str:
    """A header as the library read it, as the rest of the wire reads headers."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
