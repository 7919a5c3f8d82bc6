"""People at the pages that show why and what was seen: what changed is outlined, nothing keeps
anybody out, and none of it needs a script."""

import base64
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import sync_playwright

from harness.factory.reporting.trust_page import html as shown_trust
from harness.factory.reporting.trust_report import trust_report
from tests.factory.trust.recorded import random_ledger
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger
from tests.validators_launcher.shown import PAGE
from validators.evidence.page import html

TESTS = Path(__file__).parents[2]
AXE = (TESTS / "forge" / "pages" / "axe" / "axe.min.js").read_text()
SECONDS = 120_000
Scheme = Literal["light", "dark"]
Open = Callable[..., Tab]
PUBLIC = replace(
    PAGE,
    sealed=False,
    comparisons=tuple(replace(pair, words="") for pair in PAGE.comparisons),
    runs=(),
    calls=(),
    terminals=(),
)
CUT = "[...document.querySelectorAll('.scroll')].some((one) => one.scrollWidth > one.clientWidth)"


def trust_page() -> str:
    """The page of `factory trust`, after sixty issues."""
    ledger = FakeLedger(clock := FakeClock())
    random_ledger(ledger, clock, seed=3, issues=60)
    return shown_trust(trust_report(ledger.entries(), now=clock.now()))


PAGES = {
    "trust": trust_page,
    "sealed": lambda: html(PAGE),
    "public": lambda: html(PUBLIC),
    "chain": lambda: (TESTS / "golden" / "why.html").read_text(),
}
SQUARE = "<body style='margin:0;background:#fff'><p style='font:40px serif'>Tidebook</p>{}"
NEW = (
    "<i style='position:absolute;left:300px;top:200px;width:60px;height:40px;background:#333'></i>"
)
# The pixels of a colour in a picture: left, top, right and bottom of where they are, in pixels.
WHERE = """async ([picture, wanted]) => {
  const image = new Image();
  image.src = picture;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const {data} = pen.getImageData(0, 0, image.width, image.height), xs = [], ys = [];
  for (let i = 0; i < data.length; i += 4)
    if (wanted.every((value, part) => Math.abs(value - data[i + part]) < 12))
      xs.push(i / 4 % image.width), ys.push(Math.floor(i / 4 / image.width));
  return xs.length ? [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)] : [];
}"""
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
PINK = [0xD6, 0x33, 0x6C]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Opens a page from disk, with two pictures that differ in one place."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"),
            args=["--no-sandbox"],
            timeout=SECONDS,
        )
        camera = browser.new_page(viewport={"width": 800, "height": 500})
        folder = tmp_path_factory.mktemp("pages")
        for name, more in (("before", ""), ("after", NEW), ("end", NEW)):
            camera.set_content(SQUARE.format(more))
            camera.evaluate(DRAWN)
            camera.screenshot(path=folder / f"{name}.png")
        camera.screenshot(path=folder / "step-01.jpg")
        for name, drawn in PAGES.items():
            (folder / f"{name}.html").write_text(drawn())

        def open_tab(
            name: str, *, width: int = 1280, scheme: Scheme = "light", script: bool = True
        ) -> Tab:
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,
                java_script_enabled=script,
                reduced_motion="reduce",
            )
            tab = context.new_page()
            tab.set_default_timeout(SECONDS)
            tab.goto(f"file://{folder}/{name}.html")
            return tab

        yield open_tab
        browser.close()


def where(tab: Tab, picture: bytes) -> list[int]:
    """Where the outline is in a picture."""
    address = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    helper = tab.context.browser
    assert helper is not None
    blank = helper.new_page()
    found: list[int] = blank.evaluate(WHERE, [address, PINK])
    blank.close()
    return found


@pytest.mark.parametrize("script", [True, False])
def test_what_changed_is_outlined_and_nothing_else_is(opened: Open, script: bool) -> None:
    tab = opened("public", script=script)
    before, after = tab.locator(".pair").first.locator(".shot").all()
    # In full size the picture's own pixels are those of the page.
    tab.get_by_text("Full size").first.click()
    left, top, right, bottom = where(tab, after.screenshot())
    assert (left, top, right, bottom) == pytest.approx((293, 193, 367, 247), abs=4)
    assert where(tab, before.screenshot()) == []
    tab.get_by_text("Outline what changed").click()
    assert where(tab, after.screenshot()) == []
    tab.context.close()


def test_without_a_script_no_slider_is_offered_that_could_not_slide(opened: Open) -> None:
    for script in (True, False):
        tab = opened("public", script=script)
        tab.get_by_text("One over the other").click()
        assert tab.locator(".slide").is_visible() is script
        tab.context.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (390, "dark"),
        *(
            pytest.param(width, scheme, marks=pytest.mark.soak("the same in another window"))
            for width, scheme in (
                (390, "light"),
                (768, "light"),
                (768, "dark"),
                (1280, "light"),
                (1280, "dark"),
            )
        ),
    ],
)
def test_nothing_keeps_people_out(opened: Open, name: str, width: int, scheme: Scheme) -> None:
    tab = opened(name, width=width, scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for view in ("side", "over", "full"):
        if name in ("sealed", "public"):
            tab.locator(f"[for={view}-1]").click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, view
    is_cut = name == "trust" and tab.evaluate(CUT)
    assert not is_cut, "a table hides its last column on a phone"
    tab.evaluate(AXE)
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert {one["id"]: [node["html"][:160] for node in one["nodes"][:3]] for one in found} == {}
    tab.context.close()


BROKEN = """() => {
  const broken = [];
  for (const heading of document.querySelectorAll("h1, h2, h3")) {
    const texts = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      for (const word of text.data.matchAll(/\\b[A-Za-z]{1,24}\\b/g)) {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        if (range.getClientRects().length > 1) broken.push(word[0]);
      }
    }
  }
  return broken;
}"""


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_it_is_dark_on_light_whatever_the_screen_is(opened: Open, name: str) -> None:
    tab = opened(name, scheme="dark")
    tab.emulate_media(media="print", color_scheme="dark")
    style = "getComputedStyle(document.documentElement)"
    ink, paper = (
        max(map(int, re.findall(r"\d+", tab.evaluate(f"{style}.{of}"))[:3]))
        for of in ("color", "backgroundColor")
    )
    assert ink < 80 < 230 < paper
    tab.context.close()


def test_no_word_of_a_heading_is_broken_in_two(opened: Open) -> None:
    tab = opened("public", width=740)
    assert tab.evaluate(BROKEN) == []
    tab.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_everything_is_reached_by_tab_and_shows_that_it_has_the_focus(
    opened: Open, name: str
) -> None:
    tab = opened(name)
    count = tab.evaluate(
        """() => {
          window.all = [...document.querySelectorAll("a[href], input, summary, [tabindex]")]
            .filter((one) => one.checkVisibility() && (one.type !== "radio" || one.checked));
          return all.length;
        }"""
    )
    reached = set()
    for _ in range(count + 3):
        tab.keyboard.press("Tab")
        place, outline = tab.evaluate(
            """() => {
              const one = document.activeElement, shown = one.matches(".views input")
                ? one.nextElementSibling : one;
              return [all.indexOf(one), getComputedStyle(shown).outlineStyle];
            }"""
        )
        reached.add(place)
        assert outline != "none" or place < 0, tab.evaluate("document.activeElement.outerHTML")
    assert set(range(count)) <= reached
    tab.context.close()
