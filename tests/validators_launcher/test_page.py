"""The evidence page: what strangers wrote stays text, nothing is fetched, it fits a phone, nothing sealed gets out."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.validators_launcher import seaside
from validators.domain.errors import ValidatorsError
from validators.evidence.page import Bound, Comparison, Control, Figure, Page, Phase, Promise, Run, Shot, html
from validators.language.reader import read
from validators.launcher.publish import refuse_leaks
from validators.launcher.words import promise_words, public_reason

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}\"'" + "x" * 300
HASH = "sha256:" + "0123456789abcdef" * 4
RUN = Run(HOSTILE, HOSTILE, "red", "yes", 1.2, HOSTILE, (HOSTILE, HOSTILE), ())
PAGE = Page(
    sealed=True,
    repository="seaside",
    issue=2,
    title=HOSTILE,
    kind="bug",
    outcome="failed",
    reason=HOSTILE,
    figures=(Figure("Journeys passed", "0 of 1", good=False),),
    comparisons=(Comparison(Shot("Before", "a" * 40, "before.png"), Shot("After", "b" * 40, "after.png")),),
    promises=(Promise("M-BOOK", HOSTILE, "broken", "no", HOSTILE),),
    controls=(Control("Twins", "1 of 1 failed", "yes", "Words."),),
    bound=(Bound("Base", "a" * 40), Bound("Journeys", HASH)),
    box_form="bwrap-root",
    unheld=("disk: watched",),
    signer="same-account",
    key_id="a" * 64,
    merkle_root=HASH,
    files=3,
    seed=1,
    commitment=HASH,
    run="run-1",
    round=1,
    began="2026-01-02T03:04:05Z",
    ended="2026-01-02T03:04:09Z",
    phases=(Phase("Browser", 4.0, 0, 100),),
    runs=(RUN,),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=shutil.which("chromium-headless-shell"), args=["--no-sandbox"])


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_runs_nobody_elses_script_and_fetches_nothing(browser: Browser, tmp_path: Path, width: int) -> None:
    picture = browser.new_page().screenshot()
    for name in ("before.png", "after.png"):
        (tmp_path / name).write_bytes(picture)
    (tmp_path / "index.html").write_text(html(PAGE))
    page = browser.new_page(viewport={"width": width, "height": 900})
    heard, asked = list[str](), list[str]()
    page.on("console", lambda message: heard.append(message.text))
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
    page.goto(f"file://{tmp_path}/index.html")
    assert (heard, sorted(set(asked))) == ([], ["after.png", "before.png", "index.html"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    assert HOSTILE[:60] in page.inner_text("h1")
    page.get_by_text("One over the other").click()
    page.locator(".slide").fill("20")
    assert page.evaluate("getComputedStyle(document.querySelectorAll('.pair img')[1]).clipPath") == "inset(0px 0px 0px 20%)"
    page.close()


def test_a_public_page_cannot_show_runs() -> None:
    with pytest.raises(ValueError, match="may not show runs"):
        html(replace(PAGE, sealed=False))
    assert "Every run" not in html(replace(PAGE, sealed=False, runs=()))


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
        refuse_leaks([text], journeys=[journey], known=known, canaries=["00112233445566778899aabbccddeeff"])

    if not leak:
        return refuse(())
    with pytest.raises(ValidatorsError, match="words of a sealed journey"):
        refuse(())
    if "family" in text:
        refuse(("The issue says: Booked for the whole family.",))
    return None


def test_promises_are_told_in_the_words_under_their_heading() -> None:
    mission = (
        "# M\n\n## Booking {#M-BOOK}\nFirst line,\nsecond line.\n\nMore.\n```yaml scope\nid: M-BOOK\n```\n## Bare {#M-BARE}\n"
    )
    assert promise_words({"mission.md": mission}, "the title") == {
        "M-BOOK": "First line, second line.",
        "M-BARE": "Bare",
        "issue": "the title",
    }


def test_a_reason_leaves_without_the_name_of_a_journey() -> None:
    assert public_reason("journey 'book-a-walk' is flaky: a retry disagreed") == "a sealed journey is flaky: a retry disagreed"
