"""HTTP calls by the request context of a person's browser: its cookies, its wire, its client."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.validators.api import Api
from tests.validators.apps import served
from tests.validators.house import House, button, trouble
from tests.validators.patience import LONG
from tests.validators.talks import answering
from validators.browser.calling import HESITATES, Caller, Fetched
from validators.browser.clock import Clocks
from validators.browser.network.api_mutations import with_other_input
from validators.browser.network.clients import CLIENTS, Callers, client
from validators.browser.network.http1 import Head
from validators.browser.network.wire import Wire
from validators.browser.session import BrowserSession
from validators.browser.stage import BrowserStage
from validators.domain.device import Device
from validators.domain.evidence import Identity, Trouble
from validators.domain.journeys.calls import Answer, Method, Request
from validators.domain.journeys.spot import Spot
from validators.driver.call_stage import call_stage
from validators.driver.commands import RunCommands
from validators.language.reader import read

NO_PAGE = read(
    "journey: j\npromise: issue\nsteps: [{call: {GET: /}}]\nexpect: [{answer: {status: 200}}]\n"
)
ASKED = Request(Method.GET, "/api/me")


def booking(name: str) -> Request:
    content = json.dumps({"name": name, "size": 4}).encode()
    return Request(Method.POST, "/api/bookings", (("Content-Type", "application/json"),), content)


EITHER = pytest.mark.parametrize("by", ["browser", "client"])
"""A call is made by a browser's request context, or by a client where no page is opened."""


def on(house: House, app: Api, play: Any, *, by: str = "browser", **setting: Any) -> Any:
    async def called(stage: BrowserStage) -> Any:
        return await play(await stage.person(""), stage)

    return house.on_stage(app, called, **setting) if by == "browser" else beside(house, app, called)


def beside(house: House, app: Api, called: Any) -> Any:
    """What a play returns on a stage without a browser."""

    async def work() -> Any:
        with served(app) as port:
            async with call_stage(
                Identity.PLAIN,
                "app.localhost",
                port=port,
                device=Device(),
                clocks=Clocks(None),
                commands=RunCommands(NO_PAGE, 0),
            ) as stage:
                return await called(stage)

    return house.runner.run(work())


def test_a_call_and_a_page_are_of_one_person(house: House) -> None:
    async def play(ada: BrowserSession, stage: BrowserStage) -> Any:
        login = Request(
            Method.POST,
            "/api/login",
            (("Content-Type", "application/x-www-form-urlencoded"),),
            b"name=ada",
        )
        await ada.call(login, patience=LONG)
        mine = await ada.call(ASKED, patience=LONG)
        bo = await stage.person("bo")
        theirs = await bo.call(ASKED, patience=LONG)
        await ada.call(booking("Ada Holt"), patience=LONG)
        await ada.open("/", patience=LONG)
        rows = await ada.rows(None)
        await ada.fill(Spot(label="Name"), "Bo", patience=LONG)
        await ada.fill(Spot(label="Group size"), "2", patience=LONG)
        await ada.click(button("Book"), patience=LONG)
        listed = await ada.call(Request(Method.GET, "/api/bookings?guest=Bo"), patience=LONG)
        return json.loads(mine.content), json.loads(theirs.content), rows, listed

    app = Api()
    mine, theirs, rows, listed = on(house, app, play)
    assert (mine, theirs) == ({"cookie": "user=ada"}, {"cookie": ""})
    assert ("Ada Holt", "4") in rows
    assert json.loads(listed.content)["bookings"][0]["name"] == "Bo"
    assert any(
        "user=ada" in one.get("HTTP_COOKIE", "") for one in app.seen if one["PATH_INFO"] == "/"
    )


@EITHER
def test_redirects_are_followed_only_where_the_journey_says_so(house: House, by: str) -> None:
    async def play(ada: BrowserSession, stage: BrowserStage) -> Any:
        stayed = await ada.call(Request(Method.GET, "/api/old"), patience=LONG)
        went = await ada.call(Request(Method.GET, "/api/old", follow=True), patience=LONG)
        away = await trouble(ada.call(Request(Method.GET, "/api/away", follow=True), patience=LONG))
        round_ = await trouble(
            ada.call(Request(Method.GET, "/api/round", follow=True), patience=LONG)
        )
        return stayed, went, away, round_

    stayed, went, away, round_ = on(house, Api(), play, by=by)
    assert (stayed.status, stayed.header("Location"), stayed.path) == (
        302,
        "/api/bookings",
        "/api/old",
    )
    assert (went.status, went.path) == (200, "/api/bookings")
    assert away[0] == Trouble.NO_ANSWER
    assert away[1].startswith("the answer leads to another host: example.org")
    assert round_[0] == Trouble.NO_ANSWER


@EITHER
@pytest.mark.parametrize("path", ["/api/flood", "/api/bomb", "/api/unknown"])
def test_an_answer_that_is_too_large_is_not_taken(house: House, path: str, by: str) -> None:
    async def play(ada: BrowserSession, stage: BrowserStage) -> Any:
        return await trouble(ada.call(Request(Method.GET, path), patience=LONG))

    assert on(house, Api(), play, by=by)[0] == Trouble.TOO_LARGE


