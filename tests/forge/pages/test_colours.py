"""Contrast, measured: every colour that words have, on every paper that they stand
on, by day and by night."""

import colorsys
import re
from pathlib import Path

import pytest

from harness.programs.local_forge.pages import page_views, words

SHEET = (Path(page_views.__file__).parent / "static" / "style.css").read_text()
PAPERS = ("paper", "card", "sunk", "hunk-paper")
INKS = ("ink", "soft", "accent", "bad", "warn", "plus", "minus")
PAIRS = [(ink, paper) for ink in INKS for paper in PAPERS] + [
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("ink", "plus-paper"),
    ("ink", "minus-paper"),
    ("soft", "plus-paper"),
    ("soft", "minus-paper"),
    ("plus", "plus-paper"),
    ("minus", "minus-paper"),
    ("bad", "minus-paper"),
    ("accent-hover", "card"),
]


def colours(scheme):
    blocks = re.findall(r":root \{(.*?)\}", SHEET, re.S)
    first, second = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks)
    return first if scheme == "light" else first | second


def light(rgb):
    """Relative luminance, as WCAG 2 defines it."""
    parts = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in rgb]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def rgb(text):
    return tuple(int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_words_stand_out_from_their_paper(scheme, ink, paper) -> None:
    known = colours(scheme)
    assert contrast(rgb(known[ink]), rgb(known[paper])) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("paper", PAPERS[:3])
def test_the_focus_and_the_signs_stand_out_from_their_paper(scheme, paper) -> None:
    known = colours(scheme)
    for sign in ("focus", "open", "merged", "closed", "bad", "warn"):
        assert contrast(rgb(known[sign]), rgb(known[paper])) >= 3, sign


def test_white_initials_can_be_read_on_every_face() -> None:
    lightness = int(
        re.search(
            r"42% (\d+)%",
            (Path(page_views.__file__).parent / "templates" / "layout" / "parts.html").read_text(),
        )[1]
    )
    for number in range(1, 361):
        face = colorsys.hls_to_rgb(words.hue(number) / 360, lightness / 100, 0.42)
        assert contrast(face, (1, 1, 1)) >= 4.5, words.hue(number)


@pytest.mark.parametrize("badge", re.findall(r"background: (#[0-9a-f]{6})", SHEET))
def test_white_words_can_be_read_on_every_badge(badge) -> None:
    assert contrast(rgb(badge), (1, 1, 1)) >= 4.5
