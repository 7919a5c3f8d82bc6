"""One look at a page as it is now: what was expected, what is there, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from validators.domain.evidence import Trouble
from validators.domain.journey import Absent, CountIs, Look, Match, PathIs, RowHas, TextIs, TitleIs, ValueIs, Visible
from validators.domain.spot import spot
from validators.domain.values import Values
from validators.domain.wording import folded, matches
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
}


@dataclass(frozen=True, slots=True)
class Seen:
    """`trouble` says why nothing could be compared; it is None when the page was read."""

    holds: bool
    expected: str
    observed: str
    trouble: Trouble | None = None


def named(look: Look) -> str:
    """The word by which the language calls this look."""
    return KINDS[type(look)]


async def seen(look: Look, session: Session, values: Values) -> Seen:
    """Take one look. Raises Unable or ExpressionInvalid."""
    match look:
        case TextIs(target=target, match=match, value=value):
            told = await session.text(spot(target, values) if target else None)
            return _compared(told, match, values.text(value))
        case ValueIs(target=target, match=match, value=value):
            return _compared(await session.value(spot(target, values)), match, values.text(value))
        case TitleIs(match=match, value=value):
            return _compared(await session.title(), match, values.text(value))
        case PathIs(match=match, value=value):
            return _path(await session.path(), match, values.text(value))
        case Visible(target=target):
            return _present(await session.count(spot(target, values)))
        case Absent(target=target):
            there = await session.count(spot(target, values))
            return Seen(there == 0, "not there", f"{there} there")
        case CountIs(target=target, value=value):
            there, wanted = await session.count(spot(target, values)), values.text(value).strip()
            return Seen(str(there) == wanted, f"{wanted} there", f"{there} there")
        case RowHas():
            return _rows(look, await session.rows(spot(look.within, values) if look.within else None), values)
        case _:
            assert_never(look)


def _compared(told: str, match: Match, wanted: str) -> Seen:
    return Seen(matches(told, match, wanted), f"{match} {wanted!r}", told)


def _path(told: str, match: Match, wanted: str) -> Seen:
    """A path with a query is compared whole; one without ignores the query of the page."""
    return _compared(told if "?" in wanted else told.partition("?")[0], match, wanted)


def _present(there: int) -> Seen:
    trouble = {0: Trouble.MISSING, 1: None}.get(there, Trouble.AMBIGUOUS)
    return Seen(there == 1, "there", f"{there} there", trouble)


def _rows(look: RowHas, rows: tuple[tuple[str, ...], ...], values: Values) -> Seen:
    wanted = {folded(values.text(cell)) for cell in look.cells}
    found = sum(wanted <= {folded(cell) for cell in row} for row in rows)
    holds = found == look.times if look.times else found > 0
    expected = f"{look.times or 'at least one'} row with {sorted(wanted)}"
    return Seen(holds, expected, f"{found} of {len(rows)} rows: {' / '.join(' | '.join(row) for row in rows[:8])}")
