"""The wire: a relay that is a browser's only way out, and leads to one port of one app.

Every context of a run has this relay as its HTTP proxy. So the following holds whatever a page does
(redirects, pop-ups, workers, beacons and sockets included).

Properties:
- A request for another host or port is refused here and noted. Nothing is resolved or dialled.
- Every answer is counted, and cut at LARGEST_ANSWER bytes, framing included: no browser has to take
  100 MB.
- Every request and answer is known. So a step can be followed until the app is quiet, and it is
  known whether anything that came can make a page change by itself.
- A masked visitor's headers are right on every request, even before a page object exists.
- The calls of a journey go the same way. A call bears a mark that no page knows, and the app never
  sees it. Only a page's web sockets are relayed unread; a call's are answered with their messages,
  and any other request in a tunnel is read like the rest.
- A run with injected faults differs from a plain one only in the bytes that its `Tamper` alters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from urllib.parse import urlsplit

from validators.browser.network.clients import Callers, handshake_in_order, in_order
from validators.browser.network.exchange import (
    HOP,
    LARGEST_ANSWER,
    Exchange,
    Tamper,
    TooLarge,
    deliver,
    first_head,
    pieces,
    some_events,
    whole,
)
from validators.browser.network.http1 import Head, Incoming, WireBroken, unpacked
from validators.browser.network.sockets import Conversation, opens_socket, relayed
from validators.browser.network.stillness import Reading
from validators.domain.event_stream import EVENT_STREAM

LARGEST_REQUEST = 16 * 1024 * 1024
LARGEST_LOG = 2_000
ASIDE_SECONDS = 30


class Wire:
    """A relay for one run. Use as an async context manager; `address` is what a browser takes as
    its proxy."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        headers: Mapping[str, str] | None = None,
        tamper: Tamper | None = None,
        callers: Callers | None = None,
    ) -> None:
        # How the calls of a journey are known, and what they look like to the app.
        self.callers = callers or Callers(host)
        self.host, self.port = host, port
        self.exchanges: list[Exchange] = []
        # Whether there were more than are recorded.
        self.unrecorded = False
        # Whether nothing that came to the browser can make a page change by itself.
        self.still = True
        # When the latest request came or answer ended.
        self.moved = monotonic()
        self._headers = {key.lower(): value for key, value in (headers or {}).items()}
        self._tamper = tamper
        self._open: set[Exchange] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        port = self._server.sockets[0].getsockname()[1] if self._server else 0
        return f"http://127.0.0.1:{port}"

    @property
    def answered(self) -> bool:
        return any(exchange.status for exchange in self.exchanges if not exchange.refused)

    @property
    def busy(self) -> bool:
        """Whether an answer is outstanding. An event stream never ends, so it does not count."""
        return any(exchange.kind != EVENT_STREAM for exchange in self._open)

    @property
    def owes_document(self) -> bool:
        """Whether a whole page is outstanding, not merely a resource of one."""
        return any(exchange.document for exchange in self._open)

    def owes(self, since: float, *, habit: float) -> bool:
        """Whether a whole page is outstanding, or an answer to any request since then.

        `habit` is in seconds: a path that once took so long is a long poll, and does not count."""
        polls = {one.path.partition("?")[0] for one in self.exchanges if one.millis >= habit * 1000}
        return any(
            one.document or (one.began >= since and one.path.partition("?")[0] not in polls)
            for one in self._open
            if one.kind != EVENT_STREAM
        )

    @property
    def cut(self) -> bool:
        return any(exchange.cut for exchange in self.exchanges)

    def aside(self, request: Head) -> None:
        """Send the app a request in the background, without an exchange. Its answer is thrown
        away."""
        task = asyncio.get_running_loop().create_task(self._aside(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _aside(self, request: Head) -> None:
        with suppress(WireBroken, ConnectionError, TimeoutError):
            async with asyncio.timeout(ASIDE_SECONDS):
                reader, upstream = await self._dialled()
                try:
                    upstream.write(self._masked(request).encoded())
                    await upstream.drain()
                    answer = Incoming(reader, request)
                    await answer.head()
                    await whole(answer, most=LARGEST_ANSWER)
                finally:
                    upstream.close()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the browser: one exchange, then it closes. That is simple, and
        cheap on loopback."""
        exchange: Exchange | None = None
        try:
            browser = Incoming(reader)
            request = await browser.head()
            if request is None:
                return
            exchange = self._record(request)
            if request.first == "CONNECT" and not exchange.refused:
                first = await self._in_tunnel(browser, reader, writer)
                if not first:
                    return
                self._forget(exchange)
                exchange, browser = None, Incoming(reader, first=first)
                if (request := await browser.head()) is None:
                    return
                # Whatever is asked in the tunnel, it is asked of the app.
                inside = request.second if request.second.startswith("/") else "/"
                request = replace(request, second=f"http://{self.host}{inside}")
                exchange = self._record(request)
            if exchange.refused:
                writer.write(
                    b"HTTP/1.1 403 Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                await writer.drain()
                return
            request = self.callers.known(request)
            content = await whole(browser, most=LARGEST_REQUEST)
            exchange.asked = True
            await self._exchange(request, content, exchange, reader, writer)
        except WireBroken as error:
            if exchange:
                exchange.broken = str(error)
                exchange.cut = exchange.cut or (isinstance(error, TooLarge) and exchange.asked)
            # A reset, not a clean end: the browser must not take half an answer for a whole one.
            writer.transport.abort()
        except ConnectionError:
            writer.transport.abort()
        finally:
            if exchange:
                self._end(exchange)
            writer.close()

    async def _in_tunnel(
        self, browser: Incoming, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """What a tunnel begins with; empty if it was a web socket, which has ended by now."""
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        first = await first_head(browser.rest, reader)
        # A body may hold the same words.
        if b"\nupgrade:" not in first.partition(b"\r\n\r\n")[0].lower():
            return first
        # A socket may change the page at any moment, and its messages are not read.
        self.still = False
        first = handshake_in_order(first) if self._headers else first
        await relayed(first, (reader, writer), await self._dialled())
        return b""

    def _record(self, request: Head) -> Exchange:
        path = self._path(request)
        exchange = Exchange(
            request.first, path or "", refused="" if path else request.second[:200] or "nothing"
        )
        exchange.document = request.header("sec-fetch-dest") == "document"
        exchange.called = self.callers.known(request).called
        self.moved = exchange.began
        if len(self.exchanges) < LARGEST_LOG:
            self.exchanges.append(exchange)
        else:
            self.unrecorded = True
        if path and request.first != "CONNECT":
            self._open.add(exchange)
        return exchange

    def _forget(self, exchange: Exchange) -> None:
        """Forget the opening of a tunnel: what is asked in it is what counts."""
        self._open.discard(exchange)
        if exchange in self.exchanges:
            self.exchanges.remove(exchange)

    def _path(self, request: Head) -> str | None:
        """Path and query of a request for the app; None for any other address."""
        try:
            url = urlsplit(
                f"http://{request.second}" if request.first == "CONNECT" else request.second
            )
            ours = url.scheme == "http" and url.hostname == self.host and (url.port or 80) == 80
        except ValueError:
            return None
        return (url.path or "/") + (f"?{url.query}" if url.query else "") if ours else None

    async def _exchange(
        self,
        request: Head,
        content: bytes,
        exchange: Exchange,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if self._tamper and (answer := self._tamper.instead(request, content)):
            exchange.status = answer[0].status
            await self._deliver(request, writer, *answer)
            return
        asked = request
        if self._tamper:
            asked, content = self._tamper.request(request, content)
        if opens_socket(request):
            found = await self._conversation(request, asked, content, exchange)
            await self._deliver(request, writer, *found)
            return
        upstream_reader, upstream = await self._dialled()
        hang_up = asyncio.ensure_future(self._end_at_hang_up(exchange, reader))
        try:
            upstream.write(self._forwarded(asked, content).encoded() + content)
            await upstream.drain()
            await self._answer(request, exchange, Incoming(upstream_reader, request), writer)
        finally:
            hang_up.cancel()
            upstream.close()

    async def _end_at_hang_up(self, exchange: Exchange, reader: asyncio.StreamReader) -> None:
        """End the exchange once the browser has hung up. The app's connection stays open: the app
        has the whole request, and may be working on it."""
        with suppress(ConnectionError):
            if await reader.read(1):
                return
        self._end(exchange)

    def _end(self, exchange: Exchange) -> None:
        self.moved = monotonic()
        exchange.millis = int((self.moved - exchange.began) * 1000)
        self._open.discard(exchange)

    async def _dialled(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            raise WireBroken(f"the app does not take connections: {error}") from None

    def _forwarded(self, request: Head, content: bytes) -> Head:
        """The request as the app would have got it from this run's visitor without a proxy."""
        head = Head(
            request.first, self._path(request) or "/", request.third, request.headers
        ).without(*HOP, "transfer-encoding")
        if request.called:
            head, as_browser = self.callers.dressed(head)
            if as_browser and self._headers:
                head = self._masked(head)
        else:
            self.callers.note_browser(head)
            head = self._masked(head) if self._headers else head.having("Connection", "close")
        # The body was read whole, so a chunked one now needs its length.
        if content:
            head = head.having("Content-Length", str(len(content)))
        # A compressed answer could not be altered.
        return head.having("Accept-Encoding", "identity") if self._tamper else head

    def _masked(self, head: Head) -> Head:
        """A request with the headers of the masked visitor."""
        return in_order(self._with_masked_values(head).having("Connection", "keep-alive"))

    def _with_masked_values(self, head: Head) -> Head:
        masked = tuple((key, self._headers.get(key.lower(), value)) for key, value in head.headers)
        return Head(head.first, head.second, head.third, masked)

    async def _answer(
        self,
        request: Head,
        exchange: Exchange,
        app: Incoming,
        writer: asyncio.StreamWriter,
    ) -> None:
        answer = await app.head()
        if answer is None:
            raise WireBroken("the app closed the connection without an answer")
        exchange.kind = answer.header("content-type").partition(";")[0].strip().lower()
        bodiless = request.first == "HEAD" or answer.status in (204, 304)
        reading = Reading(answer, document=exchange.document)
        # Only a whole answer can be altered, and an event stream never is whole. A call gets its
        # answer at once, and our library would unpack one without a limit.
        tampered = self._tamper is not None and exchange.kind != EVENT_STREAM
        if exchange.called or (tampered and not bodiless):
            events = self.callers.events(request) if exchange.kind == EVENT_STREAM else 0
            if events:
                content = await some_events(app, events, most=LARGEST_ANSWER)
            else:
                content = b"" if bodiless else await whole(app, most=LARGEST_ANSWER)
            answer, content = unpacked(answer, content, most=LARGEST_ANSWER)
            if exchange.called and answer.header("content-encoding") not in ("", "identity"):
                raise TooLarge("an answer that is too large, or packed in an unknown way")
            altered = content
            if self._tamper is not None:
                altered = self._tamper.altered(request, answer, content)
                answer = self._tamper.head(request, answer)
            exchange.status, exchange.octets = answer.status, len(content)
            # What a call brings is on no page.
            if not exchange.called:
                reading.feed(altered)
                self.still = self.still and not reading.stirs
            await deliver(writer, answer, b"" if bodiless else altered)
            return
        writer.write(
            answer.without(*HOP, "transfer-encoding").having("Connection", "close").encoded()
        )
        exchange.status = answer.status
        if not bodiless:
            async for piece in pieces(app, exchange):
                # Before the write: once the browser has the bytes, the page may change by them.
                reading.feed(piece)
                self.still = self.still and not reading.stirs
                writer.write(piece)
                await writer.drain()
        await writer.drain()

    async def _conversation(
        self, request: Head, asked: Head, content: bytes, exchange: Exchange
    ) -> tuple[Head, bytes]:
        """The messages of the web socket that a call opens, as the answer to it."""
        handshake, as_browser = self.callers.handshake(replace(asked, second=exchange.path))
        if as_browser:
            handshake = self._with_masked_values(handshake)
        talk = Conversation(content, self.callers.events(request), self.callers.seconds(request))
        answer, messages = await talk.held(handshake, *await self._dialled())
        exchange.status, exchange.octets = talk.status, talk.received
        answer, messages = unpacked(answer, messages, most=LARGEST_ANSWER)
        if self._tamper is not None:
            altered = self._tamper.altered(request, answer, messages)
            answer, messages = self._tamper.head(request, answer), altered
        return answer, messages

    async def _deliver(
        self, request: Head, writer: asyncio.StreamWriter, answer: Head, content: bytes
    ) -> None:
        if opens_socket(request):
            answer = self.callers.carried(answer)
        await deliver(writer, answer, content)
