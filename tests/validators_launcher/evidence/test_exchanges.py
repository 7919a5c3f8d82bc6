"""Calls and terminals of a journey, before and after: read strictly from files that nobody
trusts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.evidence.page import Calls
from validators.evidence.terminal import MOST_COLUMNS, MOST_LINES, Span, drawn
from validators.judging.exchanges import MOST_CALLS, pairs, shown_calls, shown_terminals

CALL: dict[str, Any] = {
    "method": "POST",
    "path": "/api/bookings",
    "headers": [["Content-Type", "application/json"]],
    "body": '{"size": 6}',
    "status": 201,
    "from": "/api/bookings",
    "answer_headers": [["Location", "/api/bookings/1"]],
    "answer": '{"size": 4}',
    "bytes": 11,
    "millis": 3,
}
SCREEN = {
    "command": "walks list",
    "output": "\x1b[1;32mAda\x1b[0m  4\n",
    "errors": "",
    "ended": "exit 0",
    "columns": 0,
}


def run(evidence: Path, kind: RunKind, **files: str) -> RunEvidence:
    place = f"runs/books/{kind}"
    (evidence / place).mkdir(parents=True)
    for name, text in files.items():
        (evidence / place / name.replace("_", ".")).write_text(text)
    names = tuple(f"{place}/{name.replace('_', '.')}" for name in files)
    return RunEvidence(RunId("books", kind=kind), app_ready=True, complete=True, files=names)


def calls(evidence: Path, before: str, after: str) -> tuple[Calls, ...]:
    runs = (
        run(evidence, RunKind.BASE, calls_json=before),
        run(evidence, RunKind.JOURNEY, calls_json=after),
    )
    return tuple(shown_calls(pairs(runs, journeys=["books"], evidence=evidence, beside={})))


def test_each_call_stands_beside_the_same_call_before_the_change(tmp_path: Path) -> None:
    other = {**CALL, "answer": '{"size": 6}'}
    asked = {**CALL, "method": "GET", "body": "", "status": 500}
    (shown,) = calls(tmp_path, json.dumps([CALL]), json.dumps([other, asked]))
    first, second = shown.rows
    assert first.differs
    ((side, call),) = first.questions
    assert (side, call.request, call.body) == ("", "POST /api/bookings", '{"size": 6}')
    assert call.answer_headers == ("Location: /api/bookings/1",)
    assert (second.before, second.differs) == (None, False)
    assert second.after is not None
    assert (second.after.status, second.after.tone) == ("500", "no")
    assert [side for side, _ in second.questions] == ["After"]


def test_requests_that_differ_are_both_shown(tmp_path: Path) -> None:
    (shown,) = calls(
        tmp_path, json.dumps([CALL]), json.dumps([{**CALL, "path": "/api/bookings/7"}])
    )
    assert [side for side, _ in shown.rows[0].questions] == ["Before", "After"]
    assert not shown.rows[0].differs


@pytest.mark.parametrize(
    "written",
    [
        "no JSON",
        "{}",
        "[7]",
        "[" * 100_000,
        json.dumps([{**CALL, "status": "201"}]),
        json.dumps([{**CALL, "headers": [["one"]]}]),
        json.dumps([{**CALL, "headers": ["one"]}]),
        json.dumps([{key: value for key, value in CALL.items() if key != "answer"}]),
    ],
)
def test_calls_that_cannot_be_read_are_left_out(tmp_path: Path, written: str) -> None:
    assert calls(tmp_path, written, "[]") == ()


def test_many_and_long_calls_are_cut(tmp_path: Path) -> None:
    many = [{**CALL, "answer": "x" * 9_000, "path": "/" + "y\ud800" * 9_000}] * (MOST_CALLS + 5)
    (shown,) = calls(tmp_path, "[]", json.dumps(many))
    assert len(shown.rows) == MOST_CALLS
    call = shown.rows[0].after
    assert call is not None
    assert len(call.answer) == 2_000
    assert len(call.request) < 200
    assert call.request.encode()


def test_a_terminal_is_shown_as_text_and_with_its_colours(tmp_path: Path) -> None:
    runs = (
        run(tmp_path, RunKind.BASE, terminal_txt="$ walks list\n", screens_json="broken"),
        run(
            tmp_path,
            RunKind.JOURNEY,
            terminal_txt="$ walks list\nAda  4\n\n",
            screens_json=json.dumps([SCREEN, {**SCREEN, "columns": 120}]),
        ),
    )
    (shown,) = shown_terminals(pairs(runs, journeys=["books"], evidence=tmp_path, beside={}))
    assert (shown.before, shown.screens_before) == ("$ walks list", ())
    pipe, terminal = shown.screens_after
    assert pipe.lines == ((Span("Ada", "i2 bold"), Span("  4")),)
    assert (pipe.size, terminal.size) == ("", "120 columns")
    assert terminal == replace(pipe, size="120 columns")


@pytest.mark.parametrize(
    ("printed", "lines"),
    [
        ("a\n\nb\n\n", [[Span("a")], [], [Span("b")]]),
        ("10 %\r100 %", [[Span("100 %")]]),
        ("wrong\r\x1b[Kok", [[Span("ok")]]),
        ("ab\bc\td", [[Span("ac      d")]]),
        ("\x1b[31mred\x1b[m plain", [[Span("red", "i1"), Span(" plain")]]),
        ("\x1b[38;5;196mx\x1b[48;2;0;0;250my", [[Span("x", "i9"), Span("y", "i9 p12")]]),
        ("\x1b[7mx\x1b[27my", [[Span("x", "turned"), Span("y")]]),
        ("\x1b[7;31mx", [[Span("x", "p1")]]),
        ("\x1b]0;title\x07a\x1b[?25lb\x1b(Bc", [[Span("abc")]]),
        ("\x1b[38mx\x1b[38;5my\x1b[99999999999999999999mz", [[Span("xyz")]]),
        ("a\u202eb\u200bc", [[Span("abc")]]),
    ],
)
def test_what_was_printed_is_drawn_as_a_terminal_shows_it(
    printed: str, lines: list[list[Span]]
) -> None:
    assert [list(line) for line in drawn(printed)] == lines


def test_a_drawing_has_bounds() -> None:
    assert len(drawn("x\n" * 9_000)) == MOST_LINES
    assert [len(line[0].text) for line in drawn("x" * 9_000)] == [MOST_COLUMNS]
    assert len(drawn("\t" * 9_000 + "x")) <= 1
