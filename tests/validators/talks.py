"""What apps say to a browser, byte by byte, and what arrives through a wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.validators.patience import LONG
from validators.browser.network.wire import Wire

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(raw: bytes, *, hold: bool = False) -> Talk:
    """An app that reads a head and sends these bytes, whatever the request. It hangs up, or leaves
    that to the other side."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        if hold:
            await reader.read()
        writer.close()

    return talk


async def asked(wire: Wire, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(wire.address.rpartition(":")[2])
    )
    writer.write(request)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), LONG)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def through(talk: Talk, request: bytes, **options) -> tuple[bytes, Wire]:
    """What a browser gets for a request through a wire to an app that talks like this."""

    async def work() -> tuple[bytes, Wire]:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Wire(host="app.localhost", port=port, **options) as wire:
            return await asked(wire, request), wire

    return asyncio.run(work())


GET = (
    b"GET http://app.localhost/a?b=c HTTP/1.1\r\nHost: app.localhost\r\nProxy-Connection:"
    b" keep-alive\r\n\r\n"
)
