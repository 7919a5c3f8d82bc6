"""Who a visitor seems to be: the plain one what automation looks like, the masked one nothing of
it, wherever it is asked."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.validators.apps import HANGING, Static
from tests.validators.house import PATIENCE, House
from tests.validators.patience import until
from validators.browser.stage import BrowserStage
from validators.domain.device import Device, Voice
from validators.domain.evidence import Identity
from validators.performance.surroundings import device

SELF = """async () => {
  const identity = () => [navigator.userAgent, navigator.userAgentData.brands.map(b => b.brand).join()];
  const hints = await navigator.userAgentData.getHighEntropyValues(['fullVersionList']);
  const worker = await new Promise(done => { new Worker('/echo.js').onmessage = e => done(e.data); });
  return {webdriver: navigator.webdriver, page: identity(), worker, full: hints.fullVersionList.map(b => b.brand).join(),
    language: navigator.language, zone: Intl.DateTimeFormat().resolvedOptions().timeZone, secure: isSecureContext}; }"""


class Mirror(Static):
    """Its pop-up tells the server, from its first script, who it thinks it is."""

    def __init__(self) -> None:
        super().__init__()
        self.popup: dict[str, Any] = {}

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        if path == "/popup":
            return self.page(
                """<script>fetch('/whoami', {method: 'POST', headers: {'content-type': 'text/plain'},
              body: 'x=' + encodeURIComponent(JSON.stringify({agent: navigator.userAgent, webdriver: navigator.webdriver,
              brands: navigator.userAgentData.brands.map(b => b.brand).join()}))})</script>"""
            )
        if path == "/whoami":
            self.popup = json.loads(form["x"])
        return super().answer(environ, method, path, form)


def looks_of(house: House, identity: Identity) -> tuple[dict[str, Any], Mirror]:
    app = Mirror()

    async def play(on: BrowserStage) -> dict[str, Any]:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        answers = await ada.page.evaluate(SELF)
        await ada.page.evaluate("window.open('/popup')")
        await until(lambda: app.popup)
        return answers

    return house.on_stage(app, play, identity=identity), app


def headers(app: Mirror, name: str) -> set[str]:
    return {seen[name] for seen in app.seen if name in seen}


def test_the_plain_visitor_is_what_automation_looks_like(house: House) -> None:
    answers, app = looks_of(house, Identity.PLAIN)
    assert answers["webdriver"] is True
    assert "HeadlessChrome" in answers["page"][0]
    assert "HeadlessChrome" in answers["page"][1]
    assert all("HeadlessChrome" in agent for agent in headers(app, "HTTP_USER_AGENT"))


def test_the_masked_visitor_shows_nothing_of_it_anywhere(house: House) -> None:
    answers, app = looks_of(house, Identity.MASKED)
    assert answers["webdriver"] is False
    assert "Headless" not in json.dumps(answers)
    assert "Google Chrome" in answers["page"][1]
    assert "Google Chrome" in answers["worker"][1]
    assert "Google Chrome" in answers["full"]
    assert app.popup["webdriver"] is False
    assert "Headless" not in json.dumps(app.popup)
    assert "Google Chrome" in app.popup["brands"]
    sent = json.dumps(app.seen)
    assert "Headless" not in sent
    assert "Google Chrome" in sent
    assert len(headers(app, "HTTP_USER_AGENT")) == 1
    assert {
        name
        for seen in app.seen
        if seen["PATH_INFO"] == "/popup"
        for name in seen
        if "SEC_CH" in name
    }


def test_both_visitors_live_in_the_surroundings_of_the_run_and_on_a_trusted_page(
    house: House,
) -> None:
    plain, plain_app = looks_of(house, Identity.PLAIN)
    masked, masked_app = looks_of(house, Identity.MASKED)
    for answers in (plain, masked):
        assert (answers["language"], answers["zone"], answers["secure"]) == (
            "en-GB",
            "Asia/Tokyo",
            True,
        )
    names = [
        {
            frozenset(key for key in seen if key.startswith("HTTP_"))
            for seen in app.seen
            if "ico" not in seen["PATH_INFO"]
        }
        for app in (plain_app, masked_app)
    ]
    assert names[0] == names[1]  # the same headers, in other words


VOICES = (
    Voice("Google US English", "en-US"),
    Voice("English (America) espeak-ng", "en-US", local=True),
)
TOUCHED = Device(1.5, (2560, 1440), 10, VOICES)
SITS = """() => {
  const asked = () => 0, [first, second] = speechSynthesis.getVoices(), said = new SpeechSynthesisUtterance('low tide');
  said.voice = second; const chosen = said.voice === second; said.voice = null;
  window.ontouchstart = asked; const own = window.ontouchstart === asked; document.body.ontouchend = 1;
  const is = query => matchMedia(query).matches, native = one => /\\[native code\\]/.test(Function.prototype.toString.call(one));
  return {voices: [first.name, first.lang, first.localService, first.default, second.localService,
      second instanceof SpeechSynthesisVoice], chosen, none: said.voice, fingers: navigator.maxTouchPoints, own,
    not: document.body.ontouchend, touch: 'ontouchstart' in window && 'ontouchend' in document.documentElement,
    screen: [screen.width, screen.height, devicePixelRatio, is('(min-resolution: 1.5dppx)')],
    desktop: is('(pointer: fine)') && is('(hover: hover)') && !is('(pointer: coarse)'),
    native: [speechSynthesis.getVoices, Object.getOwnPropertyDescriptor(window, 'ontouchstart').get].every(native)}; }"""


def test_a_person_sits_before_what_was_drawn_and_a_page_can_use_it(house: House) -> None:
    """Asked of the browser itself, whose own getters and setters lie under the mask."""

    async def play(on: BrowserStage) -> dict[str, Any]:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        return await ada.page.evaluate(SITS)

    answers = house.on_stage(Static(), play, identity=Identity.MASKED, device=TOUCHED)
    assert answers == {
        "voices": ["Google US English", "en-US", False, True, True, True],
        "chosen": True,
        "none": None,
        "fingers": 10,
        "own": True,
        "not": None,
        "touch": True,
        "screen": [2560, 1440, 1.5, True],
        "desktop": True,
        "native": True,
    }


def test_a_seed_and_a_journey_draw_a_device_that_is_no_automations() -> None:
    drawn = [device(seed, name) for seed in range(40) for name in ("cancel", "group-of-eight")]
    assert device(3, "cancel") == device(3, "cancel")
    assert {one.touches for one in drawn} == {0, 5, 10}
    assert {one.ratio for one in drawn} == {1.25, 1.5, 2.0}
    assert all(one.voices and one.screen[0] > 1536 for one in drawn)
    assert len({one.pointer_seed for one in drawn}) == len(drawn)


class WithIcon(Static):
    """Shows a picture, gives whoever comes a cookie, and has its icon where its page links it, if
    anywhere. An icon never comes."""

    def __init__(self, link: str) -> None:
        super().__init__()
        self.link, self.ended = link, threading.Event()

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        if "ico" in path:
            self.ended.wait(HANGING)
            return "404 Not Found", [], b""
        status, headers, body = self.page(f"{self.link}<img src=/tide.png alt=''><h1>Tides</h1>")
        return status, [*headers, ("Set-Cookie", "who=ada")], body


ICONS = {
    "": ["/favicon.ico"],
    "<link rel='shortcut ICON' href='/own.ico?v=2#a'>": ["/own.ico?v=2"],
    "<link rel=icon href='http://elsewhere.example/a.ico'>": [],
    "<link rel=icon href='data:image/gif;base64,R0lGOD'>": [],
}


@pytest.mark.parametrize("link", ICONS)
def test_a_person_asks_for_the_icon_once_and_nobody_waits_or_hears(link, house: House) -> None:
    app = WithIcon(link)

    def icons() -> list[dict[str, Any]]:
        return [seen for seen in app.seen if "ico" in seen["PATH_INFO"]]

    async def play(on: BrowserStage) -> tuple[Any, ...]:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        if ICONS[link]:
            await until(icons)
        await ada.open("/again", patience=PATIENCE)
        await on.wait_until_quiet(PATIENCE)
        answers = (
            on.wire.busy,
            await ada.at_rest() or ada.awaits_answer(),
            [one for one in on.requests if "ico" in one],
            on.refused_requests,
            on.console,
        )
        app.ended.set()
        return answers

    assert house.on_stage(app, play, identity=Identity.MASKED) == (False, False, [], (), ())
    assert [
        one["PATH_INFO"] + (f"?{one['QUERY_STRING']}" if one["QUERY_STRING"] else "")
        for one in icons()
    ] == ICONS[link]
    picture = next(seen for seen in app.seen if seen["PATH_INFO"] == "/tide.png")
    for icon in icons():
        sent, usual = (
            {key: one[key] for key in one if key.startswith("HTTP_")} for one in (icon, picture)
        )
        assert list(sent.items()) == list(usual.items()), (
            "not asked for as the browser itself asks for a picture"
        )


def test_automation_asks_for_no_icon(house: House) -> None:
    app = WithIcon("")
    house.on_page(app, lambda ada, on: on.wait_until_quiet(PATIENCE))
    assert "/favicon.ico" not in {seen["PATH_INFO"] for seen in app.seen}
