"""The client of a journey without pages is on the wire what a browser's request context is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.validators.house import PLAIN, House
from tests.validators.patience import LONG
from validators.browser.clock import Clocks
from validators.browser.stage import stage
from validators.domain.device import Device
from validators.domain.errors import Unable
from validators.domain.evidence import Identity
from validators.domain.journeys.calls import Method, Request
from validators.driver.call_stage import call_stage
from validators.driver.commands import RunCommands
from validators.language.reader import read

JSON, TEXT = (
    (("Content-Type", "application/json"), ("X-My", "1")),
    (("Content-Type", "text/plain"),),
)
ASKED = (
    Request(Method.GET, "/api/me?q=a%20b&c='d'\"<e>"),
    Request(Method.GET, "/api/../b/./ä b/%2e%2E/c;d=1^2|`{}#gone"),
    Request(Method.POST, "/303", JSON, b'{"a": 1}', follow=True),
    Request(Method.POST, "/303", JSON, b'{"a": 1}'),
    Request(Method.POST, "/307", TEXT, b"x", follow=True),
    Request(Method.PUT, "/302", TEXT, b"x", follow=True),
    Request(Method.POST, "/302", TEXT, b"x", follow=True),
    Request(Method.HEAD, "/api/x"),
    Request(Method.DELETE, "/api/x"),
    Request(Method.PATCH, "/api/x", TEXT, b"y"),
    Request(Method.POST, "/api/x"),
    Request(Method.PUT, "/api/x"),
    Request(Method.GET, "/other", (("Accept", "text/csv"), ("user-agent", "mine/1"))),
    Request(Method.GET, "/forget"),
    Request(Method.GET, "/api/me"),
    Request(Method.GET, "/events", events=2),
)
COOKIES = {
    "/303": ("a=1; Path=/; HttpOnly", "b=2; Secure", 'q="x y"; SameSite=Strict'),
    "/302": ("h=5; Domain=app.localhost", "no=1; Domain=example.org", "o=1; Max-Age=1000"),
    "/forget": ("a=; Max-Age=0", "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
    "/api/me": ("c=3; Path=/api",),
}
STATUS = {"/303": "303 See Other", "/302": "302 Found", "/307": "307 Temporary Redirect"}
COMMANDS = RunCommands(read("journey: j\npromise: issue\nsteps: [{call: {GET: /}}]\nexpect: [{answer: {status: 200}}]"), 0)  # fmt: skip


@asynccontextmanager
async def listening(seen: list[str]) -> AsyncIterator[int]:
    """The port of an app that writes down, letter by letter, what it is asked."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        seen.append((head + body).decode("latin-1"))
        path = head.split(b" ")[1].decode().partition("?")[0]
        status, content = STATUS.get(path, "200 OK"), b'{"a": 1}'
        lines = [f"Set-Cookie: {one}" for one in COOKIES.get(path, ())]
        lines += ["Location: /api/me?x=ä b"] if path in STATUS else []
        if path == "/events":
            lines += ["Content-Type: text/event-stream"]
            content = b"data: 1\n\ndata: 2\n\ndata: 3\n\n"
        else:
            lines += [f"Content-Length: {len(content)}"]
        text = "\r\n".join((f"HTTP/1.1 {status}", *lines, "", ""))
        writer.write(text.encode() + (b"" if head.startswith(b"HEAD") else content))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def on_both(
    house: House, identity: Identity, device: Device, play: Any
) -> list[tuple[Any, list[str]]]:
    """What a play returns, and what the app saw, with a browser's context and with our client."""

    async def work() -> list[tuple[Any, list[str]]]:
        found = []
        for browser in (True, False):
            seen: list[str] = []
            async with listening(seen) as port:
                if browser:
                    how = replace(PLAIN, identity=identity, device=device)
                    on: Any = stage(await house.browsers.of(identity), how, port=port)
                else:
                    on = call_stage(identity, "app.localhost", port=port, device=device,
                                    clocks=Clocks(None), commands=COMMANDS)  # fmt: skip
                async with on as opened:
                    found.append((await play(opened), seen))
        return found

    return house.runner.run(work())


@pytest.mark.parametrize(
    ("identity", "seed"), [(Identity.PLAIN, 0), *((Identity.MASKED, seed) for seed in range(5))]
)
def test_an_app_is_asked_byte_for_byte_what_a_browsers_context_asks(
    house: House, identity: Identity, seed: int
) -> None:
    async def play(on: Any) -> Any:
        person, other = await on.person(""), await on.person("other")
        answers = [await person.call(one, patience=LONG) for one in ASKED]
        answers.append(await other.call(ASKED[0], patience=LONG))
        return [(one.status, one.path, one.headers, one.content) for one in answers]

    found = on_both(house, identity, Device(pointer_seed=seed), play)
    (by_browser, theirs), (ours, mine) = found
    assert list(map(_plain, mine)) == list(map(_plain, theirs))
    assert ours == by_browser
    assert any("cookie: " in one for one in mine)
    assert ("Headless" in mine[0]) is (identity is Identity.PLAIN)


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("http://app.localhost:80/b", "/b"),
        ("http://APP.localhost/b", "/b"),
        ("http://app.localhost?q=1", "/?q=1"),
        ("//app.localhost/b#c", "/b"),
        ("http://[b/", "'http://[b/' is no address"),
        ("http://app.localhost:99999/", "'http://app.localhost:99999/' is no address"),
        ("http://other.example/", "the answer leads to another host: other.example:80"),
        ("http://app.localhost:81/", "the answer leads to another host: app.localhost:81"),
    ],
)
def test_a_redirect_is_followed_however_the_app_writes_its_own_host(place: str, found: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /a ")
        status = f"302 Found\r\nLocation: {place}" if first else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    async def work() -> str:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with call_stage(
                Identity.PLAIN, "app.localhost", port=port, device=Device(pointer_seed=0),
                clocks=Clocks(None), commands=COMMANDS,
            ) as on:  # fmt: skip
                asked = Request(Method.GET, "/a", follow=True)
                try:
                    return (await (await on.person("")).call(asked, patience=LONG)).path
                except Unable as unable:
                    return str(unable)

    assert asyncio.run(work()) == found


def _plain(seen: str) -> str:
    """A request without the browser's version, and with its cookies in one order: those of a host
    and of a domain may be mixed."""
    sent = re.search(r"(?<=^cookie: ).*(?=\r$)", seen, re.MULTILINE)
    cookies = sent[0] if sent else ""
    seen = seen.replace(cookies, "; ".join(sorted(cookies.split("; ")))) if sent else seen
    return re.sub(r"HeadlessChrome/[0-9.]+", "HeadlessChrome", seen)
