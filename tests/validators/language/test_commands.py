"""Steps that run tools, and looks at what came of them: what is read, and what is refused."""

from __future__ import annotations

import pytest

from validators.domain.errors import JourneyInvalid
from validators.domain.journeys.commands import ExitIs, FileLeft, OutputHas, Run
from validators.domain.journeys.looks import FilePart
from validators.domain.journeys.walk import looks, positive, required, stated
from validators.language.check import complaints
from validators.language.lint import warnings
from validators.language.reader import read

HEAD = """journey: a-guest-is-added
promise: issue
let: {guest: "{{ any.name }}"}
"""
WHOLE = (
    HEAD
    + """steps:
  - run: [walks, add, "{{ guest }}"]
  - run: [walks, list]
    as: listing
    input: "Ada\\n"
    files: [{name: in/guests.csv, rows: [[Name], ["{{ guest }}"]]}]
    within: 5 seconds
expect:
  - output: {as: listing, includes: "{{ guest }}"}
  - errors: {not_contains: warning}
  - exit: 0
  - file: {name: out/a.csv, row: {Name: "{{ guest }}"}}
  - no_file: a.lock
twin:
  expect:
    - output: {as: listing, includes: "nobody"}
"""
)


def journey(steps: str, expect: str = "output: done", *, control: str = "") -> str:
    body = f"{HEAD}steps:\n  - {steps}\nexpect:\n  - {expect}\n"
    return body + (f"twin:\n  expect:\n    - {control}\n" if control else "")


def refused(source: str) -> str:
    with pytest.raises(JourneyInvalid) as invalid:
        read(source)
    return str(invalid.value)


def test_a_whole_journey_of_commands_is_read_and_may_be_sealed() -> None:
    found = read(WHOLE)
    add, listing = found.steps
    assert isinstance(add, Run)
    assert isinstance(listing, Run)
    assert [word.source for word in add.argv] == ["walks", "add", "{{ guest }}"]
    assert (listing.name, listing.seconds, listing.terminal) == ("listing", 5, None)
    assert [type(look) for look in looks(found.expect)] == [
        OutputHas, OutputHas, ExitIs, FileLeft, FileLeft,
    ]  # fmt: skip
    assert complaints(WHOLE) == ()
    assert (found.runs_commands, found.has_pages) == (True, False)


