"""The language's page: what it shows is what the language is."""

import re
from pathlib import Path

import pytest

from validators.authoring.authoring import language_page
from validators.domain.evidence import FaultInjector
from validators.domain.journeys.calls import Method
from validators.domain.journeys.claim import Listing, Match, SortOrder
from validators.domain.journeys.journey import Forbidden
from validators.domain.journeys.looks import FilePart, State
from validators.domain.journeys.steps import DialogKind
from validators.domain.journeys.values import GENERATORS
from validators.domain.json_values import JsonType
from validators.language.check import complaints
from validators.language.claims import COMPARISONS
from validators.language.dialogs import ANSWERS
from validators.language.looks import APART, LOOKS, VANTAGES
from validators.language.nevers import CONSOLE_LEVELS, NEVERS
from validators.language.reader import read
from validators.language.reference import filled, tables
from validators.language.steps import MODIFIERS, PRESSABLE, UNITS, VERBS
from validators.language.targets import NAMED, PLACES, PLAIN, WORDED

PAGE = language_page()
TABLES = re.findall(r"^<!-- ([a-z ]+) -->$", PAGE, re.MULTILINE)
BY_EXAMPLE = (Path(__file__).parents[3] / "docs" / "journeys.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", f"{PAGE}\n{BY_EXAMPLE}", re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 14


@pytest.mark.parametrize("source", EXAMPLES)
def test_every_example_may_be_sealed(source) -> None:
    assert complaints(source) == ()


WORDS = [
    *VERBS, *PLACES, *LOOKS, *VANTAGES, *Match, *Forbidden, *PRESSABLE, *NAMED, *WORDED, *PLAIN, *CONSOLE_LEVELS,
    *Listing, *SortOrder, *State, "each", "sorted", "at", "times", "under", "level", "with", "beside", "leads_to", *Method, *JsonType,
    *MODIFIERS, *ANSWERS, *DialogKind, *FilePart, *(f"{unit}s" for unit in UNITS), *(written for written, _ in GENERATORS.values()),
]  # fmt: skip


def test_every_word_of_the_language_is_on_the_page() -> None:
    assert [w for w in WORDS if not re.search(rf"(?<!\w){re.escape(w)}(?!\w)", PAGE)] == []


def test_the_tables_of_the_page_are_those_that_the_reader_reads_by() -> None:
    """`make docs` writes them."""
    assert filled(PAGE) == PAGE
    assert sorted(TABLES) == sorted(tables())


def test_a_word_that_changes_in_the_readers_table_changes_on_the_page() -> None:
    stale = PAGE.replace("replacing what is there", "after what is there")
    assert stale != PAGE
    assert filled(stale) == PAGE
    with pytest.raises(KeyError, match="no such table"):
        filled(f"{PAGE}\n<!-- no such table -->\n")


def test_every_comparison_is_in_one_row_and_every_look_in_one_table() -> None:
    assert sorted(sum(COMPARISONS, ())) == sorted(Match)
    assert {word.group for word in LOOKS.values()} <= {*TABLES, APART}
    assert set(NEVERS) == set(Forbidden)


def test_every_step_and_look_the_page_shows_is_in_the_language() -> None:
    shown = re.findall(r"^\| .*", PAGE, re.MULTILINE)
    lines = [code[2:] for row in shown for code in re.findall(r"`(- [^`]*)`", row)]
    assert len(lines) > 20
    for line in (line for line in lines if "…" not in line):
        kind = re.match(r"\w+", line).group()
        step = kind in VERBS
        look = "visible: {button: Book}" if step or kind in VANTAGES else line
        extra = f"\n  - {line}" if kind in VANTAGES else ""
        steps = f"  - open: /\n  - {line}\n" if step else "  - open: /\n"
        assert read(f"journey: j\npromise: issue\nsteps:\n{steps}expect:\n  - {look}{extra}\n"), (
            line
        )


def section(start: str, end: str) -> str:
    return PAGE[PAGE.index(start) : PAGE.index(end, PAGE.index(start))]


def test_every_element_the_page_shows_is_named_in_the_language() -> None:
    shown = re.findall(r"`(\{[^`]*\})`", section("## Naming an element", "## Steps"))
    assert len(shown) > 8
    for element in shown:
        assert read(
            f"journey: j\npromise: issue\nsteps:\n  - open: /\nexpect:\n  - visible: {element}\n"
        ), element


def test_everything_the_page_forbids_is_in_the_language() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section("| never | |", "## What makes"), re.MULTILINE)
    shown = [code for row in rows for code in re.findall(r"`([^`]*)`", row) if ": " in code]
    assert {code.partition(":")[0] for code in shown} == set(Forbidden)
    for never in shown:
        assert read(
            "journey: j\npromise: issue\nsteps:\n  - open: /\nexpect:\n  - title: x\nnever:"
            f" [{{{never}}}]\n"
        ), never


def test_the_page_counts_the_fault_injectors() -> None:
    assert len(FaultInjector) == 5
    for sentence in (
        "rows dropped",
        "texts swapped",
        "writes swallowed",
        "answered with an error",
        "one answer for ever",
    ):
        assert sentence in PAGE
