"""Web sockets that a journey's calls open: their messages, their handshake, their bounds."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.utils import accept_key

from tests.validators.house import PLAIN, House, trouble
from tests.validators.live import Live, alive
from tests.validators.patience import LONG
from tests.validators.talks import Talk, answering, through
from validators.browser.api_client import ApiClient
from validators.browser.calling import Caller
from validators.browser.clock import Clocks
from validators.browser.network.clients import CLIENTS
from validators.browser.network.exchange import Tamper
from validators.browser.network.fault_injection import FaultInjection
from validators.browser.network.http1 import Head
from validators.browser.network.sockets import SOCKET
from validators.browser.network.wire import Wire
from validators.browser.stage import stage
from validators.domain.device import Device
from validators.domain.errors import Unable
from validators.domain.evidence import FaultInjector, Identity, Trouble
from validators.domain.journeys.calls import Answer, Method, Request
from validators.domain.journeys.data_at_stake import Stakes
from validators.domain.socket_messages import messages_text
from validators.driver.call_stage import call_stage
from validators.driver.commands import RunCommands
from validators.language.reader import read

NO_PAGE = read(
    "journey: j\npromise: issue\nsteps: [{call: {SOCKET: /}}]\nexpect: [{answer: {status: 101}}]\n"
)
JSON = (("Content-Type", "application/json"),)
EITHER = pytest.mark.parametrize("by", ["browser", "client"])


def socket(path: str, content: bytes = b"", *, messages: int = 1, headers: Any = ()) -> Request:
    return Request(Method.SOCKET, path, headers, content, events=messages)


def on(
    house: House,
    app: Live,
    play: Any,
    *,
    by: str = "client",
    identity: Identity = Identity.PLAIN,
    seed: int = 0,
    tamper: Tamper | None = None,
) -> Any:
    """What a play returns on a stage of either kind."""
    device = Device(pointer_seed=seed)

    async def in_browser(port: int) -> Any:
        setting = replace(PLAIN, identity=identity, device=device)
        browser = await house.browsers.of(identity)
        async with stage(browser, setting, port=port, tamper=tamper) as found:
            return await play(await found.person(""), found)

    async def without(port: int) -> Any:
        commands = RunCommands(NO_PAGE, 0)
        async with call_stage(
            identity,
            "app.localhost",
            port=port,
            device=device,
            clocks=Clocks(None),
            commands=commands,
            tamper=tamper,
        ) as found:
            return await play(await found.person(""), found)

    with alive(app) as port:
        return house.runner.run(in_browser(port) if by == "browser" else without(port))


def answer(house: House, request: Request, *, app: Live | None = None, **how: Any) -> Answer:
    async def play(ada: Any, _: Any) -> Any:
        return await ada.call(request, patience=LONG)

    return on(house, app or Live(), play, **how)


@EITHER
def test_a_message_goes_out_and_so_many_come_in(house: House, by: str) -> None:
    sent = socket("/live", b'{"book": "Ada", "size": 4}', messages=2, headers=JSON)
    found = answer(house, sent, by=by)
    assert found.status == 101
    assert json.loads(found.content) == ["hello", {"booked": {"name": "Ada", "size": 4}}]
    assert found.header("Sec-WebSocket-Accept")
    assert not any(name.startswith("x-") for name, _ in found.headers)


@EITHER
def test_a_socket_has_the_cookies_of_its_person(house: House, by: str) -> None:
    async def play(ada: Any, stage: Any) -> Any:
        await ada.call(Request(Method.GET, "/"), patience=LONG)
        mine = await ada.call(socket("/me"), patience=LONG)
        theirs = await (await stage.person("bo")).call(socket("/me"), patience=LONG)
        return json.loads(mine.content), json.loads(theirs.content)

    assert on(house, Live(), play, by=by) == ([{"user": "ada"}], [{}])


@pytest.mark.parametrize(
    ("path", "status", "messages"),
    [
        ("/leave", 4401, [{"token": "abc123"}]),
        ("/lost", 1006, []),
        ("/bytes", 101, ["(2 bytes)", {"in": "bytes"}]),
        ("/flood", 101, ["again", "again"]),
    ],
)
def test_what_comes_is_the_answer(house: House, path: str, status: int, messages: Any) -> None:
    found = answer(house, socket(path, messages=2))
    assert (found.status, json.loads(found.content)) == (status, messages)


def test_a_message_in_fragments_is_one(house: House) -> None:
    assert json.loads(answer(house, socket("/fragments")).content) == ["one message"]


def test_a_refused_handshake_is_an_answer_of_http(house: House) -> None:
    found = answer(house, socket("/closed"))
    assert (found.status, json.loads(found.content)) == (403, {"error": "members only"})


def test_what_does_not_come_in_time_is_missing_and_no_failure_of_the_call(house: House) -> None:
    async def play(ada: Any, _: Any) -> Any:
        return await ada.call(socket("/silent"), patience=1.0)

    found = on(house, Live(), play)
    assert (found.status, found.content) == (101, b"[]")


@pytest.mark.parametrize("path", ["/bomb", "/long"])
def test_messages_that_are_too_large_are_not_taken(house: House, path: str) -> None:
    async def play(ada: Any, _: Any) -> Any:
        # Sooner than the wait for further messages ends: what came is not kept until then.
        async with asyncio.timeout(LONG / 2):
            return await trouble(ada.call(socket(path, messages=99), patience=LONG))

    assert on(house, Live(), play)[0] == Trouble.TOO_LARGE


def handshake(house: House, identity: Identity, **how: Any) -> list[tuple[str, str]]:
    app = Live()
    answer(house, socket("/board", **how.pop("request", {})), app=app, identity=identity, **how)
    return app.seen[-1][1]


@pytest.mark.parametrize("identity", list(Identity))
def test_a_socket_from_a_page_is_opened_as_by_that_pages_script(house: House, identity) -> None:
    async def play(ada: Any, _: Any) -> None:
        await ada.open("/", patience=LONG)
        await ada.page.wait_for_function("socket.readyState == 1")
        await ada.call(socket("/board"), patience=LONG)

    app = Live()
    on(house, app, play, by="browser", identity=identity)
    (_, pages), (_, calls) = app.seen
    assert without_key(calls) == without_key(pages)
    assert ("Cookie", "user=ada") in calls
    assert ("Headless" in json.dumps(calls)) is (identity is Identity.PLAIN)


def without_key(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, "" if name == "Sec-WebSocket-Key" else value) for name, value in headers]


def test_a_plain_socket_without_a_page_looks_like_automation(house: House) -> None:
    by_client, by_browser = (
        handshake(house, Identity.PLAIN, by=by) for by in ("client", "browser")
    )
    assert [name for name, _ in by_client] == [name for name, _ in by_browser]
    assert all("Headless" in dict(seen)["User-Agent"] for seen in (by_client, by_browser))


@pytest.mark.parametrize("seed", range(len(CLIENTS)))
def test_a_masked_socket_without_a_page_looks_like_a_programs(house: House, seed: int) -> None:
    given = (*JSON, ("Authorization", "Bearer abc"))
    seen = handshake(
        house, Identity.MASKED, seed=seed, request={"content": b"{}", "headers": given}
    )
    order = CLIENTS[seed].socket
    rest = ["Authorization"] if ("Origin", "") in order else ["Authorization", "Origin"]
    expected = [name for one in order for name in ([one[0]] if one else rest)]
    assert [name for name, _ in seen] == expected
    assert ("Origin", "http://app.localhost") in seen
    assert "Headless" not in json.dumps(seen)


def test_a_journey_may_come_from_another_origin(house: House) -> None:
    given = (("Origin", "http://evil.example"), ("Sec-WebSocket-Protocol", "chat"))
    for identity in Identity:
        seen = dict(handshake(house, identity, request={"headers": given}))
        assert (seen["Origin"], seen["Sec-WebSocket-Protocol"]) == ("http://evil.example", "chat")


def test_messages_are_evidence_without_secrets(house: House, tmp_path: Path) -> None:
    async def play(ada: Any, stage: Any) -> Any:
        sent = socket("/leave", b'{"password": "hunter2"}', messages=2, headers=JSON)
        await ada.call(sent, patience=LONG)
        return await stage.save_evidence(tmp_path)

    on(house, Live(), play)
    (only,) = json.loads((tmp_path / "calls.json").read_text())
    assert (only["method"], only["path"], only["status"]) == ("SOCKET", "/leave", 4401)
    assert only["answer"] == '{"token": "(6 characters)"}'
    assert only["body"] == '{"password": "(7 characters)"}'


ACCEPTS = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def raw(after: bytes, *, again: int = 1, accept: bool = True) -> Talk:
    """An app that opens the socket, or only says so, and sends these bytes so often."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
        assert key
        proof = accept_key(key[1].decode() if accept else "another").encode()
        try:
            writer.write(ACCEPTS + b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")
            for _ in range(again):
                writer.write(after)
                await writer.drain()
            await reader.read()
        except ConnectionError:
            return
        finally:
            writer.close()

    return talk


def said(talk: Talk, request: Request, *, patience: float = LONG) -> tuple[str, str] | Answer:
    """What a call to such an app comes to: its answer, or what was in its way."""

    async def work() -> tuple[str, str] | Answer:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Wire(host="app.localhost", port=port) as wire:
            caller = Caller(wire, "http://app.localhost")
            asked = caller.answer(ApiClient(wire).fetch, request, page="", patience=patience)
            try:
                return await asked
            except Unable as unable:
                return unable.trouble, str(unable)

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("talk", "found"),
    [
        # A ping asks for an answer of the same size, and is no message.
        (raw(b"\x89\x7d" + b"p" * 125, again=100_000), Trouble.TOO_LARGE),
        # A message whose fragments never end.
        (raw(b"\x01\x00" + b"\x00\x7e\xff\xff" + b"a" * 65_535, again=200), Trouble.NO_ANSWER),
        (raw(b"\x01\x01a" + (b"\x00\x7e\xff\xff" + b"a" * 65_535) * 140), Trouble.TOO_LARGE),
        # Two bytes a letter, and six as JSON.
        (
            raw(b"\x81\x7f" + (3_000_000).to_bytes(8, "big") + "é".encode() * 1_500_000),
            Trouble.TOO_LARGE,
        ),
        # A frame of which only the length comes.
        (raw(b"\x82\x7f\x00\x00\x00\xff\xff\xff\xff\xff"), Trouble.TOO_LARGE),
        (raw(b"\x81\x01\xff"), Trouble.NO_ANSWER),
        (raw(b"\xf1\x01a"), Trouble.NO_ANSWER),
        (raw(b"\x81\x01a", accept=False), Trouble.NO_ANSWER),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), Trouble.NO_ANSWER),
        (answering(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1_000 + b"\r\n"), Trouble.NO_ANSWER),
        (answering(b""), Trouble.NO_ANSWER),
    ],
)
def test_what_is_no_socket_or_never_ends_is_not_taken(talk: Talk, found: Trouble) -> None:
    came = said(talk, socket("/live", messages=9))
    assert isinstance(came, tuple)
    assert came[0] is found