@EITHER
def test_an_app_that_does_not_answer_is_late(house: House, by: str) -> None:
    hanging = threading.Event()

    class Hangs(Api):
        def one(self, number: int) -> Any:
            hanging.wait(LONG)
            return super().one(number)

    async def play(ada: BrowserSession, stage: BrowserStage) -> Any:
        found = await trouble(ada.call(Request(Method.GET, "/api/bookings/1"), patience=1.0))
        hanging.set()
        return found

    assert on(house, Hangs(), play, by=by)[0] == Trouble.TIMED_OUT


@EITHER
def test_answers_are_evidence_without_secrets(house: House, tmp_path: Path, by: str) -> None:
    async def play(ada: BrowserSession, stage: BrowserStage) -> Any:
        await ada.call(
            Request(
                Method.POST, "/api/login", (("Authorization", "Bearer abc123"),), b"name=topsecret"
            ),
            patience=LONG,
        )
        return await stage.save_evidence(tmp_path)

    assert "calls.json" in on(house, Api(), play, by=by)
    kept = (tmp_path / "calls.json").read_text()
    (only,) = json.loads(kept)
    assert (only["method"], only["path"], only["status"]) == ("POST", "/api/login", 200)
    assert only["answer"] == '{"user": "topsecret"}'
    assert "abc123" not in kept
    assert ["Set-Cookie", "(22 characters)"] in only["answer_headers"]


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ('{"name": "Ada", "Password": "pa\\"ss"}', '{"name": "Ada", "Password": "(6 characters)"}'),
        (
            '{"access_token":"abc", "author": "Ben"}',
            '{"access_token":"(3 characters)", "author": "Ben"}',
        ),
        ('{"api_key": 12345}', '{"api_key": "(5 characters)"}'),
        ('{"secret": "never ends', '{"secret": "(10 characters)"'),
        ("name=Ada&password=pass&size=4", "name=Ada&password=(4 characters)&size=4"),
        ("/reset?token=abc123&page=2", "/reset?token=(6 characters)&page=2"),
        ('{"sessions": [{"id": 1}]}', '{"sessions": [{"id": 1}]}'),
        ("the token is on the page", "the token is on the page"),
    ],
)
def test_what_is_named_as_a_secret_is_only_measured(kept: str, shown: str) -> None:
    request = Request(Method.POST, kept if kept.startswith("/") else "/", (), kept.encode())
    headers = (("X-Auth-Token", "abc"), ("X-Author", "Ada"))
    answer = Answer(request, 200, headers, kept.encode(), "/", "http://app.localhost:1", 3)
    (only,) = json.loads(Caller(Wire(host="app.localhost", port=1), "", answers=[answer]).log())
    assert (only["body"], only["answer"]) == (shown, shown)
    assert only["path"] == (shown if kept.startswith("/") else "/")
    assert only["answer_headers"] == [["X-Auth-Token", "(3 characters)"], ["X-Author", "Ada"]]


def marks(house: House, identity: Identity, *, page: bool, seed: int = 0) -> dict[str, str]:
    """What the app saw of a POST, by header in order."""
    app = Api()

    async def play(ada: BrowserSession, stage: BrowserStage) -> None:
        if page:
            await ada.open("/", patience=LONG)
        await ada.call(booking("Ada"), patience=LONG)

    on(house, app, play, identity=identity, device=Device(pointer_seed=seed))
    # A masked visitor's browser asks for an icon meanwhile.
    return next(one for one in reversed(app.seen) if one["REQUEST_METHOD"] == "POST")


def test_a_plain_call_looks_like_automation_and_a_masked_one_like_a_client(house) -> None:
    plain = marks(house, Identity.PLAIN, page=False)
    assert "Headless" in plain["HTTP_USER_AGENT"]
    for seed, one in enumerate(CLIENTS):
        masked = marks(house, Identity.MASKED, page=False, seed=seed)
        own = dict(header for header in one.headers if header)
        assert masked["HTTP_USER_AGENT"] == own["User-Agent"]
        assert "Headless" not in json.dumps(masked)
        assert masked["CONTENT_TYPE"] == "application/json"


def test_a_call_from_a_page_looks_like_that_pages_script(house: House) -> None:
    plain, masked = (marks(house, one, page=True) for one in Identity)
    for seen in (plain, masked):
        assert seen["HTTP_SEC_FETCH_SITE"] == "same-origin"
        assert seen["HTTP_ORIGIN"] == "http://app.localhost"
        assert seen["HTTP_REFERER"] == "http://app.localhost/"
    assert "Headless" in plain["HTTP_USER_AGENT"]
    assert "Headless" not in json.dumps(masked)
    assert "Google Chrome" in masked["HTTP_SEC_CH_UA"]