def test_a_journey_with_a_page_needs_a_browser_and_one_of_commands_alone_does_not() -> None:
    mixed = journey("run: [walks, list]\n  - open: /", "text: x")
    assert read(mixed).has_pages
    assert not read(journey("run: [walks, list]")).has_pages
    assert read(journey("run: [walks, list]", "text: x")).has_pages


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("run: walks add Ada", "run takes a list, and no shell reads it"),
        ("run: []", "at least one entry"),
        ('run: ["{{ guest }}"]', "the first word of run is the tool itself"),
        ("run: [walks]\n    input: x\n    terminal: true", "use `answers`, not `input`"),
        ("run: [walks]\n    answers: [{type: x}]", "answers are typed at a terminal"),
        ("run: [walks]\n    terminal: wide", "terminal is true, or columns x rows"),
        ("run: [walks]\n    within: 5", "within is a time, like 5 seconds"),
        ("run: [walks]\n    within: 999 seconds", "at most 300"),
        ("run: [walks]\n    files: [{name: ../a, text: x}]", "is not a file's name"),
        ("run: [walks]\n    files: [{name: /a, text: x}]", "is not a file's name"),
        ("run: [walks]\n    shell: true", "run has no 'shell'"),
        (f"run: [{', '.join(['a'] * 65)}]", "more than 64 entries"),
    ],
)
def test_a_step_that_cannot_be_meant_is_refused_by_name(steps: str, message: str) -> None:
    assert message in refused(journey(steps))


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("output: ''", "output is empty"),
        ("exit: none", "is not a number"),
        ("file: /etc/passwd", "is no file of a command"),
        ("file: a/../../b", "is no file of a command"),
        ("no_file: ''", "is no file of a command"),
        ("file: {name: a, contains: x, lines: 2}", "not both"),
        ("output: {as: listing}", "needs one of"),
        ("output: {lines: many}", "lines is a whole number"),
        ("output: {json: 4}", "json is a mapping from pointers"),
        ("output: {json: {walks: 4}}", "is no JSON Pointer"),
        ("output: {json: {/a: 4}, contains: b}", "output has no 'contains'"),
    ],
)
def test_a_look_that_cannot_be_meant_is_refused_by_name(expect: str, message: str) -> None:
    assert message in refused(journey("run: [walks]", expect))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (journey("run: [walks]", "output: {as: other, contains: x}"), "no command is called 'other'"),
        (journey("open: /", "output: x"), "no step runs a command"),
        (journey("run: [walks]", "text: x"), "no page is open"),
        (journey("run: [walks]", "output: x\n  - after_reload: same"), "seen from elsewhere"),
        (journey("run: [walks]\n    as: a\n  - run: [walks]\n    as: a"), "two commands are called"),
        (journey("run: [walks]", "exit: 0"), "an absence proves nothing"),
        (journey("run: [walks]", "no_file: a"), "an absence proves nothing"),
        (journey("run: [walks]", "output: {lines: []}"), "an absence proves nothing"),
        (journey("run: [walks, '{{ guest }}']", "output: done"), "no expectation depends"),
        (
            journey("run: [walks, '{{ guest }}']", "output: '{{ guest }}'", control="errors: x"),
            "`twin` looks where the journey does not",
        ),
        (
            journey("run: [walks, '{{ guest }}']", "output: {json: {/name: '{{ guest }}'}}",
                    control="output: {json: {/place: Oslo}}"),
            "`twin` looks where the journey does not",
        ),
        (journey("run: [walks, '{{ guest }}']", "output: {json: {/name: Ada}}"), "no expectation depends"),
        (journey("run: [walks]", "output: {json: {/a: {type: absent}}}"), "an absence proves nothing"),
    ],
)  # fmt: skip
def test_a_journey_that_proves_nothing_is_refused(source: str, message: str) -> None:
    assert any(message in found for found in complaints(source)), complaints(source)


def test_a_value_at_a_pointer_of_what_was_printed_depends_on_what_was_put_in() -> None:
    source = journey("run: [walks, '{{ guest }}']", "output: {json: {/name: '{{ guest }}'}}",
                     control="output: {json: {/name: nobody}}")  # fmt: skip
    assert complaints(source) == ()
    assert {template.source for template in required(read(source))} == {"{{ guest }}"}


def test_regardless_of_a_terminal_needs_a_command() -> None:
    source = WHOLE.replace("promise: issue", "promise: issue\nregardless: [terminal]")
    assert complaints(source) == ()
    pages = "journey: j\npromise: issue\nregardless: [terminal]\nsteps:\n  - open: /\nexpect:\n  - text: x\n"
    assert any("it runs no command" in found for found in complaints(pages))


def test_a_command_with_nothing_drawn_is_warned_of() -> None:
    fixed = read(journey("run: [walks, --version]", "output: '1.2'"))
    assert "nothing that is done is drawn" in warnings(fixed)[0].message


def test_what_a_tool_must_print_is_at_stake_and_its_own_name_is_not_put_in() -> None:
    found = read(WHOLE)
    assert {template.source for template in required(found)} == {"{{ guest }}"}
    assert "walks" not in stated(found.steps)
    assert "add" in stated(found.steps)


def test_an_exit_code_of_zero_alone_proves_nothing_and_another_does() -> None:
    for code, proves in (("0", False), ("2", True)):
        (look,) = looks(read(journey("run: [walks]", f"exit: {code}")).expect)
        assert positive(look) is proves


def test_lines_are_a_list_or_their_number() -> None:
    (these,) = looks(read(journey("run: [w]", "output: {lines: [a, b]}")).expect)
    (number,) = looks(read(journey("run: [w]", "output: {lines: 2}")).expect)
    assert isinstance(these, OutputHas)
    assert isinstance(number, OutputHas)
    assert [template.source for template in these.lists[0].wanted] == ["a", "b"]
    assert number.has is not None
    assert number.has.part is FilePart.LINES
