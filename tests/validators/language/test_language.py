"""The language: what it reads, and how it refuses the rest, by line and with the nearest word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.domain.errors import JourneyInvalid
from validators.domain.journeys.claim import Match
from validators.domain.journeys.journey import (
    Absent,
    Back,
    Click,
    CountIs,
    Fill,
    Never,
    Open,
    PathIs,
    Press,
    Reload,
    Remember,
    RowHas,
    Select,
    SwitchTo,
    TextIs,
    Tick,
    TitleIs,
    ValueIs,
    Vantage,
    Visible,
)
from validators.domain.journeys.looks import (
    ColumnHas,
    DescriptionIs,
    HeadersAre,
    LeadsTo,
    OptionsAre,
    RowsAre,
    StateIs,
    StatusIs,
    TreeIs,
)
from validators.language.check import checked, complaints
from validators.language.reader import read

BOOK = """\
journey: book-a-walk
promise: M-BOOK
needs: {seed: two-low-tides}
canary: cn4ry-7f3e9a
let: {guest: "{{ any.name }}"}
steps:
  - open: /
  - fill: {label: "Group size", value: "{{ any.int(2, 8) }}"}
  - click: {button: "Book", in: {row: "{{ guest }}"}}
expect:
  - text: {role: status, equals: "Booked for {{ filled.group_size }}"}
  - after_reload: same
  - other_session: {open: /walks, expect: same}
never: [{http_status: ">=500"}, {console: error}, {text: "Traceback"}]
twin:
  expect: [{text: {role: status, equals: "Booked for 0"}}]
