"""What an act sets off is waited for, what is looked at is one moment of one page, and what is
outstanding is no answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from time import sleep
from typing import Any

import pytest

from tests.validators.apps import HANGING, App
from tests.validators.house import PATIENCE, PLAIN, House
from tests.validators.patience import VAIN
from validators.browser.stage import BrowserStage
from validators.domain.bounds import Bounds
from validators.domain.evidence import RunEvidence, RunId, Trouble
from validators.domain.journeys.values import Draw, Values
from validators.domain.run_result import Result, result
from validators.language.reader import read
from validators.performance.journey_run import Patience, performed

LATER = 400  # milliseconds after an act
AMPLE = replace(
    PLAIN.bounds, quiet_seconds=6.0
)  # a timer that an act armed is waited for as long as a busy machine needs


class Leads(App):
    """Its page has this body; what it leads to is an error. What hangs never answers."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.body = body

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        if path == "/hangs":
            sleep(HANGING)
        page = (
            f"<!doctype html><title>First</title>{self.body}"
            if path == "/"
            else "<title>Oh</title>"
        )
        return (
            "200 OK" if path == "/" else "500 No",
            [("Content-Type", "text/html; charset=utf-8")],
            page.encode(),
        )


GO = f"const go = () => setTimeout(() => location = '/boom', {LATER})"
BY_LINK = f"<script>{GO}</script><a href=# onclick='go(); return false'>Walk</a>"
BY_SUBMIT = f"""<form action=/boom><input aria-label=Walk autofocus></form><script>document.forms[0].onsubmit = e => {{
e.preventDefault(); setTimeout(() => e.target.submit(), {LATER}) }}</script>"""
BY_OPTION = (
    f"<script>{GO}</script><select aria-label=Walk"
    " onchange='go()'><option>Dawn<option>Dusk</select>"
)
BY_FETCH = f"<button onclick=\"setTimeout(() => fetch('/boom'), {LATER})\">Walk</button>"
BY_TIMERS = (
    '<button onclick="let n = 4; (f => f(f))(f => n-- ? setTimeout(f, 90, f) :'
    " fetch('/boom'))\">Walk</button>"
)
ACTS = {
    "bare enter": ("<form action=/boom><input aria-label=Walk autofocus></form>", "press: Enter"),
    "bare enter, later": (BY_SUBMIT, "press: Enter"),
    "link": (BY_LINK, "click: {link: Walk}"),
    "option": (BY_OPTION, "select: {label: Walk, option: Dusk}"),
    "fetch": (BY_FETCH, "click: {button: Walk}"),
    "one timer after the other": (BY_TIMERS, "click: {button: Walk}"),
}


def played(
    house: House, app: App, source: str, *, look: float = PATIENCE, bounds: Bounds = AMPLE
) -> RunEvidence:
    """What a journey came to that opens the first page."""

    async def play(on: BrowserStage) -> RunEvidence:
        text = f"journey: j\npromise: issue\nsteps:\n  - open: /\n{source}"
        values, patience = (
            Values(Draw(7, "j", date(2026, 11, 21))),
            Patience(bounds.step_seconds, look),
        )
        return (
            await performed(
                RunId("j"), read(text), on, values=values, patience=patience, seconds=5 * PATIENCE
            )
        )[0]

    evidence: RunEvidence = house.on_stage(app, play, bounds=bounds)
    return evidence


@pytest.mark.parametrize("act", ACTS)
def test_what_an_act_leads_to_by_and_by_is_seen_before_anybody_looks(
    house: House, act: str
) -> None:
    """A link that led to an error after 400 ms was proved, with a `never` that forbids errors and a
    look at the page before."""
    body, step = ACTS[act]
    evidence = played(
        house,
        Leads(body),
        f"  - {step}\nexpect:\n  - title: First\nnever: [{{http_status: '>=500'}}]\n",
        look=1,
    )
    assert [(breach.kind, breach.observed.split("?")[0]) for breach in evidence.breaches] == [
        ("http_status", "500 /boom")
    ]
    stays = "fetch(" in body
    assert [look.passed for look in evidence.expectations] == [stays]


ONLOAD = f"<h1>Walks</h1><script>setTimeout(() => location = '/boom', {LATER})</script>"


