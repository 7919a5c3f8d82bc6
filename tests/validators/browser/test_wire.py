"""The wire: one app at one port and nothing else, every byte counted, headers of the right
visitor."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest

from tests.validators.apps import App, served
from tests.validators.patience import until
from tests.validators.talks import GET, answering, asked, through
from validators.browser.network.exchange import LARGEST_ANSWER, Exchange
from validators.browser.network.http1 import Head, unpacked
from validators.browser.network.wire import LARGEST_LOG, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"


def test_an_answer_comes_through_and_is_known() -> None:
    got, wire = through(answering(OK), GET)
    assert got.endswith(b"\r\n\r\nhi")
    (exchange,) = wire.exchanges
    assert (exchange.method, exchange.path, exchange.status) == ("GET", "/a?b=c", 200)
    assert (exchange.kind, exchange.octets) == ("text/html", 2)
    assert wire.answered
    assert not wire.busy
    assert not exchange.broken


def test_it_is_known_that_there_were_more_requests_than_are_recorded() -> None:
    async def work() -> tuple[bool, bool]:
        async with Wire(host="app.localhost", port=1) as wire:
            wire.exchanges += [Exchange("GET", "/") for _ in range(LARGEST_LOG - 1)]
            await asked(wire, b"GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n")
            before = wire.unrecorded
            await asked(wire, b"GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n")
            return before, wire.unrecorded

    assert asyncio.run(work()) == (False, True)


def test_the_app_is_asked_as_if_there_were_no_proxy() -> None:
    heard: list[bytes] = []

    async def talk(reader, writer) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        writer.close()

    through(talk, GET)
    assert heard[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"proxy" not in heard[0].lower()


def test_a_masked_visitor_has_the_mask_on_every_request_that_carries_such_a_header() -> None:
    heard: list[bytes] = []

    async def talk(reader, writer) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        writer.close()

    request = GET[:-2] + b"User-Agent: HeadlessChrome\r\n\r\n"
    through(talk, request, headers={"user-agent": "Chrome", "sec-ch-ua": "brands"})
    assert b"User-Agent: Chrome\r\n" in heard[0]
    assert b"brands" not in heard[0]  # a request without hints is not given any


@pytest.mark.parametrize(
    "target",
    [
        "http://example.org/", "http://app.localhost:8080/", "http://127.0.0.1/", "http://app.localhost.evil/",
        "http://evil@other/", "https://app.localhost/", "ftp://x/", "/", "file:///etc/passwd",
        "http://app.localhost:99999/", "http://[::1", "app.localhost",
    ],
)  # fmt: skip
def test_another_address_is_refused_and_nothing_is_dialled(target) -> None:
    dialled: list[int] = []

    async def talk(reader, writer) -> None:
        dialled.append(1)
        writer.close()

    got, wire = through(talk, f"GET {target} HTTP/1.1\r\nHost: app.localhost\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 403")
    assert wire.exchanges[0].refused
    assert not dialled
    assert not wire.answered


@pytest.mark.parametrize(
    "target", ["example.org:443", "app.localhost:443", "127.0.0.1:22", "app.localhost:8080"]
)
def test_no_tunnel_leads_anywhere_else(target) -> None:
    got, wire = through(answering(OK), f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 403")
    assert wire.exchanges[0].refused == target


def test_a_web_socket_reaches_the_app() -> None:
    got, _ = through(
        answering(b"over the tunnel"),
        b"CONNECT app.localhost:80 HTTP/1.1\r\nHost: x\r\n\r\nGET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    )
    assert got == b"HTTP/1.1 200 Connected\r\n\r\nover the tunnel"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding:"
                b" chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
            ),
            b"abcde",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
    ],
)
def test_every_framing_is_understood(raw, body) -> None:
    got, wire = through(answering(raw), GET)
    assert got.partition(b"\r\n\r\n")[2] == body
    assert not wire.exchanges[0].broken


def test_a_kept_open_connection_does_not_keep_the_browser_waiting() -> None:
    got, _ = through(answering(OK, hold=True), GET)
    assert got.endswith(b"hi")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"HTTP/1.1 200", b"nonsense\r\n\r\n", b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)  # fmt: skip
def test_an_answer_that_breaks_off_is_the_apps_failure(raw) -> None:
    _, wire = through(answering(raw), GET)
    assert wire.exchanges[0].broken


def test_an_app_that_is_not_there_is_known_not_to_have_answered() -> None:
    async def work() -> Wire:
        async with Wire(host="app.localhost", port=1) as wire:
            await asked(wire, GET)
            return wire

    wire = asyncio.run(work())
    assert not wire.answered
    assert "does not take connections" in wire.exchanges[0].broken


def test_a_flood_is_cut() -> None:
    async def talk(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1600):
            writer.write(b"x" * 65536)
            await writer.drain()

    got, wire = through(talk, GET)
    assert wire.cut
    assert len(got) <= LARGEST_ANSWER + 200


@pytest.mark.parametrize(
    ("method", "destination", "opened"),
    [
        (b"GET", b"document", True),
        (b"POST", b"document", False),
        (b"GET", b"image", False),
        (b"GET", b"empty", False),
    ],
)
def test_a_page_that_somebody_opened_is_distinguished_from_all_else(
    method, destination, opened
) -> None:
    request = GET.replace(b"GET", method, 1)[:-2] + b"Sec-Fetch-Dest: " + destination + b"\r\n\r\n"
    _, wire = through(answering(OK), request)
    assert [exchange.opened for exchange in wire.exchanges] == [opened]


def test_while_an_answer_is_owed_the_wire_is_busy_save_for_events() -> None:
    async def work(raw: bytes, head: bytes) -> tuple[bool, bool]:
        server = await asyncio.start_server(answering(raw, hold=True), "127.0.0.1", 0)
        async with (
            server,
            Wire(host="app.localhost", port=server.sockets[0].getsockname()[1]) as wire,
        ):
            asking = asyncio.create_task(asked(wire, GET[:-2] + head + b"\r\n"))
            await until(
                lambda: wire.exchanges and bool(wire.exchanges[0].kind) is bool(raw)
            )  # asked, and answered if it will be
            waiting = wire.busy, wire.owes_document
            asking.cancel()
            return waiting

    assert asyncio.run(work(b"", b"Sec-Fetch-Dest: document\r\n")) == (True, True)
    assert asyncio.run(work(b"", b"Sec-Fetch-Dest: empty\r\n")) == (True, False)
    events = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n"
    assert asyncio.run(work(events, b"Sec-Fetch-Dest: empty\r\n")) == (False, False)


class Loud:
    """A tamper that answers POSTs itself and shouts every other answer."""

    def instead(self, request: Head, content: bytes) -> tuple[Head, bytes] | None:
        return (Head("HTTP/1.1", "418", "Teapot", ()), content) if request.first == "POST" else None

    def request(self, request: Head, content: bytes) -> tuple[Head, bytes]:
        return request, content

    def altered(self, request: Head, answer: Head, content: bytes) -> bytes:
        return content.upper()

    def head(self, request: Head, answer: Head) -> Head:
        return answer


def test_a_tamper_alters_bodies_and_their_length() -> None:
    got, wire = through(answering(OK), GET, tamper=Loud())
    assert b"Content-Length: 2\r\n" in got
    assert got.endswith(b"HI")
    assert wire.exchanges[0].status == 200


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_a_tamper_alters_what_an_app_packs_although_it_was_asked_not_to(packing) -> None:
    packed = gzip.compress(b"hi") if packing == "gzip" else zlib.compress(b"hi")
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding:"
        f" {packing}\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    got, _ = through(answering(head.encode() + packed), GET, tamper=Loud())
    assert got.endswith(b"\r\n\r\nHI")
    assert b"Content-Encoding" not in got


@pytest.mark.parametrize(
    "body",
    [
        b"not packed at all",
        gzip.compress(bytes(LARGEST_ANSWER + 1)),
        gzip.compress(b"cut off")[:-4],
    ],
    ids=[
        "not packed at all",
        "far too large",
        "cut off",
    ],  # what is packed names its second, and a test must not
)
def test_what_cannot_be_unpacked_comes_through_as_it_is(body) -> None:
    answer = Head("HTTP/1.1", "200", "OK", (("Content-Encoding", "gzip"),))
    assert unpacked(answer, body, most=LARGEST_ANSWER) == (answer, body)


def test_a_tamper_answers_in_the_apps_place() -> None:
    request = b"POST http://app.localhost/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    got, wire = through(answering(OK), request, tamper=Loud())
    assert got.startswith(b"HTTP/1.1 418")
    assert got.endswith(b"abc")
    assert wire.exchanges[0].status == 418


def test_a_form_reaches_a_real_app() -> None:
    app = App()

    async def work(port: int) -> bytes:
        async with Wire(host="app.localhost", port=port) as wire:
            form = b"name=Ada&size=4"
            kind = "Content-Type: application/x-www-form-urlencoded"
            head = (
                f"POST http://app.localhost/book HTTP/1.1\r\nHost: x\r\n{kind}\r\nContent-Length:"
                f" {len(form)}\r\n\r\n"
            )
            return await asked(wire, head.encode() + form)

    with served(app) as port:
        assert asyncio.run(work(port)).startswith(b"HTTP/1.0 303")
    assert app.bookings == [("Ada", "4")]