"""


def with_steps(*lines: str) -> str:
    steps = "".join(f"  - {line}\n" for line in lines)
    return f"journey: j\npromise: issue\nsteps:\n{steps}expect:\n  - visible: {{button: Book}}\n"


def with_looks(*lines: str) -> str:
    looks = "".join(f"  - {line}\n" for line in lines)
    return f"journey: j\npromise: issue\nsteps:\n  - open: /\nexpect:\n{looks}"


def test_the_example_of_the_design_is_read() -> None:
    journey = checked(BOOK)
    opened, filled, clicked = journey.steps
    assert (journey.name, journey.promise, journey.seed, journey.canary) == (
        "book-a-walk", "M-BOOK", "two-low-tides", "cn4ry-7f3e9a",
    )  # fmt: skip
    assert isinstance(opened, Open)
    assert isinstance(filled, Fill)
    assert isinstance(clicked, Click)
    assert str(clicked.target) == 'button "Book" in row with "{{ guest }}"'
    assert [block.vantage for block in journey.expect] == [
        Vantage.HERE,
        Vantage.AFTER_RELOAD,
        Vantage.OTHER_SESSION,
    ]
    here, again, other = journey.expect
    assert here.looks == again.looks == other.looks
    assert other.opens.source == "/walks"
    assert [(never.kind, never.value) for never in journey.never] == [
        ("http_status", ">=500"), ("console", "error"), ("text", "Traceback"),
    ]  # fmt: skip
    assert journey.negative_control.steps is None
    assert (
        opened.line,
        journey.expect[1].line,
        journey.never[0].line,
        journey.negative_control.line,
    ) == (
        7,
        12,
        14,
        16,
    )


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("open: /a?b=c", Open), ('fill: {label: "N", value: x}', Fill), ('fill: {role: textbox, name: N, value: 3}', Fill),
        ("click: {link: Home}", Click), ("press: Enter", Press), ("press: {key: Tab, label: N}", Press),
        ("select: {label: Walk, option: Dawn}", Select), ("check: {label: Yes}", Tick), ("uncheck: {checkbox: Yes}", Tick),
        ("reload", Reload), ("back", Back), ("as: guide", SwitchTo), ("remember: {role: status, as: seen}", Remember),
    ],
)  # fmt: skip
def test_every_verb_is_read(line, kind) -> None:
    assert isinstance(read(with_steps("open: /", line)).steps[1], kind)


@pytest.mark.parametrize(
    ("line", "kind", "match"),
    [
        ('text: "Thank you"', TextIs, Match.CONTAINS),
        ('text: {contains: "Thank you"}', TextIs, Match.CONTAINS),
        ("text: {role: status, matches_number: 3}", TextIs, Match.NUMBER),
        ("value: {label: N, equals: 3}", ValueIs, Match.EQUALS),
        ("visible: {listitem: Ada}", Visible, None),
        ("absent: {row: Ada, in: {table: Bookings}}", Absent, None),
        ("count: {row: Ada, equals: 2}", CountIs, Match.EQUALS),
        ("url_path: /done", PathIs, Match.EQUALS),
        ("title: {contains: Tide}", TitleIs, Match.CONTAINS),
        ('row: {cells: [Ada, "4"], times: 2}', RowHas, None),
        ("row: {cells: {Name: Ada, Size: {at_least: 2}}, at: last}", RowHas, None),
        ("rows: {at_least: 1, in: {table: Bookings}}", RowsAre, Match.AT_LEAST),
        ("column: {header: City, each: {one_of: [Oslo, Rome]}}", ColumnHas, None),
        ("column: {header: City, equals: []}", ColumnHas, None),
        ("columns: {includes: City}", HeadersAre, None),
        ("options: {label: Walk, excludes: [Dusk]}", OptionsAre, None),
        ("state: {checkbox: Yes, is: [checked, enabled]}", StateIs, None),
        ("description: {label: N, ends_with: guests}", DescriptionIs, Match.ENDS_WITH),
        ("leads_to: {link: Next, starts_with: /walks}", LeadsTo, Match.STARTS_WITH),
        ("status: 200", StatusIs, Match.EQUALS),
        ("aria: {has: [main, {list: [listitem: Ada]}, {text: words}]}", TreeIs, None),
        ("text: {role: status, between: [1, 3]}", TextIs, Match.BETWEEN),
        ("visible: {heading: Walks, level: 2, under: List, with: Wal}", Visible, None),
        ("visible: {definition: Size}", Visible, None),
    ],
)
def test_every_look_is_read(line, kind, match) -> None:
    look = read(with_looks(line)).expect[0].looks[0]
    assert isinstance(look, kind)
    assert [claim.match for claim in getattr(look, "claims", ())] == ([match] if match else [])


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        (with_steps("clik: {button: Book}"), 4, "no verb 'clik'; did you mean 'click'?"),
        (with_steps("wait: 3"), 4, "every step and look waits by itself"),
        (with_steps("sleep"), 4, "every step and look waits by itself"),
        (with_steps("evaluate: alert(1)"), 4, "no verb 'evaluate'; known: as, back, call, check"),
        (with_steps("open: http://evil.example/"), 4, "a path of the app"),
        (with_steps("open: //evil.example/"), 4, "a path of the app"),
        (with_steps("open: file:///etc/passwd"), 4, "a path of the app"),
        (with_steps("click: Book"), 4, "an element is a mapping"),
        (with_steps('click: {css: "#book"}'), 4, "must name an element"),
        (with_steps("click: {button: A, link: B}"), 4, "'button' or 'link', not both"),
        (with_steps("click: {button: A, nmae: B}"), 4, "no 'nmae'; did you mean 'name'?"),
        (with_steps("click: {role: statsu}"), 4, "no role 'statsu'; did you mean 'status'?"),
        (with_steps("click: {in: {row: A}}"), 4, "say its role or label too"),
        (with_steps("click: {row: A, with: B}"), 4, "'row' already states its words"),
        (with_steps("click: {button: A, name: B}"), 4, "name belongs to role"),
        (with_steps("fill: {label: N}"), 4, "fill needs 'value'"),
        (with_steps('fill: {label: N, value: "{{ os.system }}"}'), 4, "is not a value"),
        (
            with_steps("fill: {label: N, value: {{ any.word }}}"),
            4,
            "quotes around a value that contains",
        ),
        (with_steps("press: Power"), 4, "no key 'Power'"),
        (with_steps("remember: {role: status, as: any}"), 4, "cannot name a value"),
        (with_steps("click: {button: A}\n    fill: {label: N, value: x}"), 4, "a step is one verb"),
        (with_steps("as: '!'"), 4, "the name of a person"),
        (
            with_looks("vissible: {button: A}"),
            6,
            "cannot expect 'vissible'; did you mean 'visible'?",
        ),
        (with_looks("after_reload: same"), 6, "`same` (as the entries above it)"),
        (
            with_looks("visible: {button: A}", "after_reload: same", "title: x"),
            8,
            "put what is seen here first",
        ),
        (with_looks("text: {equals: A}"), 6, "name an element"),
        (with_looks("text: {role: status}"), 6, "needs one of equals, contains, starts_with"),
        (
            with_looks("text: {role: status, equals: A, contains: B}"),
            6,
            "'equals' or 'contains', not both",
        ),
        (with_looks("row: {cells: []}"), 6, "at least one entry"),
        (with_looks("row: {cells: {}}"), 6, "cells is empty"),
        (with_looks("row: {cells: [A], at: 0}"), 6, "`first`, `last` or a number from 1"),
        (with_looks("row: {cells: [A], at: 1, times: 1}"), 6, "'times' or 'at', not both"),
        (with_looks("row: {cells: {Size: {at_leest: 1}}}"), 6, "a cell needs one of"),
        (
            with_looks("column: {header: City}"),
            6,
            "needs one of equals, includes, excludes, each, sorted",
        ),
        (
            with_looks("column: {header: City, sorted: asc}"),
            6,
            "ascending or descending, not 'asc'",
        ),
        (with_looks("column: {heading: City, sorted: ascending}"), 6, "column needs 'header'"),
        (with_looks("column: {header: City, includes: []}"), 6, "at least one entry"),
        (with_looks("colum: {header: City}"), 6, "did you mean 'column'?"),
        (with_looks("rows: {equals: many}"), 6, "a whole number, like 2"),
        (with_looks("count: {row: A, at_least: 0}"), 6, "always true"),
        (
            with_looks("count: {row: A, contains: 1}"),
            6,
            "count needs one of equals, at_least, at_most, between",
        ),
        (with_looks("text: {role: status, at_least: few}"), 6, "takes a number, not 'few'"),
        (
            with_looks("text: {role: status, between: [8, 2]}"),
            6,
            "the smaller number first: [2, 8]",
        ),
        (with_looks("text: {role: status, between: [8]}"), 6, "two numbers"),
        (with_looks('text: {role: status, not_contains: ""}'), 6, "not_contains is empty"),
        (with_looks("text: {role: status, equals: [a, b]}"), 6, "a list belongs to one_of"),
        (with_looks("text: {starts_with: A}"), 6, "name an element"),
        (with_looks("url_path: {at_least: 3}"), 6, "url_path needs one of equals, contains"),
        (with_looks("state: {checkbox: A}"), 6, "state needs 'is'"),
        (with_looks("state: {checkbox: A, is: ticked}"), 6, "no state 'ticked'"),
        (with_looks("state: {checkbox: A, is: cheked}"), 6, "did you mean 'checked'?"),
        (with_looks("options: {label: A}"), 6, "options needs one of"),
        (with_looks("status: 2xx"), 6, "a whole number"),
        (with_looks("status: 99"), 6, "no HTTP status"),
        (with_looks("status: {contains: 20}"), 6, "status needs one of equals, one_of"),
        (with_looks("aria: {has: [buton]}"), 6, "no role 'buton'; did you mean 'button'?"),
        (with_looks("aria: {has: [link /Home/]}"), 6, "is no element"),
        (with_looks('aria: {has: ["heading [size=2]"]}'), 6, "the tree has no state 'size'"),
        (with_looks("aria: {has: [text]}"), 6, "text needs its words"),
        (with_looks("visible: {button: A, level: 2}"), 6, "level belongs to a heading"),
        (with_looks("visible: {heading: A, level: 7}"), 6, "level is 1 to 6"),
        (with_looks("visible: {under: A}"), 6, "say its role or label too"),
        (with_looks("title: x") + "never: [{request: admin}]", 7, "a path of the app"),
        (with_looks("title: x") + "never: [{request: '/a*b'}]", 7, "a path of the app"),
        (
            with_looks("title: x") + "never: [{other_host: 'http://x/'}]",
            7,
            "`any`, or the name of a host",
        ),
        (with_looks("row: {cells: [A], times: 0}"), 6, "a whole number from 1"),
        (with_looks("other_session: {open: evil, expect: same}"), 6, "a path of the app"),
        (with_looks("title: x") + "never: [{http_status: 500}]", 7, 'like ">=500"'),
        (with_looks("title: x") + "never: [{console: debug}]", 7, "console is one of"),
        (with_looks("title: x") + "never: [{pixel: red}]", 7, "never has no 'pixel'"),
        (with_looks("title: x") + "retries: 3", 7, "a journey has no 'retries'"),
        (with_looks("title: x") + "journey: again", 7, "'journey' is written twice"),
        ("journey: ../../etc\npromise: issue", 1, "lower-case letters, digits and hyphens"),
        ("journey: j\npromise: whatever", 2, "the id of a mission entry"),
        ("steps: &a [open]", 0, "anchors and aliases"),
        ("steps: !!python/object/apply:os.system [ls]", 1, "tags like"),
        ("- a\n- b", 1, "a journey is a mapping"),
        ("a: [", 1, "not YAML"),
        ("", 0, "empty"),
        ("x: " + "y" * 70_000, 0, "longer than 64 KiB"),
        ("journey: j\n---\njourney: k", 0, "not YAML"),
    ],
)
def test_what_is_not_in_the_language_is_refused_by_line(source, line, words) -> None:
    with pytest.raises(JourneyInvalid) as refused:
        read(source)
    assert any(
        words in problem.message and (not line or problem.line == line)
        for problem in refused.value.problems
    ), refused.value


def test_every_problem_is_reported_at_once_in_line_order() -> None:
    broken = (
        BOOK.replace("click:", "clik:")
        .replace("role: status", "role: statsu")
        .replace("promise: M-BOOK\n", "")
    )
    found = complaints(broken)
    assert [words.partition(":")[0] for words in found] == [
        "a journey needs 'promise'",
        "line 8",
        "line 10",
        "line 15",
    ]


def test_every_look_that_cannot_be_read_is_reported_and_what_leans_on_it_is_not() -> None:
    found = complaints(
        with_looks("vissible: {button: A}", "status: none", "after_reload: same", "title: x")
    )
    assert [words.partition(":")[0] for words in found] == ["line 6", "line 7"]


def test_a_refusal_names_the_file() -> None:
    with pytest.raises(JourneyInvalid, match=r"^walk\.yaml: line 4: no verb"):
        read(with_steps("clik: {button: Book}"), file="walk.yaml")


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_by_name(source) -> None:
    assert complaints(source), "no text this short is a whole journey"


@given(st.data())
def test_any_damage_to_a_journey_is_read_or_refused_by_name(data) -> None:
    lines = BOOK.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = data.draw(
        st.sampled_from(
            ["", "- ", "x: {", lines[at] + "}", lines[at][1:], lines[at].replace(":", "")]
        )
    )
    assert isinstance(complaints("\n".join(lines)), tuple)


def test_the_source_is_kept_and_does_not_decide_equality() -> None:
    assert read(BOOK).source == BOOK
    assert read(BOOK) == read(BOOK.rstrip("\n") + "\n\n")


def test_never_entries_are_values() -> None:
    assert read(BOOK).never[0] == Never(14, "http_status", ">=500")
