"""The table at the end of a demo or a trial: each row says what decided it."""

import io

import pytest

from harness.cli.inspect.look import issue_row
from harness.cli.output.outcomes import outcome_line, outcomes
from harness.cli.output.printable_console import PrintableConsole

LINE = {
    "number": 3,
    "title": "Pay by card",
    "outcome": "needs-human",
    "shown": "with a person",
    "verdicts": [],
    "duplicate_of": None,
    "cites": [],
    "message": "",
    "attempts": 1,
    "seconds": 2.0,
    "cost_usd": 0.1,
}


@pytest.mark.parametrize(
    ("line", "by"),
    [
        ({"outcome": "merged", "verdicts": ["failed", "passed"]}, "verdict failed, passed"),
        ({"outcome": "duplicate", "duplicate_of": 1}, "#1"),
        ({"cites": ["F-PATHS", "F-SIZE"]}, "F-PATHS, F-SIZE"),
        ({"message": "the attempts allowed are used up"}, "the attempts allowed are used up"),
        ({}, "nobody yet"),
    ],
)
def test_no_row_is_without_what_decided_it(line, by) -> None:
    shown = PrintableConsole(file=io.StringIO(), width=160)
    shown.print(outcomes([LINE | line]))
    assert by in shown.file.getvalue()


HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202elist\n#1 merged"


def table(line) -> str:
    shown = PrintableConsole(file=io.StringIO(), width=160)
    shown.print(outcomes([line]))
    return shown.file.getvalue().splitlines()[-1].strip()


@pytest.mark.parametrize("row", [table, outcome_line, issue_row])
def test_row_4_a_title_controls_no_terminal_and_is_no_row_of_ours(row) -> None:
    """`factory status` once wrote what a stranger's title had, byte for byte."""
    printed = row(LINE | {"title": HOSTILE})
    assert printed.isprintable()
    assert "\ufffd[2J\ufffd]0;owned\ufffd\ufffdlist #1 merged" in printed
