"""The evidence page: what strangers wrote stays text, nothing is fetched, it fits a phone, nothing
sealed gets out."""

import json
import re
import shutil
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.validators_launcher import seaside
from tests.validators_launcher.shown import HOSTILE, PAGE
from validators.domain.errors import ValidatorsError
from validators.domain.evidence import (
    Breach,
    ExpectationOutcome,
    FaultFacts,
    FaultInjector,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
    Trouble,
)
from validators.evidence.page import (
    Run,
    html,
)
from validators.judging.pages import further_checks
from validators.judging.promise import promise_words, public_reason
from validators.judging.publish import refuse_leaks
from validators.judging.runs import ending, shown_runs
from validators.language.reader import read

# Not of a page: a busy browser may not have drawn one yet.
PICTURE = "Object.assign(document.createElement('canvas'), {width: 1280, height: 720}).toDataURL()"
PALE = """() => {
  const rgba = text => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return {r, g, b, a};
  };
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ({r, g, b}) => [r, g, b].map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c.a === 1) return c;
    }
  };
  return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => e.checkVisibility() && e.tagName !== 'SCRIPT')
    .filter(e => {
      const both = [light(rgba(getComputedStyle(e).color)), light(behind(e))];
      const [a, b] = both.sort((x, y) => y - x);
      return (a + .05) / (b + .05) < 4.5;
    }).map(e => e.outerHTML.slice(0, 80));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"),
            args=["--no-sandbox"],
            timeout=300_000,
        )


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_runs_nobody_elses_script_and_fetches_nothing(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    picture = b64decode(browser.new_page().evaluate(PICTURE).rpartition(",")[2])
    for name in ("before.png", "after.png", "end.png", "step-01.jpg"):
        (tmp_path / name).write_bytes(picture)
    (tmp_path / "index.html").write_text(html(PAGE))
    page = browser.new_page(viewport={"width": width, "height": 900})
    heard, asked = list[str](), list[str]()
    page.on("console", lambda message: heard.append(message.text))
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
    page.goto(f"file://{tmp_path}/index.html")
    page.locator(".frame img").scroll_into_view_if_needed()
    for summary in page.locator("summary").all():
        summary.press("Enter")
    page.wait_for_function(
        "[...document.images].every(image => image.complete && image.naturalWidth > 0)",
        timeout=60_000,
    )
    assert (heard, sorted(set(asked))) == (
        [],
        ["after.png", "before.png", "end.png", "index.html", "step-01.jpg"],
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert HOSTILE[:60] in page.inner_text("h1")
    page.get_by_text("One over the other").click()
    page.locator(".slide").focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    assert (
        page.evaluate("getComputedStyle(document.querySelectorAll('.pair .shot')[1]).clipPath")
        == "inset(0px 0px 0px 20%)"
    )
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read_in_light_and_in_dark(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    """The contrast of every piece of text with what lies behind it, as WCAG 2.2 computes it."""
    (tmp_path / "index.html").write_text(html(PAGE))
    page = browser.new_context(color_scheme="dark" if scheme == "dark" else "light").new_page()
    page.goto(f"file://{tmp_path}/index.html")
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert page.evaluate(PALE) == []
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "light dark"
    page.context.close()


def test_on_paper_both_pictures_are_whole(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(html(PAGE))
    page = browser.new_page()
    page.goto(f"file://{tmp_path}/index.html")
    page.get_by_text("One over the other").click()
    page.emulate_media(media="print")
    clips = "[...document.querySelectorAll('.pair .shot')].map(image => getComputedStyle(image).clipPath)"
    assert page.evaluate(clips) == ["none", "none", "none"]
    page.close()


@pytest.mark.parametrize("kept", ["runs", "calls", "terminals", "comparisons"])
def test_a_public_page_cannot_show_runs(kept: str) -> None:
    bare = tuple(replace(pair, words="") for pair in PAGE.comparisons)
    public = replace(PAGE, sealed=False, runs=(), calls=(), terminals=(), comparisons=bare)
    with pytest.raises(ValueError, match="may not show runs"):
        html(replace(public, **{kept: getattr(PAGE, kept)}))
    shown = html(public)
    assert not any(title in shown for title in ("Every run", "Requests and answers", "printed"))


def test_a_page_names_no_address_of_the_network() -> None:
    assert re.findall(r"(?:https?:)?//[a-z]", html(replace(PAGE, title="t"))) == []


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        ("Booked for 7 by somebody", False),
        ("a canary: 00112233445566778899aabbccddeeff", True),
        ("it expects Booked for the whole family", True),
    ],
)
def test_words_of_a_journey_do_not_leave(text: str, leak: bool) -> None:
    long = seaside.JOURNEY.replace("Booked for 9", "Booked for the whole family")
    journey = read(f"{long}canary: 00112233445566778899aabbccddeeff\n")

    def refuse(known: tuple[str, ...]) -> None:
        refuse_leaks(
            [text], journeys=[journey], known=known, canaries=["00112233445566778899aabbccddeeff"]
        )

    if not leak:
        return refuse(())
    with pytest.raises(ValidatorsError, match="words of a sealed journey"):
        refuse(())
    if "family" in text:
        refuse(("The issue says: Booked for the whole family.",))
    return None


def test_promises_are_shown_in_the_words_under_their_heading() -> None:
    mission = (
        "# M\n\n## Booking {#M-BOOK}\nFirst line,\nsecond line.\n\nMore.\n```yaml scope\nid:"
        " M-BOOK\n```\n## Bare {#M-BARE}\n"
    )
    assert promise_words({"mission.md": mission}, "the title") == {
        "M-BOOK": "First line, second line.",
        "M-BARE": "Bare",
        "issue": "the title",
    }


GUARDS = {
    "own": 1,
    "standing": 12,
    "performed": 10,
    "left_out": 2,
    "broken_on_base": 1,
    "promises": 4,
}
EXPLORED = {"personas": 3, "replayed": 3, "failed": 1, "satisfied": 2, "proves": 0.2077}


def test_further_checks_are_shown_where_there_were_some() -> None:
    assert (
        list(further_checks({"regression": {**GUARDS, "standing": 0}}))
        == list(further_checks({}))
        == []
    )
    suite, explored = further_checks({"regression": GUARDS, "exploration": EXPLORED})
    assert (suite.state, explored.state, explored.tone) == (
        "10 of 12 performed",
        "2 of 3 satisfied",
        "no",
    )
    assert "4 promises" in suite.explanation
    assert "2 were left out by the limit" in suite.explanation
    assert "1 fail on the code before the change as well" in suite.explanation
    assert "at least 21% would be" in explored.explanation
    (alone,) = further_checks({"regression": {**GUARDS, "own": 0}})
    assert "these alone judge it" in alone.explanation


def test_a_reason_leaves_without_the_name_of_a_journey() -> None:
    assert (
        public_reason("journey 'book-a-walk' is flaky: a retry disagreed")
        == "a sealed journey is flaky: a retry disagreed"
    )


JOURNEY = read(f"{seaside.JOURNEY}canary: 00112233445566778899aabbccddeeff\n")
AT = "runs/book-a-large-group/journey-plain-1"
EVIDENCE = RunEvidence(
    RunId(JOURNEY.name),
    app_ready=True,
    complete=True,
    steps=(
        StepOutcome(0, 4, "open", passed=True, millis=120),
        StepOutcome(1, 5, "fill", passed=False, trouble=Trouble.MISSING),
    ),
    expectations=(
        ExpectationOutcome(
            0, 9, "text", "here", passed=True, expected="equals '6'", observed="6", millis=10
        ),
        ExpectationOutcome(1, 10, "row", "here", passed=True),
        ExpectationOutcome(
            2,
            12,
            "row",
            "after_reload",
            passed=False,
            expected="a row",
            observed="none",
            millis=400,
        ),
    ),
    breaches=(Breach("http_status", 17, "500 /book"),),
    files=tuple(
        f"{AT}/{name}"
        for name in ("console.json", "look-01.jpg", "network.json", "step-01.jpg", "trace.zip")
    ),
)
REQUEST = {
    "method": "POST",
    "path": "/book",
    "status": 500,
    "type": "",
    "bytes": 7,
    "millis": 3,
    "refused": "",
    "broken": "",
}


def shown(folder: Path, **files: object) -> Run:
    (folder / AT).mkdir(parents=True)
    for name, content in {"console": [], "network": [], **files}.items():
        (folder / AT / f"{name}.json").write_text(
            content if isinstance(content, str) else json.dumps(content)
        )
    (run,) = shown_runs((EVIDENCE,), journeys={JOURNEY.name: JOURNEY}, evidence=folder)
    return run


def test_a_filmstrip_tells_each_step_in_its_authors_words_beside_its_picture(
    tmp_path: Path,
) -> None:
    frames = [
        (frame.name, frame.what, frame.state, frame.picture.rsplit("/", 1)[-1])
        for frame in shown(tmp_path).frames
    ]
    assert frames == [
        ("1", "open: /", "done", "step-01.jpg"),
        ("2", 'fill: {label: Name, value: "{{ any.name }}"}', "missing", ""),
        ("Look", "on the page", "2 of 2 held", "look-01.jpg"),
        ("Look", "after reloading", "0 of 1 held", ""),
    ]


def test_a_step_of_several_lines_is_told_whole(tmp_path: Path) -> None:
    call = "  - call:\n      POST: /bookings\n      json:\n        name: Ada\n  - open: /\n"
    first, _, last = seaside.JOURNEY.partition("  - open: /\n")
    steps = (StepOutcome(0, first.count("\n") + 1, "call", passed=True),)
    runs = (replace(EVIDENCE, steps=steps),)
    journeys = {JOURNEY.name: replace(JOURNEY, source=f"{first}{call}{last}")}
    (run,) = shown_runs(runs, journeys=journeys, evidence=tmp_path)
    assert run.frames[0].what == "call: POST: /bookings json: name: Ada"


@pytest.mark.parametrize(
    ("kind", "where"),
    [("row", "on the page"), ("answer", "in the answer"), ("output", "after the command")],
)
def test_a_look_at_a_call_or_a_command_is_not_said_to_be_at_a_page(
    tmp_path: Path, kind: str, where: str
) -> None:
    look = ExpectationOutcome(0, 9, kind, "here", passed=True)
    (run,) = shown_runs((replace(EVIDENCE, expectations=(look,)),), journeys={}, evidence=tmp_path)
    assert (run.looks[0].vantage, run.frames[-1].what) == (where, where)


@pytest.mark.parametrize(
    ("injector", "touched", "shown"),
    [
        (FaultInjector.STALE, True, ("unnoticed", "no")),
        (FaultInjector.STALE, False, ("not counted", "")),
        (FaultInjector.FROZEN, False, ("unnoticed", "unsure")),
    ],
)
def test_a_fault_that_need_not_be_noticed_is_not_shown_as_one_that_was_missed(
    injector: FaultInjector, touched: bool, shown: tuple[str, str]
) -> None:
    run = RunId(JOURNEY.name, kind=RunKind.FAULT_INJECTION, injector=injector)
    done = tuple(replace(step, passed=True, trouble=None) for step in EVIDENCE.steps)
    faulty = replace(EVIDENCE, run=run, steps=done, expectations=EVIDENCE.expectations[:2])
    found = replace(faulty, fault=FaultFacts(changed=1, touched=touched, reached=False))
    assert ending(found)[:2] == shown


def test_a_run_shows_what_was_looked_for_seen_said_and_asked(tmp_path: Path) -> None:
    run = shown(
        tmp_path,
        console=[["error", "boom"]],
        network=[REQUEST, {**REQUEST, "status": None, "refused": "other.example"}],
    )
    assert [(look.expected, look.observed, look.state) for look in run.looks][::2] == [
        ("equals '6'", "6", "held"),
        ("a row", "none", "did not hold"),
    ]
    assert (run.console, run.messages) == (("error boom",), ("never http_status: 500 /book",))
    assert [(one.method, one.path, one.status, one.good) for one in run.network] == [
        ("POST", "/book", "500", False),
        ("POST", "/book", "refused", False),
    ]
    assert run.trace == f"evidence/{AT}/trace.zip"


@pytest.mark.parametrize("content", ["", "{}", "[" * 5000, "\udcff", '[1], "other": [2]'])
def test_a_file_of_another_shape_is_named_and_shown_no_further(
    tmp_path: Path, content: str
) -> None:
    run = shown(tmp_path, network=content.encode("utf-8", "surrogateescape").decode("latin-1"))
    assert run.network == ()
    assert "network.json cannot be read" in run.messages


def test_a_long_list_is_cut_and_marked(tmp_path: Path) -> None:
    run = shown(tmp_path, network=[REQUEST] * 100)
    assert (len(run.network), run.messages[-1]) == (60, "40 more in network.json")
