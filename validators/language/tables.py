"""Reads the looks at tables: a row by its cells, a column by its header, the headers, the number of
rows."""

from __future__ import annotations

from validators.domain.journeys.claim import Claim
from validators.domain.journeys.journey import RowHas
from validators.domain.journeys.looks import ColumnHas, HeadersAre, NamedCell, RowsAre
from validators.domain.journeys.target import Target
from validators.language.claims import (
    COUNT,
    claims_in,
    list_claims_in,
    number_claims,
    sort_order,
    text_claims,
)
from validators.language.targets import place_in, target, template_in
from validators.language.tree import (
    Fields,
    Mapping,
    Node,
    Scalar,
    items,
    mapping,
    refusal,
    text,
)


def row(line: int, node: Node, place: str) -> RowHas:
    """`{cells: [Ada, "4"]}`, or cells by the header of their column, `{cells: {Name: Ada}}`. Raises
    JourneyInvalid."""
    fields = mapping(node, "row")
    cells, within, chosen = (
        fields.need("cells"),
        _within(fields, place),
        fields.one(("times", "at")),
    )
    fields.done()
    times = _times(chosen[1]) if chosen and chosen[0] == "times" else None
    at = place_in(chosen[1]) if chosen and chosen[0] == "at" else None
    if isinstance(cells, Mapping):
        return RowHas(line, (), within, times, _named(cells, f"{place}.cells"), at)
    wanted = (
        template_in(cell, f"{place}.cells.{index}")
        for index, cell in enumerate(items(cells, "cells"))
    )
    return RowHas(line, tuple(wanted), within, times, at=at)


def column(line: int, node: Node, place: str) -> ColumnHas:
    """`{header: City, sorted: ascending}` and the like. Raises JourneyInvalid."""
    fields = mapping(node, "column")
    header, within = template_in(fields.need("header"), f"{place}.header"), _within(fields, place)
    lists, each, order = list_claims_in(fields, place), fields.maybe("each"), fields.maybe("sorted")
    fields.done()
    if not (lists or each or order):
        raise refusal(line, "column needs one of equals, includes, excludes, each, sorted")
    return ColumnHas(
        line,
        header,
        within,
        lists,
        _each(each, place) if each else (),
        sort_order(order) if order else None,
    )


def columns(line: int, node: Node, place: str) -> HeadersAre:
    """`{equals: [City, Size], in: {table: Walks}}`. Raises JourneyInvalid."""
    fields = mapping(node, "columns")
    within, lists = _within(fields, place), list_claims_in(fields, place)
    fields.done()
    if not lists:
        raise refusal(line, "columns needs one of equals, includes, excludes")
    return HeadersAre(line, lists, within)


def rows(line: int, node: Node, place: str) -> RowsAre:
    """`{equals: 3, in: {table: Walks}}`. Raises JourneyInvalid."""
    fields = mapping(node, "rows")
    within, claims = _within(fields, place), claims_in(fields, place, kinds=COUNT)
    fields.done()
    return RowsAre(line, number_claims(claims, line), within)


def _within(fields: Fields, place: str) -> Target | None:
    found = fields.maybe("in")
    return target(found, place=f"{place}.in") if found else None


def _named(cells: Mapping, place: str) -> tuple[NamedCell, ...]:
    if not cells.entries:
        raise refusal(cells.line, "cells is empty: say at least one")
    return tuple(
        NamedCell(
            template_in(Scalar(cells.line, header), f"{place}.{index}"),
            text_claims(claim, "a cell", f"{place}.{index}.cell"),
        )
        for index, (header, claim) in enumerate(cells.entries)
    )


def _each(node: Node, place: str) -> tuple[Claim, ...]:
    return text_claims(node, "each", f"{place}.each")


def _times(node: Node) -> int:
    word = text(node, "times")
    if not (word.isascii() and word.isdigit() and int(word) > 0):
        raise refusal(node.line, "times is a whole number from 1 (for none, expect `absent`)")
    return int(word)
