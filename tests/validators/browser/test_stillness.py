"""When waiting is in vain: a page that was given nothing to change by, and only such a page, is
looked at once more and left."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest
from playwright.async_api import Locator

from tests.validators.apps import App
from tests.validators.house import PATIENCE, House, button, trouble
from tests.validators.talks import GET, answering, through
from validators.browser.network.http1 import Head
from validators.browser.network.stillness import Reading
from validators.browser.page_waits import REST_SECONDS
from validators.browser.stage import BrowserStage
from validators.domain.journeys.spot import Spot

HTML = "text/html; charset=utf-8"


def stirs(body: str | bytes, kind: str = HTML, *, document: bool = True, **headers: str) -> bool:
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    reading = Reading(
        Head("HTTP/1.1", "200", "OK", (("Content-Type", kind), *more)), document=document
    )
    reading.feed(body if isinstance(body, bytes) else body.encode())
    return reading.stirs


@pytest.mark.parametrize(
    ("body", "kind", "document"),
    [
        (
            (
                "<h1>Walks</h1><form method=post><label>One <input"
                " name=on></label><button>Book</button></form>"
            ),
            HTML,
            True,
        ),
        ("<p>On condition = none; description, settings</p>", 'text/html;charset="UTF-8"', True),
        ("main { color: #123; content: '\\2014' }", "text/css", False),
        (b"\x89PNG\x00\x00", "image/png", False),
        (b"wOF2\x00", "font/woff2", False),
        ("plain words", "text/plain", True),
        ("", "", True),
        ("", "application/json", False),
    ],
)
def test_words_and_pictures_stand_still(body, kind, document) -> None:
    assert not stirs(body, kind, document=document)


@pytest.mark.parametrize(
    "body",
    [
        "<script src=a.js></script>",
        "<SCRIPT>1</SCRIPT>",
        "<!-- --!> <script>1</script>",
        "<body onload=go()>",
        '<img src=x class="y"onerror = "go()">',
        "<svg/onload=go()>",
        "<a href='javascript:go()'>go</a>",
        "<meta http-equiv=refresh content=2>",
        "<iframe src=/other></iframe>",
        "<object data=/other></object>",
        "<marquee>words</marquee>",
        "<svg><animate attributeName=x /></svg>",
        "<style>p { animation: late 2s }</style>",
        "<p style='transition: opacity 2s'>late</p>",
        "<link rel=stylesheet href='data:text/css;base64,cHt9'>",
        "<p>wor\x00ds</p>",
    ],
)
def test_what_can_move_by_itself_stirs(body) -> None:
    assert stirs(body)


@pytest.mark.parametrize(
    ("kind", "document", "headers"),
    [
        ("text/html", True, {}),
        ("text/html; charset=utf-16", True, {}),
        ("text/html; charset=utf-8", True, {"Content_Encoding": "gzip"}),
        ("text/html; charset=utf-8", True, {"Refresh": "3"}),
        ("application/xhtml+xml", True, {}),
        ("image/svg+xml", True, {}),
        ("text/javascript", False, {}),
        ("application/json", False, {}),
        ("", True, {}),
    ],
)
def test_what_is_not_known_to_be_still_stirs(kind, document, headers) -> None:
    assert stirs("words", kind, document=document, **headers)


def test_a_word_that_comes_in_two_pieces_is_read_whole() -> None:
    reading = Reading(Head("HTTP/1.1", "200", "OK", (("Content-Type", HTML),)), document=True)
    for piece in (b"<p>words</p><scr", b"ipt>go()</script>"):
        assert not reading.stirs
        reading.feed(piece)
    assert reading.stirs


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "request_", "still"),
    [
        (ANSWER + b"<p>words</p>", GET, True),
        (ANSWER + b"<script></script>", GET, False),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", GET, False),
        (
            b"hello",
            b"CONNECT app.localhost:80 HTTP/1.1\r\nHost: app.localhost:80\r\n\r\n"
            b"GET /live HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            False,
        ),
    ],
)
def test_a_wire_is_still_until_something_that_stirs_has_passed(answer, request_, still) -> None:
    _, wire = through(answering(answer), request_)
    assert wire.still is still


def test_what_a_fault_puts_in_is_read_as_well() -> None:
    class Scripted:
        def instead(self, request: Head, content: bytes) -> None:
            return None

        def request(self, request: Head, content: bytes) -> tuple[Head, bytes]:
            return request, content

        def altered(self, request: Head, answer: Head, content: bytes) -> bytes:
            return b"<script></script>"

        def head(self, request: Head, answer: Head) -> Head:
            return answer

    _, wire = through(answering(ANSWER + b"<p>words</p>"), GET, tamper=Scripted())
    assert not wire.still


class Page(App):
    """One page, the same at every address, and another after a button; `late` is when that other
    one comes."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.body = body

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        return self.page(self.body)


def waited(house: House, body: str, spot: Spot) -> tuple[str, float, bool]:
    """What became of a click, how long it was tried, and whether the page was at rest in the
    end."""

    async def play(on: BrowserStage) -> tuple[str, float, bool]:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        began = monotonic()
        await ada.page.evaluate(
            "document.body.className = 'late', window.late?.()"
        )  # its time begins now, and not before ours
        why = (await trouble(ada.click(spot, patience=PATIENCE)))[0]
        return why, monotonic() - began, await ada.at_rest()

    found: tuple[str, float, bool] = house.on_stage(Page(body), play)
    return found


BOOK = "<button>Book</button>"
LATE = (
    "<script>late = () => setTimeout(() => document.body.insertAdjacentHTML('beforeend',"
    f" '{BOOK}'), 1500)</script>"
)
SHOWN = "@keyframes shown { to { visibility: visible } } button { visibility: hidden }"
FADES = ".late button { animation: shown 0s 1.5s forwards }"
FADED = f"<style>{SHOWN} {FADES}</style>{BOOK}"


def test_what_is_missing_on_a_still_page_is_not_waited_for(house) -> None:
    why, seconds, rest = waited(house, "<h1>Walks</h1>", button("Book"))
    assert (why, rest) == ("missing", True)
    assert REST_SECONDS <= seconds < PATIENCE
    assert (
        waited(house, "<button>Book</button><button>Book</button>", button("Book"))[0]
        == "ambiguous"
    )


@pytest.mark.parametrize("body", [LATE, FADED, "<meta http-equiv=refresh content=900>" + LATE])
def test_what_a_page_shows_late_is_waited_for(house, body) -> None:
    why, seconds, rest = waited(house, body, button("Book"))
    assert (why, rest) == ("none", False)
    assert seconds > 1


class Leads(App):
    """A link that leads to a page without it."""

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        return self.page("<a href=/walk>Walk</a>" if path == "/" else "<h1>A walk</h1>")


def test_what_an_act_has_led_away_from_is_not_missing(house) -> None:
    """A click that had been done already was called missing, on the page that it had led to: the
    library was slow to say so."""

    async def play(on: BrowserStage) -> str:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)

        async def slow_to_say_so(found: Locator) -> None:
            await found.click()
            await asyncio.sleep(2 * REST_SECONDS + 1)

        return (
            await trouble(ada._act_on(Spot(role="link", name="Walk"), slow_to_say_so, PATIENCE))
        )[0]

    assert house.on_stage(Leads(), play) == "none"