def test_what_a_page_leads_to_by_itself_is_seen_before_the_end(house: House) -> None:
    evidence = played(
        house,
        Leads(ONLOAD),
        "expect:\n  - visible: {heading: Walks}\nnever: [{http_status: '>=500'}]\n",
    )
    assert [breach.observed for breach in evidence.breaches] == ["500 /boom"]


FLIPS = "<p id=o>ebb</p><script>setInterval(() => { %s }, 5)</script>"
HEADS = "expect:\n  - visible: {heading: ebb}\n  - visible: {heading: flow}\n"
BOTH = "expect:\n  - text: {contains: ebb}\n  - text: {contains: flow}\n"
SHADOW = """<div id=s></div><script>const root = s.attachShadow({mode: 'open'}); root.innerHTML = '<h1>ebb</h1>';
setInterval(() => { const h = root.firstChild; h.textContent = h.textContent == 'ebb' ? 'flow' : 'ebb' }, 5)</script>"""


@pytest.mark.parametrize(
    "body",
    [
        FLIPS % "o.textContent = o.textContent == 'ebb' ? 'flow' : 'ebb'",
        FLIPS % "o.firstChild.data = o.firstChild.data == 'ebb' ? 'flow' : 'ebb'",
        "<p>flow</p>" + FLIPS % "o.hidden = !o.hidden; o.previousElementSibling.hidden = !o.hidden",
        "<p class=gone>flow</p><style>.gone { display: none }</style>"
        + FLIPS % "for (const p of document.querySelectorAll('p')) p.classList.toggle('gone')",
        SHADOW,
    ],
)
def test_two_facts_that_are_never_true_together_do_not_both_hold(house: House, body: str) -> None:
    evidence = played(house, Leads(body), HEADS if body is SHADOW else BOTH, look=2)
    assert result(evidence) is not Result.PASSED


MOVES = (
    "requestAnimationFrame(function on(t) { b.style.width = t % 100 + 'px';"
    " requestAnimationFrame(on) })"
)
SPINS = (
    "<style>@keyframes on { to { rotate: 1turn } } i { display: block; animation: on 1s infinite"
    " }</style><i>x</i>"
)


@pytest.mark.parametrize(
    "more",
    [f"<b id=b></b><script>{MOVES}</script>", SPINS, "<script>setInterval(() => 0, 20)</script>"],
)
def test_a_page_that_moves_and_shows_nothing_else_holds_and_fails_as_any(
    house: House, more: str
) -> None:
    app = Leads("<p>ebb</p><p>flow</p>" + more)
    assert result(played(house, app, BOTH)) is Result.PASSED
    evidence = played(house, app, BOTH.replace("flow", "storm"), look=1)
    assert (result(evidence), [look.trouble for look in evidence.expectations]) == (
        Result.FAILED,
        [None, None],
    )


HANGS = "<a href=/hangs>Walk</a><button onclick=\"fetch('/hangs')\">Ask</button>"
HASTY = Bounds(start_seconds=PATIENCE, step_seconds=VAIN, read_seconds=PATIENCE, quiet_seconds=0.5)


@pytest.mark.parametrize(
    "source",
    [
        "  - click: {link: Walk}\nexpect:\n  - title: Second\n",
        "  - click: {button: Ask}\nexpect:\n  - visible: {heading: Walks}\n",
        "  - click: {button: Ask}\n  - click: {button: Book}\nexpect:\n  - title: First\n",
        "expect:\n  - other_session: {open: /hangs, expect: [{title: Second}]}\n",
    ],
)
def test_what_is_outstanding_when_the_bound_runs_out_proves_nothing(
    house: House, source: str
) -> None:
    evidence = played(house, Leads(HANGS), source, look=3, bounds=HASTY)
    assert result(evidence) is Result.INCONCLUSIVE
    parts = (*evidence.steps, *evidence.expectations)
    assert [part.trouble for part in parts if not part.passed] == [Trouble.TIMED_OUT]


POLLS = (
    "<script>const on = () => fetch('/hangs', {signal: AbortSignal.timeout(600)}).catch(on);"
    " on()</script>"
)


def test_what_a_page_keeps_open_always_is_nothing_that_is_waited_for(house: House) -> None:
    evidence = played(
        house,
        Leads(POLLS),
        "  - reload\nexpect:\n  - visible: {heading: Walks}\n",
        look=3,
        bounds=HASTY,
    )
    assert (result(evidence), evidence.expectations[0].trouble) == (Result.FAILED, Trouble.MISSING)
