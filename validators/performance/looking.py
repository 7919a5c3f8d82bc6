"""Takes one look at a page as it is now, and compares what is there with what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never
from urllib.parse import parse_qsl

from validators.domain.evidence import Trouble
from validators.domain.journeys.aria import AriaNode, items, tree_matches
from validators.domain.journeys.calls import AnswerIs
from validators.domain.journeys.commands import ExitIs, FileLeft, OutputHas
from validators.domain.journeys.journey import (
    Absent,
    CountIs,
    Look,
    PathIs,
    RowHas,
    TextIs,
    TitleIs,
    ValueIs,
    Visible,
)
from validators.domain.journeys.looks import (
    ColumnHas,
    DescriptionIs,
    FileHas,
    Focused,
    HeadersAre,
    ItemsAre,
    LeadsTo,
    OptionsAre,
    ParameterIs,
    RowsAre,
    StateIs,
    StatusIs,
    TreeIs,
)
from validators.domain.journeys.spot import Spot, spot
from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import ordered
from validators.performance.calling import answer_look_result
from validators.performance.command_looks import command_look_result
from validators.performance.comparing import compared, compared_list, compared_path
from validators.performance.file_looks import file_look_result
from validators.performance.look_result import LookResult
from validators.performance.table_looks import (
    column_seen,
    headers_seen,
    named_row_seen,
    number_of_rows_seen,
    row_seen,
)
from validators.ports.browser import Session

KINDS: dict[type[Look], str] = {
    TextIs: "text",
    ValueIs: "value",
    Visible: "visible",
    Absent: "absent",
    CountIs: "count",
    PathIs: "url_path",
    TitleIs: "title",
    RowHas: "row",
    RowsAre: "rows",
    ColumnHas: "column",
    HeadersAre: "columns",
    OptionsAre: "options",
    ItemsAre: "items",
    ParameterIs: "parameter",
    StateIs: "state",
    DescriptionIs: "description",
    LeadsTo: "leads_to",
    StatusIs: "status",
    TreeIs: "aria",
    Focused: "focused",
    FileHas: "downloaded",
    AnswerIs: "answer",
    ExitIs: "exit",
    OutputHas: "output",
    FileLeft: "file",
}


def look_name(look: Look) -> str:
    """The word of the journey language for this look."""
    return str(look.stream) if isinstance(look, OutputHas) else KINDS[type(look)]


async def look_result(look: Look, session: Session, values: Values) -> LookResult:
    """Take one look. Raises Unable or ExpressionInvalid."""
    match look:
        case TextIs(target=target, claims=claims):
            return compared(await session.text(_there(target, values)), claims, values)
        case TitleIs(claims=claims):
            return compared(await session.title(), claims, values)
        case PathIs(claims=claims):
            return compared_path(await session.path(), claims, values)
        case StatusIs(claims=claims):
            return compared(str(await session.status()), claims, values)
        case RowHas() | ColumnHas() | HeadersAre() | RowsAre():
            return await _tabular(look, session, values)
        case TreeIs(within=within, patterns=patterns):
            tree = await session.tree(_there(within, values))
            return LookResult(
                tree_matches(tree, patterns, values.text),
                "; ".join(map(str, patterns)),
                " ".join(node.reads for node in tree),
            )
        case ItemsAre(target=target):
            return _items(await session.tree(spot(target, values)), look, values)
        case ParameterIs():
            return await _parameter(look, session, values)
        case FileHas():
            return file_look_result(look, values)
        case AnswerIs():
            return answer_look_result(look, values)
        case ExitIs() | OutputHas() | FileLeft():
            return command_look_result(look, values)
        case _:
            return await _at(look, session, values)


def _items(tree: Sequence[AriaNode], look: ItemsAre, values: Values) -> LookResult:
    texts = items(tree)
    found = compared_list(texts, look.lists, values)
    if look.order is None:
        return found
    expected = ", ".join(filter(None, (found.expected, f"sorted {look.order}")))
    return LookResult(found.holds and ordered(texts, look.order), expected, found.observed)


async def _parameter(look: ParameterIs, session: Session, values: Values) -> LookResult:
    where = _there(look.target, values)
    address = await session.leads_to(where) if where else await session.path()
    name = values.text(look.name)
    asked = parse_qsl(address.partition("#")[0].partition("?")[2], keep_blank_values=True)
    texts = [value for key, value in asked if key == name]
    listed_, counted = (
        compared_list(texts, look.lists, values),
        compared(str(len(texts)), look.claims, values),
    )
    count = f"count {counted.expected}" if look.claims else ""
    expected = ", ".join(filter(None, (listed_.expected, count)))
    return LookResult(
        listed_.holds and counted.holds, f"{name} {expected}", listed_.observed or f"no {name}"
    )


async def _at(
    look: Visible
    | Absent
    | CountIs
    | ValueIs
    | OptionsAre
    | StateIs
    | DescriptionIs
    | LeadsTo
    | Focused,
    session: Session,
    values: Values,
) -> LookResult:
    """A look at one element."""
    where = spot(look.target, values)
    match look:
        case Visible():
            return _present(await session.count(where))
        case Absent():
            there = await session.count(where)
            return LookResult(there == 0, "not there", f"{there} there")
        case CountIs(claims=claims):
            return compared(str(await session.count(where)), claims, values)
        case ValueIs(claims=claims):
            return compared(await session.value(where), claims, values)
        case DescriptionIs(claims=claims):
            return compared(await session.description(where), claims, values)
        case LeadsTo(claims=claims):
            return compared_path(await session.leads_to(where), claims, values)
        case OptionsAre(lists=lists):
            return compared_list(await session.options(where), lists, values)
        case StateIs(states=states):
            lacking = [state for state in states if not await session.in_state(where, state)]
            return LookResult(
                not lacking,
                ", ".join(states),
                f"not {', '.join(lacking)}" if lacking else ", ".join(states),
            )
        case Focused():
            return await _focus(session, where)
        case _:
            assert_never(look)


async def _tabular(
    look: RowHas | ColumnHas | HeadersAre | RowsAre, session: Session, values: Values
) -> LookResult:
    within = _there(look.within, values)
    match look:
        case RowHas(cells=(_, *_), at=None):
            return row_seen(look, await session.rows(within), values)
        case RowHas():
            return named_row_seen(look, await session.tables(within), values)
        case ColumnHas():
            return column_seen(look, await session.tables(within), values)
        case HeadersAre():
            return headers_seen(look, await session.tables(within), values)
        case RowsAre():
            return number_of_rows_seen(look, await session.tables(within), values)
        case _:
            assert_never(look)


def _there(target: Target | None, values: Values) -> Spot | None:
    return spot(target, values) if target else None


def _present(there: int) -> LookResult:
    trouble = {0: Trouble.MISSING, 1: None}.get(there, Trouble.AMBIGUOUS)
    return LookResult(there == 1, "there", f"{there} there", trouble)


async def _focus(session: Session, where: Spot) -> LookResult:
    # A missing element must be reported as missing, not as one without the focus.
    there = _present(await session.count(where))
    if not there.holds:
        return there
    has_it = await session.focused(where)
    return LookResult(
        has_it, "has the focus", "has it" if has_it else "something else has the focus, or nothing"
    )
