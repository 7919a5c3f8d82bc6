"""What a look at a command comes to, and what a person reads of what was printed."""

from __future__ import annotations

from datetime import date

import pytest

from validators.domain.errors import ExpressionInvalid
from validators.domain.journeys.command_result import CommandResult, shown_lines, shown_text
from validators.domain.journeys.journey import Journey
from validators.domain.journeys.values import Draw, Values
from validators.domain.journeys.walk import looks
from validators.language.reader import read
from validators.performance.command_looks import command_look_result, ending_breaches

HELD = CommandResult(
    0,
    b"Name,Size\r\n\x1b[1mAda  Holt\x1b[0m,4\r\n",
    b"warning: tides\n",
    {"a.csv": b"Name\nAda\n", "none": None, "odd": b"\xff\xfe"},
)


def journey(expect: str, steps: str = "run: [walks]") -> Journey:
    return read(f"journey: j\npromise: issue\nsteps:\n  - {steps}\nexpect:\n  - {expect}\n")


def holds(expect: str, result: CommandResult = HELD) -> bool:
    values = Values(Draw(1, "j", date(2026, 1, 1)))
    values.commands[""] = result
    (look,) = looks(journey(expect).expect)
    return command_look_result(look, values).holds


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("exit: 0", "exit: 1"),
        ("exit: {one_of: [0, 2]}", "exit: {one_of: [1, 2]}"),
        ("output: Ada Holt", "output: Ad"),
        ('output: {lines: ["Name,Size", "Ada Holt,4"]}', 'output: {lines: ["Ada Holt,4"]}'),
        ("output: {lines: 2}", "output: {lines: 3}"),
        ('output: {includes: "Ada Holt,4"}', 'output: {includes: "Ada Holt"}'),
        ("output: {excludes: Ben}", 'output: {excludes: "Ada Holt,4"}'),
        ('output: {row: {Name: "Ada Holt", Size: "4"}}', 'output: {row: {Name: "Ada", Size: "4"}}'),
        ("output: {rows: 1}", "output: {rows: 2}"),
        ("errors: tides", "errors: {lines: []}"),
        ("file: a.csv", "file: none"),
        ("no_file: none", "no_file: a.csv"),
        ("file: {name: a.csv, contains: Ada}", "file: {name: none, contains: Ada}"),
        ("file: {name: a.csv, lines: [Name, Ada]}", "file: {name: a.csv, lines: [Ada, Name]}"),
        ("file: {name: a.csv, lines: [Name, Ada]}", "file: {name: a.csv, lines: [Name]}"),
        ("file: odd", "file: {name: odd, contains: x}"),
    ],
)
def test_a_look_holds_for_what_is_there_and_for_nothing_else(yes: str, no: str) -> None:
    assert holds(yes)
    assert not holds(no)


PRINTED = CommandResult(
    0, b'\x1b[1m{"walks": [{"name": "Mussel banks", "places": 4}, {"name": "Seal watch"}]}\x1b[0m\n'
)


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("{/walks/0/name: Mussel banks}", "{/walks/1/name: Mussel banks}"),
        ("{/walks/0: {contains: {places: 4}}}", '{/walks/0/places: "4"}'),
        ("{/walks: {count: 2, sorted: ascending, by: /name}}", "{/walks: {count: 1}}"),
        ("{/walks/-1/name: {starts_with: Seal}}", "{/walks/-1/name: {starts_with: Mussel}}"),
        ("{/walks/0/places: {at_least: 4}, /tides: {type: absent}}", "{/walks: {type: object}}"),
        ("{/walks: {each: {/name: {type: string}}}}", "{/walks: {each: {/places: 4}}}"),
    ],
)
def test_what_is_printed_as_json_is_looked_at_by_pointer(yes: str, no: str) -> None:
    assert holds(f"output: {{json: {yes}}}", PRINTED)
    assert not holds(f"output: {{json: {no}}}", PRINTED)
    assert holds(f"errors: {{json: {yes}}}", CommandResult(0, errors=PRINTED.output))


@pytest.mark.parametrize("printed", [b"", b"walks: 2", b'{"a": 1} {"a": 1}', b"[" * 5000])
def test_what_is_no_json_has_no_value_at_any_pointer(printed: bytes) -> None:
    assert not holds("output: {json: {/a: {type: absent}}}", CommandResult(0, printed))


def test_a_command_that_did_not_end_has_no_exit_code() -> None:
    assert not holds("exit: 0", CommandResult(None))


def test_what_was_not_run_or_not_asked_for_is_unknown_and_not_absent() -> None:
    values = Values(Draw(1, "j", date(2026, 1, 1)))
    (look,) = looks(journey("output: x").expect)
    with pytest.raises(ExpressionInvalid):
        command_look_result(look, values)
    values.commands[""] = CommandResult(0)
    (absent,) = looks(journey("no_file: a.csv").expect)
    with pytest.raises(ExpressionInvalid):
        command_look_result(absent, values)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
        (b" 10 %\r100 %\r\n", "100 %\n"),
        (b"abc\b\bX", "aXc"),
        (b"\xff", "�"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
    ],
)
def test_a_person_reads_what_a_terminal_shows(printed: bytes, shown: str) -> None:
    assert shown_text(printed) == shown


def test_lines_have_no_white_space_at_their_ends_and_the_last_are_not_empty() -> None:
    assert shown_lines("a  \n\n b\n\n") == ("a", "", " b")


def breaches(expect: str, *codes: int | None) -> list[tuple[str, int]]:
    steps = "run: [walks, a]\n    within: 5 seconds\n  - run: [walks, b]\n    as: second"
    found = journey(expect, steps)
    values = Values(Draw(1, "j", date(2026, 1, 1)))
    values.ended += [CommandResult(code) for code in codes]
    return [(one.kind, one.line) for one in ending_breaches(found.steps, found.expect, values)]


def test_every_command_must_end_with_zero_where_no_look_says_otherwise() -> None:
    assert breaches("output: x", 0, 0) == []
    assert breaches("output: x", 1, 0) == [("exit", 4)]
    assert breaches("output: x", 0, 3) == [("exit", 6)]
    assert breaches("exit: 3", 0, 3) == []
    assert breaches("exit: {as: second, equals: 3}", 1, 3) == [("exit", 4)]


def test_a_promised_time_is_an_expectation_and_steps_that_were_not_done_break_nothing() -> None:
    assert breaches("output: x", None, 0) == [("within", 4)]
    assert breaches("output: x", 0) == []
