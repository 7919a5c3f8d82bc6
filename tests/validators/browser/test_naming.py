"""Elements by what stands beside them, by where they lead and by their place among several; lists
and the parameters of addresses."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.validators.apps import App
from tests.validators.house import House
from validators.browser.session import BrowserSession
from validators.browser.stage import BrowserStage
from validators.domain.errors import Unable
from validators.domain.journeys.values import Draw, Values
from validators.language.reader import read
from validators.performance.looking import look_result

PAGE = """<h1>Walks</h1>
<div class=card><h3>Ada Holt</h3><p>at sea</p><div><button>Delete</button></div></div>
<div class=card><h3>Bo Ek</h3><p>Ada likes it</p><div><button>Delete</button></div></div>
<div>Group size <input id=g></div><div>Name <span><input id=n></span></div>
<ul aria-label=Walks><li>Mussel banks<ul><li>inner</li></ul></li><li><b>Seal</b> watch</li><li>Tide pools</li></ul>
<ol aria-label=Days><li>2</li><li>10</li></ol><ul aria-label=None></ul>
<nav><a href="/walks?page=2&tag=a&tag=b">Next</a> <a href="/walks?tag=b&page=3&tag=a">Next</a>
<a href="http://example.org/walks?page=2">Next</a> <a href=/caf%C3%A9>Café</a></nav>
<button>Off</button><button disabled>Off</button>"""


class Walks(App):
    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        return self.page(PAGE)


LOOKS = [
    ('count: {button: Delete, equals: 2}', "yes"),
    ('visible: {button: Delete}', "ambiguous"),
    ('visible: {button: Delete, beside: "Ada Holt"}', "yes"),
    ('visible: {button: Delete, beside: "Bo Ek"}', "yes"),
    ('count: {button: Delete, beside: "Ada", equals: 2}', "yes"),
    ('visible: {button: Delete, beside: "Walks"}', "missing"),
    ('visible: {button: Delete, beside: "Nobody"}', "missing"),
    ('visible: {role: textbox, beside: "Group size"}', "yes"),
    ('visible: {role: textbox, beside: "Name"}', "yes"),
    ('visible: {role: textbox, beside: "Walks"}', "missing"),
    ('visible: {button: Delete, at: first}', "yes"),
    ('visible: {button: Delete, at: 2}', "yes"),
    ('visible: {button: Delete, at: 3}', "missing"),
    ('state: {button: Off, at: last, is: disabled}', "yes"),
    ('state: {button: Off, at: first, is: disabled}', "no"),
    ('text: {role: heading, at: 3, equals: Bo Ek}', "yes"),
    ('visible: {link: Next, leads_to: "/walks?page=2&tag=a&tag=b"}', "yes"),
    ('visible: {link: Next, leads_to: "/walks?tag=a&tag=b&page=2"}', "yes"),
    ('visible: {link: Next, leads_to: "/walks?page=4"}', "missing"),
    ('count: {link: Next, leads_to: "/walks", equals: 2}', "yes"),
    ('visible: {role: link, leads_to: "http://example.org/walks"}', "yes"),
    ('visible: {role: link, leads_to: "/café"}', "yes"),
    ('items: {list: Walks, equals: ["Mussel banks inner", Seal watch, Tide pools]}', "yes"),
    ('items: {list: Walks, equals: ["Mussel banks inner", Tide pools, Seal watch]}', "no"),
    ('items: {list: Walks, equals: [Seal watch, Tide pools]}', "no"),
    ('items: {list: Walks, includes: Tide pools, excludes: Sand}', "yes"),
    ('items: {list: Days, sorted: ascending}', "yes"),
    ('items: {list: Days, sorted: descending}', "no"),
    ('items: {list: None, equals: []}', "missing"),
    ('items: {list: Nights, equals: [x]}', "missing"),
    ('parameter: {name: place, equals: Oslo}', "yes"),
    ('parameter: {name: place, equals: [Oslo]}', "yes"),
    ('parameter: {name: tag, equals: [a, b c]}', "yes"),
    ('parameter: {name: tag, equals: a}', "no"),
    ('parameter: {name: tag, includes: b c, count: 2}', "yes"),
    ('parameter: {name: tag, count: 3}', "no"),
    ('parameter: {name: none, count: 0}', "yes"),
    ('parameter: {of: {link: Next, at: 2}, name: tag, equals: [b, a]}', "yes"),
    ('parameter: {of: {link: Next, at: 2}, name: page, excludes: "2"}', "yes"),
]  # fmt: skip


@pytest.fixture(scope="module")
def found(house: House) -> dict[str, str]:
    """What each look comes to at one page, or its trouble."""

    async def play(on: BrowserStage) -> dict[str, str]:
        ada = await on.person("")
        await ada.open("/walks?place=Oslo&tag=a&tag=b+c", patience=60)
        return {look: await _seen(look, ada) for look, _ in LOOKS}

    return house.on_stage(Walks(), play)  # type: ignore[no-any-return]


async def _seen(look: str, ada: BrowserSession) -> str:
    source = f"journey: j\npromise: issue\nsteps: [{{open: /}}]\nexpect:\n  - {look}\n"
    (wanted,) = read(source).expect[0].looks
    try:
        result = await look_result(wanted, ada, Values(Draw(7, "j", date(2026, 11, 21))))
    except Unable as unable:
        return str(unable.trouble)
    return result.trouble or ("yes" if result.holds else "no")


@pytest.mark.parametrize(("look", "comes_to"), LOOKS)
def test_what_a_look_comes_to(look, comes_to, found) -> None:
    assert found[look] == comes_to
