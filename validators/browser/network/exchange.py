"""One request and its answer as a wire knows them, and bodies that are read up to a limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from validators.browser.network.http1 import LARGEST_HEAD, PIECE, Head, Incoming, WireBroken
from validators.domain.event_stream import EventCount

LARGEST_ANSWER = 8 * 1024 * 1024
HOP = ("connection", "proxy-connection", "keep-alive", "proxy-authorization")


@dataclass(slots=True, eq=False)
class Exchange:
    """One request and its answer. `status` 0: no answer.

    `refused`: the address, if the request was not for the app. `broken`: why the app failed to
    answer; a browser that hangs up is no failure of the app."""

    method: str
    path: str
    status: int = 0
    kind: str = ""
    octets: int = 0
    began: float = field(default_factory=monotonic)
    millis: int = 0
    refused: str = ""
    document: bool = False
    called: bool = False
    # Whether the whole request has come.
    asked: bool = False
    cut: bool = False
    broken: str = ""

    @property
    def opened(self) -> bool:
        """Whether somebody opened this page, or asked an API for it. The browser alone sets the
        header that shows it; no script of a page can."""
        return (self.document or self.called) and self.method in ("GET", "HEAD", "SOCKET")


class Tamper(Protocol):
    """What alters the traffic on a wire."""

    def instead(self, request: Head, content: bytes) -> tuple[Head, bytes] | None:
        """An answer in place of the app's; None to let the request through."""

    def request(self, request: Head, content: bytes) -> tuple[Head, bytes]:
        """The request for the app; the same to leave it alone."""

    def altered(self, request: Head, answer: Head, content: bytes) -> bytes:
        """The body to deliver; the same bytes to leave it alone."""

    def head(self, request: Head, answer: Head) -> Head:
        """The head to deliver; the same to leave it alone."""


class TooLarge(WireBroken):
    """A body is larger than is taken."""


async def first_head(first: bytes, reader: asyncio.StreamReader) -> bytes:
    """What a tunnel begins with, up to the end of a head at least. Raises WireBroken."""
    while b"\r\n\r\n" not in first:
        if len(first) > LARGEST_HEAD:
            raise WireBroken("a head that does not end")
        try:
            piece = await reader.read(PIECE)
        except ConnectionError as error:
            raise WireBroken(str(error) or "reset") from None
        if not piece:
            raise WireBroken("a tunnel in which nothing is asked")
        first += piece
    return first


async def whole(message: Incoming, *, most: int) -> bytes:
    held = bytearray()
    async for piece in message.body():
        held += piece
        if message.received > most:
            raise TooLarge(f"a body of more than {most} bytes")
    return bytes(held)


async def some_events(message: Incoming, number: int, *, most: int) -> bytes:
    """The first events of a stream that may never end; all of a shorter one."""
    held, count = bytearray(), EventCount(number)
    async for piece in message.body():
        held += piece
        if message.received > most:
            raise TooLarge(f"a stream of more than {most} bytes")
        if end := count.read(held):
            return bytes(held[:end])
    return bytes(held)


async def pieces(answer: Incoming, exchange: Exchange) -> AsyncIterator[bytes]:
    async for piece in answer.body():
        exchange.octets += len(piece)
        if answer.received > LARGEST_ANSWER:
            exchange.cut = True
            raise WireBroken(f"an answer of more than {LARGEST_ANSWER} bytes")
        yield piece


async def deliver(writer: asyncio.StreamWriter, answer: Head, content: bytes) -> None:
    head = answer.without(*HOP, "transfer-encoding", "content-length").having(
        "Content-Length", str(len(content))
    )
    writer.write(head.having("Connection", "close").encoded() + content)
    await writer.drain()


def statuses(exchanges: Sequence[Exchange]) -> tuple[tuple[int, str, bool], ...]:
    """The status and path of every answer of the app, and whether somebody opened that page."""
    return tuple(
        (one.status, one.path, one.opened) for one in exchanges if one.status and not one.refused
    )


def paths(exchanges: Sequence[Exchange]) -> tuple[str, ...]:
    """What the app was asked for."""
    return tuple(one.path for one in exchanges if not one.refused)


def refused(exchanges: Sequence[Exchange]) -> tuple[str, ...]:
    """The addresses elsewhere that were asked for."""
    return tuple(one.refused for one in exchanges if one.refused)


def refusals(exchanges: Sequence[Exchange]) -> tuple[str, ...]:
    """A note for each of them."""
    return tuple(f"refused {one.method} {one.refused}" for one in exchanges if one.refused)


def log(exchanges: Sequence[Exchange]) -> str:
    """All of them as JSON for the evidence."""
    kept = ("method", "path", "status", "kind", "octets", "millis", "refused", "broken")
    named = {"kind": "type", "octets": "bytes"}
    return json.dumps(
        [{named.get(name, name): getattr(one, name) for name in kept} for one in exchanges],
        indent=1,
    )
