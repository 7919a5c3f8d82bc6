"""What a journey can see, on a page made for it, in a real Chromium: every look where it holds and
where it must not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from threading import Thread
from time import sleep
from typing import Any

import pytest

from tests.validators.apps import App, served
from tests.validators.patience import LONG, PATIENT
from validators.browser.chromium import browsers
from validators.browser.network.fault_injection import FaultInjection
from validators.browser.stage import Setting, stage
from validators.domain.bounds import Bounds
from validators.domain.errors import Unable
from validators.domain.evidence import FaultInjector, Identity, RunEvidence, RunId
from validators.domain.journeys.data_at_stake import stakes
from validators.domain.journeys.values import Draw, Values
from validators.domain.run_result import Result, caught, result
from validators.language.reader import read
from validators.performance.journey_run import Patience, performed
from validators.performance.looking import look_result

PAGE = """<!doctype html><html lang=en><title>Walks · Tidebook</title>
<nav aria-label=Main><ul><li><a href="/">Home</a></li>
<li><a href="/walks?page=2&amp;q=low%20tide" aria-current=page>Walks</a></li></ul></nav>
<h1>Walks</h1><p>All walks of <b>this</b> month</p>
<h2>List</h2>
<style>.shout { text-transform: uppercase }</style>
<table><thead><tr class=shout>
<th><a href="?sort=day">Day\u00a0▼</a><svg role=img aria-labelledby=m width=9 height=9><title id=m>Column menu</title></svg></th>
<th>Walk<svg width=9 height=9><title>Cog</title></svg></th>
<th><button>Places <span aria-hidden=true>↕</span></button></th><th>Note</th>
</tr></thead><tbody>
<tr><td>2026-12-01</td><td><a href="/1">Mussel banks</a></td><td>4</td><td></td></tr>
<tr><td>2026-12-09</td><td>Seal <b>watch</b> <img alt=new src=/dot.png></td><td>12</td><td></td></tr>
<tr><td>2026-12-30</td><td>Åland ferry</td><td>1,100</td><td></td></tr>
<tr hidden><td>2027-01-01</td><td>Secret</td><td>0</td><td>x</td></tr></tbody></table>
<h3>Small print</h3><p>Bring boots.</p>
<h2>Guests</h2>
<table aria-label=Guests><tr><th>Name</th><th>Group</th></tr></table>
<div role=grid aria-label=Tides><div role=row><span role=columnheader>Time</span><span role=columnheader>Height</span></div>
<div role=row><span role=gridcell>06:10</span><span role=gridcell>1.2 m</span></div></div>
<pre>select 1</pre>
<dl><dt>Guide:</dt><dd>Ada Holt</dd><dt>Size</dt><dd>4</dd><dd>or 5</dd></dl>
<details><summary>More <i>filters</i></summary><p>inside</p></details>
<h2>Book</h2><form onsubmit="return false">
<label>Walk <select><option value=1>Mussel banks</option><option value=2 selected>Seal watch</option></select></label>
<label><input type=checkbox checked> I can swim</label> <label><input type=checkbox> Vegan</label>
<label>Size <input aria-describedby=hint required aria-invalid=true value=4></label><span id=hint>From 1 to 8</span>
<input placeholder="Search walks" readonly> <button aria-expanded=false>Filter</button> <button aria-pressed=true>Map</button>
<button disabled>Book</button></form>
<img alt=dot src=/dot.png><img alt=gone src=/nope.png><a href="//fixtures/walks">Out</a>
<div onclick="1">Show  SQL</div><p role=status>Booked for 4 guests, total €1,200.50</p>"""
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


LATE = 1.5  # seconds; far longer than a look that holds


class Made(App):
    """The page, with more in its head if need be, a picture, JSON, plain text, and an error
    page."""

    head = ""

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        match path:
            case "/dot.png" | "/late.png":
                sleep(LATE if path == "/late.png" else 0)
                return "200 OK", [("Content-Type", "image/png")], DOT
            case "/walks.json":
                return (
                    "200 OK",
                    [("Content-Type", "application/json")],
                    b'{"walks": [{"name": "Seal watch", "places": 12}]}',
                )
            case "/plain":
                return "404 Not Found", [("Content-Type", "text/plain")], b"no such walk: 7"
            case "/":
                return (
                    "200 OK",
                    [("Content-Type", "text/html; charset=utf-8")],
                    (PAGE + self.head).encode(),
                )
            case _:
                return super().answer(environ, method, path, form)


class Viewer:
    """One person at one page, for looks from ordinary tests: the browser lives on a loop of its
    own."""

    def __init__(self, chromium: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.on = _on_stage(chromium)
        self.browser, self.port, self.person = self.run(self.on.__aenter__())
        self.run(self.person.open("/", patience=LONG))
        self.run(self.person.page.wait_for_load_state("load"))

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10 * LONG)

    def close(self) -> None:
        self.run(self.on.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(LONG)

    def sees(self, look: str) -> str:
        """`yes`, `no`, or the trouble."""
        journey = read(f"journey: j\npromise: issue\nsteps:\n  - open: /\nexpect:\n  - {look}\n")
        values = Values(Draw(7, "j", date(2026, 11, 21)), names={"size": "4", "guide": "Ada Holt"})
        try:
            found = self.run(look_result(journey.expect[0].looks[0], self.person, values))
        except Unable as unable:
            return unable.trouble
        return found.trouble or ("yes" if found.holds else "no")

    def performs(
        self,
        *looks: str,
        injector: FaultInjector | None = None,
        never: str = "text: Traceback",
        bounds: Bounds = PATIENT,
    ) -> RunEvidence:
        """A journey that opens the page and takes these looks, with an injected fault or without."""

        async def perform() -> RunEvidence:
            expect = "".join(f"  - {look}\n" for look in looks)
            source = (
                f"journey: j\npromise: issue\nsteps:\n  - open: /\nexpect:\n{expect}never:"
                f" [{{{never}}}]\n"
            )
            journey, values = read(source), Values(Draw(7, "j", date(2026, 11, 21)))
            tamper = FaultInjection(injector, lambda: stakes(journey, values)) if injector else None
            async with stage(
                self.browser, replace(SETTING, bounds=bounds), port=self.port, tamper=tamper
            ) as on:
                patience = Patience(LONG, 1 if injector else LONG, stop_early=True)
                (evidence,) = await performed(
                    RunId("j"), journey, on, values=values, patience=patience, seconds=5 * LONG
                )
            return replace(evidence, fault=tamper.facts if tamper else None)

        return self.run(perform())


SETTING = Setting(
    Identity.PLAIN, "app.localhost", "en-GB", "Asia/Tokyo", (1280, 800), bounds=PATIENT
)


@asynccontextmanager
async def _on_stage(chromium: str) -> Any:
    with served(Made()) as port:
        async with browsers(chromium, bounds=PATIENT) as opened:
            browser = await opened.of(Identity.PLAIN)
            async with stage(browser, SETTING, port=port) as on:
                yield browser, port, await on.person("")


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Viewer]:
    viewer = Viewer(chromium)
    yield viewer
    viewer.close()


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        # elements
        ("visible: {columnheader: Day}", "yes"),
        ("visible: {columnheader: Walk}", "yes"),
        ("visible: {columnheader: Places}", "yes"),
        ("visible: {columnheader: Plac}", "missing"),
        ("visible: {role: img, in: {columnheader: Day}}", "yes"),
        ("visible: {heading: Walks, level: 1}", "yes"),
        ("visible: {heading: Walks, level: 2}", "missing"),
        ("visible: {role: table, under: List}", "yes"),
        ("visible: {role: table, under: Guests}", "yes"),
        ("visible: {role: table, under: Book}", "missing"),
        ("visible: {role: table, under: Walks}", "ambiguous"),
        ("visible: {paragraph: Bring boots, under: List}", "yes"),
        ("visible: {paragraph: Bring boots, under: Guests}", "missing"),
        ("text: {definition: Guide, equals: Ada Holt}", "yes"),
        ("text: {definition: Guide, equals: '{{ guide }}'}", "yes"),
        ("text: {definition: Guide, equals: Bo}", "no"),
        ("text: {definition: Size, equals: '4'}", "ambiguous"),
        ("text: {definition: Colour, equals: '4'}", "missing"),
        ("visible: {summary: More filters}", "yes"),
        ("visible: {summary: filters}", "missing"),
        ("visible: {words: Show SQL}", "yes"),
        ("visible: {words: Show}", "missing"),
        ("value: {label: Search walks, equals: ''}", "yes"),
        # texts
        ("text: {role: status, starts_with: Booked for, not_contains: error}", "yes"),
        ("text: {role: status, starts_with: Booked for, not_contains: guests}", "no"),
        ("text: {role: status, starts_with: Book}", "no"),
        ("text: {role: status, ends_with: 'total €1,200.50'}", "yes"),
        ("text: {definition: Guide, one_of: [Bo Faber, Ada Holt]}", "yes"),
        ("text: {definition: Guide, one_of: [Bo Faber, Ada]}", "no"),
        ("text: {contains: All walks of this month, not_contains: Traceback}", "yes"),
        ("text: {not_contains: All walks of this month}", "no"),
        ("count: {listitem: Home, at_least: 1}", "yes"),
        ("count: {role: listitem, between: [2, 3]}", "yes"),
        ("count: {role: listitem, at_most: 1}", "no"),
        ("title: {starts_with: Walks}", "yes"),
        ("value: {label: Walk, equals: Seal watch}", "yes"),
        ("value: {label: Walk, equals: '2'}", "no"),
        ("value: {label: Size, at_least: 4}", "yes"),
        ("value: {label: Size, at_least: 5}", "no"),
        # tables
        ("column: {header: Day, equals: ['2026-12-01', '2026-12-09', '2026-12-30']}", "yes"),
        ("column: {header: Day, equals: ['2026-12-09', '2026-12-01', '2026-12-30']}", "no"),
        ("column: {header: Day, sorted: ascending}", "yes"),
        ("column: {header: Day, sorted: descending}", "no"),
        ("column: {header: Places, sorted: ascending}", "yes"),
        ("column: {header: Walk, includes: [Seal watch, Åland ferry]}", "yes"),
        ("column: {header: Walk, includes: Seal}", "no"),
        ("column: {header: Walk, includes: Secret}", "no"),
        ("column: {header: Walk, includes: Seal watch, excludes: None}", "yes"),
        ("column: {header: Walk, excludes: Seal watch}", "no"),
        ("column: {header: Note, each: ''}", "yes"),
        ("column: {header: Note, sorted: ascending}", "no"),
        ("column: {header: Walk, each: ''}", "no"),
        ("column: {header: Places, each: {at_least: '{{ size }}'}}", "yes"),
        ("column: {header: Places, each: {at_least: 5}}", "no"),
        ("column: {header: Name, each: {not_contains: x}}", "no"),
        ("column: {header: Name, in: {table: Guests}, equals: []}", "yes"),
        ("column: {header: Height, in: {grid: Tides}, equals: [1.2 m]}", "yes"),
        ("column: {header: Colour, includes: x}", "missing"),
        ("columns: {in: {role: table, under: List}, equals: [Day, Walk, Places, Note]}", "yes"),
        ("columns: {in: {role: table, under: List}, equals: [Walk, Day, Places, Note]}", "no"),
        ("columns: {in: {table: Guests}, excludes: Group}", "no"),
        ("columns: {includes: Name}", "ambiguous"),
        ("rows: {in: {role: table, under: List}, equals: 3}", "yes"),
        ("rows: {in: {role: table, under: List}, at_least: 4}", "no"),
        ("rows: {in: {table: Guests}, equals: 0}", "yes"),
        ("rows: {in: {table: Nobody}, equals: 0}", "missing"),
        ("row: {cells: {Walk: Seal watch, Places: {between: [10, 20]}}}", "yes"),
        ("row: {cells: {Walk: Mussel banks, Places: '12'}}", "no"),
        ("row: {cells: {Places: Seal watch}}", "no"),
        ("row: {cells: {Colour: Seal watch}}", "missing"),
        ("row: {cells: {Walk: Mussel banks}, at: 1}", "yes"),
        ("row: {cells: {Walk: Mussel banks}, at: 2}", "no"),
        ("row: {cells: [Åland ferry], in: {role: table, under: List}, at: last}", "yes"),
        ("row: {cells: [Seal watch, '12', ''], times: 1}", "yes"),
        # states
        ("state: {checkbox: I can swim, is: checked}", "yes"),
        ("state: {checkbox: I can swim, is: unchecked}", "no"),
        ("state: {checkbox: Vegan, is: [unchecked, enabled, optional]}", "yes"),
        ("state: {button: Book, is: disabled}", "yes"),
        ("state: {button: Filter, is: disabled}", "no"),
        ("state: {button: Filter, is: collapsed}", "yes"),
        ("state: {button: Filter, is: expanded}", "no"),
        ("state: {summary: More filters, is: collapsed}", "yes"),
        ("state: {button: Map, is: pressed}", "yes"),
        ("state: {button: Map, is: unpressed}", "no"),
        ("state: {label: Size, is: [required, invalid, editable]}", "yes"),
        ("state: {label: Size, is: valid}", "no"),
        ("state: {label: Search walks, is: readonly}", "yes"),
        # what a closed list hides cannot be seen
        ("state: {role: option, name: Seal watch, is: selected}", "missing"),
        ("state: {link: Walks, is: current}", "yes"),
        ("state: {link: Home, is: current}", "no"),
        ("state: {img: dot, is: loaded}", "yes"),
        ("state: {img: gone, is: loaded}", "no"),
        ("state: {img: nowhere, is: loaded}", "missing"),
        ("options: {label: Walk, equals: [Mussel banks, Seal watch]}", "yes"),
        ("options: {label: Walk, includes: Seal watch, excludes: Moon walk}", "yes"),
        ("options: {label: Walk, includes: Moon walk}", "no"),
        ("description: {label: Size, contains: 1 to 8}", "yes"),
        ("description: {button: Map, contains: 1 to 8}", "no"),
        # links, status, tree
        ("leads_to: {link: Walks, equals: /walks}", "yes"),
        ("leads_to: {link: Walks, equals: '/walks?q=low tide&page=2'}", "yes"),
        ("leads_to: {link: Walks, equals: '/walks?page=2'}", "no"),
        ("leads_to: {link: Walks, contains: page=2}", "yes"),
        ("leads_to: {link: Out, equals: /walks}", "no"),
        ("leads_to: {link: Out, equals: http://fixtures/walks}", "yes"),
        ("leads_to: {button: Map, equals: /}", "not-actionable"),
        ("status: 200", "yes"),
        ("status: {one_of: [404, 500]}", "no"),
        ("aria: {in: {navigation: Main}, has: [{list: [listitem: [link \"Home\"], listitem: [link \"Walks\"]]}]}", "yes"),
        ("aria: {has: [{list: [listitem: [link \"Walks\"], listitem: [link \"Home\"]]}]}", "no"),
        ("aria: {has: ['heading \"Book\" [level=2]', 'checkbox \"I can swim\" [checked]']}", "yes"),
        ("aria: {has: ['checkbox \"I can swim\" [checked=false]']}", "no"),
        ("aria: {has: [{status: 'Booked for {{ size }} guests, total €1,200.50'}]}", "yes"),
        ("aria: {has: [{status: 'Booked for 5 guests, total €1,200.50'}]}", "no"),
        ("aria: {in: {role: grid}, has: [{row: ['gridcell \"06:10\"', 'gridcell \"1.2 m\"']}]}", "yes"),
    ],
)  # fmt: skip
def test_a_look_holds_where_it_is_so_and_nowhere_else(page, look, expected) -> None:
    assert page.sees(look) == expected


def test_pages_that_are_no_html_are_read_and_a_status_is_that_of_the_page_that_is_shown(
    page,
) -> None:
    try:
        page.run(page.person.open("/walks.json", patience=LONG))
        assert [
            page.sees(f"text: '{words}'") for words in ("Seal watch", '"places": 12', "Moon")
        ] == ["yes", "yes", "no"]
        assert page.sees("status: 200") == "yes"
        page.run(page.person.open("/plain", patience=LONG))
        assert [
            page.sees(look) for look in ("text: 'no such walk: 7'", "status: 404", "status: 200")
        ] == ["yes", "yes", "no"]
        page.run(page.person.back(patience=LONG))
        assert [page.sees(look) for look in ("status: 200", "status: 404")] == ["yes", "no"]
    finally:
        page.run(page.person.open("/", patience=LONG))
        page.run(page.person.page.wait_for_load_state("load"))


@pytest.mark.parametrize(
    ("look", "injector"),
    [
        ("column: {header: Day, sorted: ascending}", FaultInjector.DROP_ROW),
        ("row: {cells: {Walk: Mussel banks}, at: 1}", FaultInjector.DROP_ROW),
        ("status: 200", FaultInjector.ERROR_500),
        ("leads_to: {link: Out, equals: http://fixtures/walks}", FaultInjector.SWAP_TEXT),
        ("options: {label: Walk, includes: Seal watch}", FaultInjector.SWAP_TEXT),
        ("visible: {img: dot}", FaultInjector.SWAP_TEXT),
        ("aria: {has: [{row: [{cell: Åland ferry}]}]}", FaultInjector.DROP_ROW),
    ],
)
def test_what_a_look_reads_a_fault_can_break_and_the_look_notices(page, look, injector) -> None:
    assert result(page.performs(look)) is Result.PASSED
    evidence = page.performs(look, injector=injector)
    assert evidence.fault.touched
    assert caught(evidence)


@pytest.mark.parametrize(
    ("look", "injector"),
    [
        ("rows: {in: {role: table, under: List}, at_least: 1}", FaultInjector.DROP_ROW),
        ("count: {role: listitem, at_least: 1}", FaultInjector.DROP_ROW),
        ("text: {role: status, starts_with: Booked, not_contains: error}", FaultInjector.STALE),
    ],
)
def test_where_no_text_is_at_stake_nobody_is_blamed(page, look, injector) -> None:
    assert not page.performs(look, injector=injector).fault.touched


def test_another_host_is_asked_in_vain_and_reported(page) -> None:
    fonts = '<link rel=stylesheet href="http://fonts.example.org/a.css">'
    evidence = page.performs("status: 200", never="other_host: fonts.example.org")
    assert (evidence.breaches, result(evidence)) == ((), Result.PASSED)
    Made.head = fonts
    try:
        for rule in ("other_host: fonts.example.org", "other_host: any"):
            evidence = page.performs("status: 200", never=rule)
            assert [breach.kind for breach in evidence.breaches] == ["other_host"]
        assert (
            page.performs("status: 200", never="request: /dot.*").breaches[0].observed == "/dot.png"
        )
    finally:
        Made.head = ""


def test_what_a_page_asks_for_when_all_looks_hold_already_is_heard(page) -> None:
    """A tracker that waits for a slow answer, and is waited for: a run is not over while a page is
    owed an answer."""
    Made.head = """<script>setTimeout(() => {
        fetch('/late.png').then(() => { new Image().src = 'http://fonts.example.org/track' }); document.body.append('Boarded');
    }, 700)</script>"""
    try:
        evidence = page.performs(
            "text: Boarded", never="other_host: any", bounds=replace(PATIENT, quiet_seconds=LONG)
        )
    finally:
        Made.head = ""
    assert [breach.observed for breach in evidence.breaches] == ["http://fonts.example.org/track"]


def test_looks_in_a_row_are_looks_at_one_moment_and_any_other_reading_begins_the_next(page) -> None:
    async def read_thrice() -> list[bool]:
        first = await page.person.tree(None)
        again = await page.person.tree(None)
        await page.person.title()
        return [again is first, await page.person.tree(None) is first]

    assert page.run(read_thrice())[1] is False
    assert any(
        page.run(read_thrice())[0] for _ in range(20)
    )  # on a machine so busy that 25 ms pass in between, it is read anew