def test_the_mark_of_a_call_never_reaches_the_app_and_no_page_can_forge_it() -> None:
    callers = Callers("app.localhost", client(1))
    name, mark = callers.mark(["X-A"], page="/a b", events=3)
    marked = Head("GET", "/", "HTTP/1.1", (("Host", "x"), ("X-A", "1"), (name, mark)))
    assert callers.known(marked).called
    assert callers.events(marked) == 3
    assert callers.events(Head("GET", "/", "HTTP/1.1", (("Host", "x"),))) == 0
    dressed, _ = callers.dressed(marked)
    assert name not in dict(dressed.headers)
    assert ("X-A", "1") in dressed.headers
    other = Callers("app.localhost").mark([])[0]
    assert not callers.known(Head("GET", "/", "HTTP/1.1", ((other, mark),))).called


@pytest.mark.parametrize("one", CLIENTS, ids=lambda one: one.name)
def test_what_a_journey_sets_itself_stays(one) -> None:
    sent = Head(
        "GET", "/", "HTTP/1.1", (("user-agent", "mine/1"), ("accept", "text/csv"), ("Host", "h"))
    )
    dressed = one.dressed(sent, given=frozenset({"user-agent"}))
    assert dressed.header("user-agent") == "mine/1"
    assert dressed.header("accept") != "text/csv"  # the library's own
    assert [key for key, _ in dressed.headers].count("Host") == 1


@pytest.mark.parametrize(
    ("method", "content"), [("GET", b""), ("POST", b"a text\r\nUpgrade: websocket\r\n")]
)
def test_a_request_in_a_tunnel_is_read_like_any_other(method, content) -> None:
    """Our library asks for a tunnel even where nothing is encrypted."""

    async def work() -> Wire:
        talk = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Wire(host="app.localhost", port=port) as wire:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", int(wire.address.rpartition(":")[2])
            )
            writer.write(b"CONNECT app.localhost:80 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            writer.write(
                f"{method} http://evil.example/a?b HTTP/1.1\r\nHost: x\r\nContent-Length:"
                f" {len(content)}\r\n\r\n".encode()
                + content
            )
            await reader.read()
            writer.close()
            return wire

    wire = asyncio.run(work())
    (exchange,) = wire.exchanges
    assert (exchange.method, exchange.path, exchange.status) == (method, "/", 200)
    assert not exchange.called


@pytest.mark.parametrize("chunked", [False, True])
def test_a_call_takes_so_many_events_of_a_stream_that_never_ends(chunked: bool) -> None:
    head = "Transfer-Encoding: chunked\r\n" if chunked else ""
    left = asyncio.Event()

    async def streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{head}\r\n".encode())
        for number in range(1000):
            event = f": beat\n\ndata: {number}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(event), event) if chunked else event)
            try:
                await writer.drain()
                await asyncio.sleep(0.01)
            except ConnectionError:
                break
        left.set()
        writer.close()

    async def work() -> bytes:
        server = await asyncio.start_server(streams, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Wire(host="app.localhost", port=port) as wire:
            name, mark = wire.callers.mark([], events=2)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", int(wire.address.rpartition(":")[2])
            )
            target = "http://app.localhost/events"
            writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n{name}: {mark}\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            # The app sees that its client is gone.
            await asyncio.wait_for(left.wait(), 8)
            return answer

    _, _, body = asyncio.run(work()).partition(b"\r\n\r\n")
    assert body == b": beat\n\ndata: 0\n\n: beat\n\ndata: 1\n\n"


@pytest.mark.parametrize(
    ("own", "other", "sent", "asked"),
    [
        ("Ada", "Ben", "/api/guests/Ada", "/api/guests/Ben"),
        ("Ada", "Ben", "/api/guests?name=Ada", "/api/guests?name=Ben"),
        ("/api/guests/Ada.json", "/api/guests/Ben.json", "/api/guests/Ada.json?all=1",
         "/api/guests/Ben.json?all=1"),
        # A value within a value of the query: "all it looks for is there as soon as its pages open".
        ("/boats?berths=North%2C%20in,Pier%203", "/boats?berths=South%2C%20in,Pier%204",
         "/boats?berths=North%2C%20in,Pier%203", "/boats?berths=South%2C%20in,Pier%204"),
        ("/boats?of=Åse Holt", "/boats?of=Ben", "/boats?of=%C3%85se%20Holt", "/boats?of=Ben"),
    ],
)  # fmt: skip
def test_another_input_is_put_wherever_a_step_put_its_own(
    own: str, other: str, sent: str, asked: str
) -> None:
    for host in ("", "http://app.localhost"):
        request = Head("GET", f"{host}{sent}", "HTTP/1.1", ())
        assert with_other_input(request, b"", [(own, other)]) == (f"{host}{asked}", b"")


def test_a_masked_visitor_hesitates_between_two_calls() -> None:
    async def work() -> float:
        async def fetch(*_: Any) -> Fetched:
            return Fetched(200, (), b"", "http://app.localhost/")

        async with Wire(host="app.localhost", port=1) as wire:
            caller = Caller(wire, "http://app.localhost", random.Random(1))
            await caller.answer(fetch, ASKED, page="", patience=LONG)
            began = monotonic()
            await caller.answer(fetch, ASKED, page="", patience=LONG)
            return monotonic() - began

    assert asyncio.run(work()) >= HESITATES[0]
