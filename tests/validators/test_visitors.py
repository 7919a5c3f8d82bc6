"""Who a visitor seems to be: the plain one what automation looks like, the masked one nothing of it, wherever it is asked."""

from __future__ import annotations

import json
from typing import Any

from tests.validators.apps import Static
from tests.validators.house import PATIENCE, House
from tests.validators.patience import until
from validators.browser.stage import BrowserStage
from validators.domain.evidence import Identity

SELF = """async () => {
  const told = () => [navigator.userAgent, navigator.userAgentData.brands.map(b => b.brand).join()];
  const hints = await navigator.userAgentData.getHighEntropyValues(['fullVersionList']);
  const worker = await new Promise(done => { new Worker('/echo.js').onmessage = e => done(e.data); });
  return {webdriver: navigator.webdriver, page: told(), worker, full: hints.fullVersionList.map(b => b.brand).join(),
    language: navigator.language, zone: Intl.DateTimeFormat().resolvedOptions().timeZone, secure: isSecureContext}; }"""


class Mirror(Static):
    """Its pop-up tells the server, from its first script, who it thinks it is."""

    def __init__(self) -> None:
        super().__init__()
        self.popup: dict[str, Any] = {}

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        if path == "/popup":
            return self.page("""<script>fetch('/told', {method: 'POST', headers: {'content-type': 'text/plain'},
              body: 'x=' + encodeURIComponent(JSON.stringify({agent: navigator.userAgent, webdriver: navigator.webdriver,
              brands: navigator.userAgentData.brands.map(b => b.brand).join()}))})</script>""")
        if path == "/told":
            self.popup = json.loads(form["x"])
        return super().answer(environ, method, path, form)


def looks_of(house: House, identity: Identity) -> tuple[dict[str, Any], Mirror]:
    app = Mirror()

    async def play(on: BrowserStage) -> dict[str, Any]:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        told = await ada.page.evaluate(SELF)
        await ada.page.evaluate("window.open('/popup')")
        await until(lambda: app.popup)
        return told

    return house.on_stage(app, play, identity=identity), app


def headers(app: Mirror, name: str) -> set[str]:
    return {seen[name] for seen in app.seen if name in seen}


def test_the_plain_visitor_is_what_automation_looks_like(house: House) -> None:
    told, app = looks_of(house, Identity.PLAIN)
    assert told["webdriver"] is True
    assert "HeadlessChrome" in told["page"][0]
    assert "HeadlessChrome" in told["page"][1]
    assert all("HeadlessChrome" in agent for agent in headers(app, "HTTP_USER_AGENT"))


def test_the_masked_visitor_shows_nothing_of_it_anywhere(house: House) -> None:
    told, app = looks_of(house, Identity.MASKED)
    assert told["webdriver"] is False
    assert "Headless" not in json.dumps(told)
    assert "Google Chrome" in told["page"][1]
    assert "Google Chrome" in told["worker"][1]
    assert "Google Chrome" in told["full"]
    assert app.popup["webdriver"] is False
    assert "Headless" not in json.dumps(app.popup)
    assert "Google Chrome" in app.popup["brands"]
    sent = json.dumps(app.seen)
    assert "Headless" not in sent
    assert "Google Chrome" in sent
    assert len(headers(app, "HTTP_USER_AGENT")) == 1
    assert {name for seen in app.seen if seen["PATH_INFO"] == "/popup" for name in seen if "SEC_CH" in name}


def test_both_visitors_live_in_the_surroundings_of_the_run_and_on_a_trusted_page(house: House) -> None:
    plain, plain_app = looks_of(house, Identity.PLAIN)
    masked, masked_app = looks_of(house, Identity.MASKED)
    for told in (plain, masked):
        assert (told["language"], told["zone"], told["secure"]) == ("en-GB", "Asia/Tokyo", True)
    names = [{frozenset(key for key in seen if key.startswith("HTTP_")) for seen in app.seen} for app in (plain_app, masked_app)]
    assert names[0] == names[1]  # the same headers, in other words