def test_an_app_that_closes_with_its_handshake_is_not_sent_anything() -> None:
    came = said(raw(b"\x88\x02\x11\x31"), socket("/live", b"{}"))
    assert isinstance(came, Answer)
    assert (came.status, came.content) == (4401, b"[]")


def test_an_app_that_never_opens_the_socket_is_late() -> None:
    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    came = said(hangs, socket("/live"), patience=0.5)
    assert isinstance(came, tuple)
    assert came[0] is Trouble.TIMED_OUT


def faulty(injector: FaultInjector, content: bytes, status: int = 101, **stakes: Any) -> Any:
    """What a fault makes of an answer on a socket: its status, its body, its facts."""
    fault = FaultInjection(injector, lambda: Stakes(**stakes))
    request = Head(SOCKET, "http://app.localhost/live", "HTTP/1.1", (), called=True)
    kind = (("Content-Type", "application/json"),)
    answer = Head("HTTP/1.1", str(status), "", kind)
    altered = fault.altered(request, answer, content)
    return fault.head(request, answer).status, json.loads(altered), fault.facts


@pytest.mark.parametrize(
    ("injector", "stakes", "status", "messages", "touched"),
    [
        (FaultInjector.DROP_ROW, {"texts": {"Ada"}}, 101, ["hello", {"n": "Ben"}], True),
        (FaultInjector.DROP_ROW, {"texts": {"hello"}}, 101, [{"n": "Ada"}, {"n": "Ben"}], True),
        (FaultInjector.DROP_ROW, {"fields": {"/1/n"}}, 101, ["hello", {}, {"n": "Ben"}], True),
        (FaultInjector.DROP_ROW, {}, 101, ["hello", {"n": "Ada"}, {"n": "Ben"}], False),
        (FaultInjector.SWAP_TEXT, {"texts": {"Ada"}}, 101, ["hello", {"n": "adA"}, {"n": "Ben"}], True),
        (FaultInjector.ERROR_500, {"texts": {"Ada"}}, 1011, [], True),
        (FaultInjector.ERROR_500, {"texts": {"Zoe"}}, 1011, [], False),
        (FaultInjector.ERROR_500, {"statuses": {"101", "1011"}}, 1006, [], True),
    ],
)  # fmt: skip
def test_a_fault_of_a_socket(injector, stakes, status, messages, touched) -> None:
    content = b'["hello", {"n": "Ada"}, {"n": "Ben"}]'
    known = {name: frozenset(one) for name, one in stakes.items()}
    found = faulty(injector, content, **known)
    assert found[:2] == (status, messages)
    assert found[2].touched is touched
    assert bool(found[2].changed) is (messages != json.loads(content))


def test_a_refusal_that_is_expected_becomes_an_open_socket() -> None:
    statuses = frozenset({"4401"})
    found = faulty(FaultInjector.ERROR_500, b"[]", 4401, statuses=statuses)
    assert (found[0], found[2].touched) == (101, True)
    assert faulty(FaultInjector.ERROR_500, b"[]", 4401)[0] == 4401


def test_a_page_cannot_ask_for_a_socket_by_the_method_of_a_call() -> None:
    request = b"SOCKET http://app.localhost/a HTTP/1.1\r\nHost: app.localhost\r\n\r\n"
    seen = []

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    through(app, request)
    assert seen[0].startswith(b"SOCKET /a HTTP/1.1\r\n")
    assert b"Upgrade" not in seen[0]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'["hello", {"a": 1}, "\\u00e4", 4]', 'hello\n{"a": 1}\nä\n4'),
        (b'{"error": "members only"}', '{"error": "members only"}'),
    ],
)
def test_messages_are_a_text_below_each_other(content: bytes, text: str) -> None:
    assert messages_text(content) == text
