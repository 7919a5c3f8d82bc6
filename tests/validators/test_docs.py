"""The language's page: what it shows is what the language is."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from validators.domain.evidence import Saboteur
from validators.domain.journey import Forbidden, Match
from validators.domain.values import GENERATORS
from validators.language.check import complaints
from validators.language.looks import CONSOLE_LEVELS, LOOKS, VANTAGES
from validators.language.reader import read
from validators.language.steps import PRESSABLE, VERBS
from validators.language.targets import NAMED, WORDED

PAGE = (Path(__file__).parents[2] / "docs" / "journeys.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_there_are_examples():
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("source", EXAMPLES)
def test_every_example_may_be_sealed(source):
    assert complaints(source) == ()


@pytest.mark.parametrize(
    "word",
    [*VERBS, "reload", "back", *LOOKS, *VANTAGES, *Match, *Forbidden, *PRESSABLE, *NAMED, *WORDED, *CONSOLE_LEVELS]
    + [f"any.{kind}" for kind in GENERATORS],
)
def test_every_word_of_the_language_is_on_the_page(word):
    assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", PAGE)


def test_every_step_and_look_the_page_shows_is_in_the_language():
    shown = re.findall(r"^\| .*", PAGE, re.MULTILINE)
    lines = [code[2:] for row in shown for code in re.findall(r"`(- [^`]*)`", row)]
    assert len(lines) > 20
    for line in (line for line in lines if "…" not in line):
        kind = re.match(r"\w+", line).group()
        step = kind in VERBS or kind in ("reload", "back")
        look = "visible: {button: Book}" if step or kind in VANTAGES else line
        extra = f"\n  - {line}" if kind in VANTAGES else ""
        steps = f"  - open: /\n  - {line}\n" if step else "  - open: /\n"
        assert read(f"journey: j\npromise: issue\nsteps:\n{steps}expect:\n  - {look}{extra}\n"), line


def test_the_page_that_authors_are_given_is_this_page():
    assert files("validators.language").joinpath("page.md").read_text() == PAGE


def test_the_page_counts_the_saboteurs():
    assert len(Saboteur) == 4
    for told in ("rows dropped", "texts swapped", "writes swallowed", "answered with an error"):
        assert told in PAGE
