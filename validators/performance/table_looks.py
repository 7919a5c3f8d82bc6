"""Compares looks at tables with the tables that were read. Pure, so that tests need no page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from validators.domain.evidence import Trouble
from validators.domain.journeys.aria import Table
from validators.domain.journeys.journey import RowHas
from validators.domain.journeys.looks import ColumnHas, HeadersAre, RowsAre
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import folded, ordered
from validators.performance.comparing import (
    compared,
    compared_list,
    described,
    holds,
    listed,
)
from validators.performance.look_result import LookResult

SHOWN_ROWS = 8


def row_seen(look: RowHas, rows: Sequence[tuple[str, ...]], values: Values) -> LookResult:
    """A look at rows by the whole texts of their cells, in any columns. Raises
    ExpressionInvalid."""
    wanted = _cells(look, values)
    found = sum(wanted <= {folded(cell) for cell in row} for row in rows)
    return _counted(look, found, rows, expected=str(sorted(wanted)))


def named_row_seen(look: RowHas, tables: Sequence[Table], values: Values) -> LookResult:
    """A look at rows by cells under the headers of their columns, or at a place in the table.
    Raises ExpressionInvalid."""
    expected = ", ".join(
        f"{values.text(cell.header)} {described(cell.claims, values)}" for cell in look.named
    )
    expected = expected or str(sorted(_cells(look, values)))
    having = [
        table
        for table in tables
        if all(table.column(values.text(cell.header)) is not None for cell in look.named)
    ]
    if not having:
        return LookResult(False, f"a table with {expected}", _shown(tables), Trouble.MISSING)
    if look.at is not None:
        return _row_at(look, having, values, expected=expected)
    found = sum(1 for table in having for _ in _fitting(look, table, values))
    return _counted(look, found, [row for table in having for row in table.rows], expected=expected)


def column_seen(look: ColumnHas, tables: Sequence[Table], values: Values) -> LookResult:
    """A look at one column of the one table that has it. Raises ExpressionInvalid."""
    header = values.text(look.header)
    having = [(table, at) for table in tables if (at := table.column(header)) is not None]
    if len(having) != 1:
        trouble = Trouble.AMBIGUOUS if having else Trouble.MISSING
        return LookResult(False, f"a table with one column {header!r}", _shown(tables), trouble)
    table, at = having[0]
    cells = table.cells(at)
    claims = [compared_list(cells, look.lists, values)] if look.lists else []
    if look.each:
        every = bool(cells) and all(holds(cell, look.each, values) for cell in cells)
        claims.append(LookResult(every, f"each {described(look.each, values)}", ""))
    if look.order:
        claims.append(
            LookResult(
                ordered(cells, look.order), f"sorted {look.order}, with two values that differ", ""
            )
        )
    expected = f"{header}: " + ", ".join(claim.expected for claim in claims)
    return LookResult(
        all(claim.holds for claim in claims), expected, f"{len(cells)} cells: {listed(cells)}"
    )


def headers_seen(look: HeadersAre, tables: Sequence[Table], values: Values) -> LookResult:
    """A look at the columns of the one table. A header may be called by any of its names. Raises
    ExpressionInvalid."""
    if len(tables) != 1:
        return _not_one(tables)
    wanted = {folded(values.text(template)) for claim in look.lists for template in claim.wanted}
    called = [
        next((name for name in header.names if name in wanted), (*header.names, "")[0])
        for header in tables[0].headers
    ]
    return compared_list(called, look.lists, values)


def number_of_rows_seen(look: RowsAre, tables: Sequence[Table], values: Values) -> LookResult:
    """A look at the number of rows of the one table. Raises ExpressionInvalid."""
    if len(tables) != 1:
        return _not_one(tables)
    return compared(str(len(tables[0].rows)), look.claims, values)


def _cells(look: RowHas, values: Values) -> set[str]:
    return {folded(values.text(cell)) for cell in look.cells}


def _fitting(look: RowHas, table: Table, values: Values) -> Iterator[int]:
    """The indices of the rows that match the look."""
    places = [(table.column(values.text(cell.header)) or 0, cell.claims) for cell in look.named]
    for index, row in enumerate(table.rows):
        fits = all(at < len(row) and holds(row[at], claims, values) for at, claims in places)
        if fits and _cells(look, values) <= {folded(cell) for cell in row}:
            yield index


def _row_at(look: RowHas, having: Sequence[Table], values: Values, *, expected: str) -> LookResult:
    if len(having) != 1:
        return _not_one(having)
    rows, at = having[0].rows, look.at or 0
    place = at - 1 if at > 0 else len(rows) + at
    found = " | ".join(rows[place]) if 0 <= place < len(rows) else f"there are {len(rows)} rows"
    return LookResult(
        place in _fitting(look, having[0], values),
        f"row {'last' if at < 0 else at}: {expected}",
        found,
    )


def _counted(
    look: RowHas, found: int, rows: Sequence[tuple[str, ...]], *, expected: str
) -> LookResult:
    agree = found == look.times if look.times else found > 0
    return LookResult(
        agree,
        f"{look.times or 'at least one'} row with {expected}",
        f"{found} of {len(rows)} rows: {_rows(rows)}",
    )


def _not_one(tables: Sequence[Table]) -> LookResult:
    return LookResult(
        False, "one table", _shown(tables), Trouble.AMBIGUOUS if tables else Trouble.MISSING
    )


def _shown(tables: Sequence[Table]) -> str:
    columns = (
        ", ".join(header.names[0] if header.names else "" for header in table.headers)
        for table in tables
    )
    return f"{len(tables)} tables" + "".join(f"; one with the columns {one}" for one in columns)


def _rows(rows: Sequence[tuple[str, ...]]) -> str:
    return " / ".join(" | ".join(row) for row in rows[:SHOWN_ROWS])
