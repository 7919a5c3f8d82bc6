"""APIs that are right for whoever judges them: what each comes to over twenty seeds.

A call goes through a real wire; what the app gets of it is what it can go by. It is caught where a
mark is borne by one of the two visitors and not by the other: then the app answers them
differently. That such an answer fails a real app is shown in `tests/validators/driver/test_apis`."""

from __future__ import annotations

import asyncio

import pytest

from tests.redteam.validators import knowing
from tests.validators.api import Api
from tests.validators.conftest import chromium, house  # noqa: F401  (the session's real browsers)
from tests.validators.house import House
from tests.validators.patience import LONG
from validators.browser.network.clients import Callers, client
from validators.browser.network.http1 import Head
from validators.browser.network.sockets import SOCKET
from validators.browser.network.wire import Wire
from validators.browser.stage import BrowserStage
from validators.domain.evidence import Identity
from validators.domain.journeys.calls import Method, Request
from validators.performance.surroundings import device

SEEDS = range(20)
HOST = "app.localhost"
# Of twenty seeds. What the two visitors share by chance, like a header that some clients send in
# the same way, is caught where another client was drawn.
CAUGHT = {
    "user agent": 20,
    "no known client": 20,
    "spelling": 20,
    "packing": 20,
    "connection": 20,
    "order of headers": 15,
    "takes anything": 7,
}
# As the library sends it. `test_…_as_the_library_sends_it` compares it with a real one.
PLAIN = (
    "user-agent: Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0 Safari/537.36",
    "accept: */*",
    "accept-encoding: gzip,deflate,br",
    "Content-Type: application/json",
    "{mark}",
    "content-length: 2",
    "Host: app.localhost",
    "Connection: close",
)


def heard(callers: Callers) -> dict[str, str]:
    """The headers of a call as the app gets it, in their order and spelling."""
    head: list[bytes] = []

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(app, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Wire(host="app.localhost", port=port, callers=callers) as wire:
            mark = ": ".join(callers.mark(["Content-Type"]))
            lines = [line.replace("{mark}", mark) for line in PLAIN]
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", int(wire.address.rpartition(":")[2])
            )
            writer.write(b"CONNECT app.localhost:80 HTTP/1.1\r\nHost: app.localhost:80\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            request = "\r\n".join(("POST /api/bookings HTTP/1.1", *lines, "", "{}"))
            writer.write(request.encode())
            await reader.read()
            writer.close()

    asyncio.run(work())
    lines = head[0].decode().split("\r\n")[1:-2]
    return dict(line.split(": ", 1) for line in lines)


@pytest.fixture(scope="module")
def calls() -> tuple[dict[str, str], tuple[dict[str, str], ...]]:
    """The plain call, and the masked one of each seed."""
    masked = (Callers(HOST, client(device(seed, "book").pointer_seed)) for seed in SEEDS)
    return heard(Callers(HOST)), tuple(map(heard, masked))


@pytest.mark.parametrize("mark", knowing.MARKS_IN_A_CALL)
def test_row_52_an_api_that_asks_who_is_calling_is_caught_so_often(mark, calls) -> None:
    plain, masked = calls
    by = knowing.MARKS_IN_A_CALL[mark]
    assert by(plain), "the plain visitor bears every mark"
    assert sum(not by(one) for one in masked) == CAUGHT[mark]


@pytest.mark.parametrize("mark", knowing.MARKS_IN_A_HANDSHAKE)
def test_row_52_an_app_that_asks_who_opens_a_socket_is_caught_so_often(mark) -> None:
    by, often = knowing.MARKS_IN_A_HANDSHAKE[mark]
    assert by(handshake(Callers(HOST))), "the plain visitor bears every mark"
    masked = (Callers(HOST, client(device(seed, "book").pointer_seed)) for seed in SEEDS)
    assert sum(not by(handshake(one)) for one in masked) == often


def handshake(callers: Callers) -> dict[str, str]:
    """The headers of a web socket's handshake as the app gets it, from no page."""
    lines = (*(line for line in PLAIN if "{" not in line), ": ".join(callers.mark([])))
    headers = tuple(tuple(line.split(": ", 1)) for line in lines)
    return dict(callers.handshake(Head(SOCKET, "/live", "HTTP/1.1", headers))[0].headers)


@pytest.mark.parametrize("mark", knowing.MARKS_OF_BOTH_CALLS)
def test_a_known_miss_of_calls_is_still_one(mark, calls) -> None:
    """Both visitors bear it. When one of these is seen one day, it belongs above."""
    plain, masked = calls
    assert all(knowing.MARKS_OF_BOTH_CALLS[mark](one) for one in (plain, *masked))


def test_a_plain_call_is_written_here_as_the_library_sends_it(house: House) -> None:  # noqa: F811
    app = Api()

    async def play(on: BrowserStage) -> None:
        ada = await on.person("")
        headers = (("Content-Type", "application/json"),)
        request = Request(Method.POST, "/api/bookings", headers, b'{"name": "Ada", "size": 4}')
        await ada.call(request, patience=LONG)

    house.on_stage(app, play, identity=Identity.PLAIN)
    sent = [key.removeprefix("HTTP_") for key in app.seen[-1] if key.startswith("HTTP_")]
    written = [line.split(":")[0].upper().replace("-", "_") for line in PLAIN if "{" not in line]
    assert sent == [name for name in written if not name.startswith("CONTENT_")]
