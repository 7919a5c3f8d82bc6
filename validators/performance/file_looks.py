"""Files of a journey: makes up those for an upload, and compares those from a download."""

from __future__ import annotations

from validators.domain.errors import ExpressionInvalid
from validators.domain.evidence import Trouble
from validators.domain.journeys.claim import Match
from validators.domain.journeys.files import File, csv_rows, csv_text, lines_of, picture
from validators.domain.journeys.looks import FileHas, FilePart
from validators.domain.journeys.steps import FileMade
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import folded, matches
from validators.performance.look_result import LookResult

SHOWN_ROWS = 8


def made(file: FileMade, values: Values) -> File:
    """The file for an upload. Raises ExpressionInvalid for a name that nothing has set."""
    name = values.text(file.name)
    if file.picture:
        return File(name, picture(*file.picture, of=name))
    if file.rows:
        rows = [[values.text(cell) for cell in row] for row in file.rows]
        return File(name, csv_text(rows).encode())
    return File(name, values.text(file.text).encode() if file.text else b"")


def file_look_result(look: FileHas, values: Values) -> LookResult:
    """The result of a look at a downloaded file. Raises ExpressionInvalid if no step has downloaded
    it."""
    if look.file not in values.files:
        raise ExpressionInvalid(
            f"no file {look.file!r} has been downloaded at this point of the journey"
        )
    file, wanted = values.files[look.file], tuple(values.text(template) for template in look.values)
    if look.part is FilePart.NAME:
        return LookResult(file.name == wanted[0], f"called {wanted[0]!r}", file.name)
    if file.text is None:
        return LookResult(
            False, str(look.part), f"{len(file.content)} bytes that are no text in UTF-8"
        )
    return file_text_result(look, file.text, wanted)


def file_text_result(look: FileHas, text: str, wanted: tuple[str, ...]) -> LookResult:
    """The result of a look at the text of a file. `wanted` are the look's values."""
    match look.part:
        case FilePart.EQUALS:
            return LookResult(matches(text, Match.EQUALS, wanted[0]), f"equals {wanted[0]!r}", text)
        case FilePart.CONTAINS:
            return LookResult(
                matches(text, Match.CONTAINS, wanted[0]), f"contains {wanted[0]!r}", text
            )
        case FilePart.LINES if look.exact:
            there = tuple(map(folded, text.splitlines()))
            return LookResult(there == tuple(map(folded, wanted)), f"lines {list(wanted)}", text)
        case FilePart.LINES:
            return _counted(lines_of(text), wanted[0], "lines")
        case FilePart.ROWS:
            return _counted(max(0, len(csv_rows(text)) - 1), wanted[0], "rows below the headings")
        case _:
            return _row(csv_rows(text), wanted, columns=look.columns)


def _counted(there: int, wanted: str, what: str) -> LookResult:
    return LookResult(wanted.strip() == str(there), f"{wanted} {what}", f"{there} {what}")


def _row(
    rows: tuple[tuple[str, ...], ...], wanted: tuple[str, ...], *, columns: tuple[str, ...]
) -> LookResult:
    cells = tuple(map(folded, wanted))
    headings = [folded(cell) for cell in rows[0]] if rows else []
    shown = f"{len(rows)} rows: " + " / ".join(" | ".join(row) for row in rows[:SHOWN_ROWS])
    expected = f"a row with {dict(zip(columns, cells, strict=True)) if columns else list(cells)}"
    if lacking := [column for column in columns if headings.count(folded(column)) != 1]:
        trouble = Trouble.AMBIGUOUS if folded(lacking[0]) in headings else None
        return LookResult(False, f"one column {lacking[0]!r}", shown, trouble)
    if not columns:
        return LookResult(any(set(cells) <= set(map(folded, row)) for row in rows), expected, shown)
    places = [headings.index(folded(column)) for column in columns]
    return LookResult(any(_at(row, places) == cells for row in rows[1:]), expected, shown)


def _at(row: tuple[str, ...], places: list[int]) -> tuple[str, ...]:
    return tuple(folded(row[place]) if place < len(row) else "" for place in places)
