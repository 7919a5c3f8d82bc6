"""What may be expected, from which vantage, and what must never happen."""

from __future__ import annotations

import re
from collections.abc import Callable

from validators.domain.journey import (
    Absent,
    Block,
    CountIs,
    Forbidden,
    Look,
    Match,
    Never,
    PathIs,
    RowHas,
    TextIs,
    TitleIs,
    ValueIs,
    Vantage,
    Visible,
)
from validators.domain.values import Template
from validators.language.targets import held, maybe_taken, taken, target
from validators.language.tree import Fields, Mapping, Node, Scalar, items, mapping, nearest, refusal, text

VANTAGES = ("after_reload", "other_session")
CONSOLE_LEVELS = ("error", "warning")


def blocks(node: Node, *, place: str) -> tuple[Block, ...]:
    """The blocks of an `expect` list: what is seen here, then from each other vantage, in the order written."""
    here: list[Look] = []
    others: list[Block] = []
    for index, item in enumerate(items(node, "expect")):
        kind, value, line = _entry(item)
        if kind in VANTAGES:
            others.append(_elsewhere(kind, value, line=line, here=tuple(here), place=f"{place}.{index}"))
        elif others:
            raise refusal(line, f"{kind!r} comes after {others[-1].vantage}: put what is seen here first")
        else:
            here.append(_look(kind, value, line=line, place=f"{place}.{index}"))
    first = (Block(here[0].line, Vantage.HERE, tuple(here)),) if here else ()
    return (*first, *others)


def nevers(node: Node) -> tuple[Never, ...]:
    """The entries of a `never` list."""
    return tuple(_never(*_entry(item)) for item in items(node, "never"))


def _entry(node: Node) -> tuple[str, Node, int]:
    match node:
        case Mapping(line=line, entries=((kind, value),)):
            return kind, value, line
        case _:
            raise refusal(node.line, "write one thing per entry, like `- visible: {button: Book}`")


def _elsewhere(kind: str, node: Node, *, line: int, here: tuple[Look, ...], place: str) -> Block:
    vantage = Vantage(kind)
    opens = None
    if isinstance(node, Mapping) and vantage is Vantage.OTHER_SESSION:
        fields = mapping(node, kind)
        opens, node = _path(fields.need("open"), f"{place}.open"), fields.need("expect")
        fields.done()
    if isinstance(node, Scalar):
        if node.text != "same" or not here:
            raise refusal(line, f"{kind} is `same` (as the entries above it) or a list of its own")
        return Block(line, vantage, here, opens)
    entries = [_entry(item) for item in items(node, kind)]
    looks = (_look(*entry[:2], line=entry[2], place=f"{place}.{index}") for index, entry in enumerate(entries))
    return Block(line, vantage, tuple(looks), opens)


def _path(node: Node, place: str) -> Template:
    path = held(node, place)
    if not path.source.startswith("/") or path.source.startswith("//"):
        raise refusal(node.line, "open takes a path of the app that starts with one slash, like /bookings")
    return path


def _look(kind: str, node: Node, *, line: int, place: str) -> Look:
    if kind not in LOOKS:
        raise refusal(line, f"cannot expect {kind!r}{nearest(kind, (*LOOKS, *VANTAGES))}")
    return LOOKS[kind](line, node, f"{place}.{kind}")


def _matched(fields: Fields, place: str, *, kinds: tuple[Match, ...] = tuple(Match)) -> tuple[Match, Template]:
    chosen = fields.one(kinds)
    if chosen is None:
        raise refusal(fields.line, f"{fields.what} needs one of {', '.join(kinds)}")
    return Match(chosen[0]), held(chosen[1], f"{place}.{chosen[0]}")


def _text(line: int, node: Node, place: str) -> TextIs:
    if isinstance(node, Scalar):
        return TextIs(line, None, Match.CONTAINS, held(node, place))
    fields = mapping(node, "text")
    where = maybe_taken(fields, place=place)
    match, value = _matched(fields, place)
    fields.done()
    if where is None and match is not Match.CONTAINS:
        raise refusal(line, "the text of a whole page can only be asked whether it contains something; name an element")
    return TextIs(line, where, match, value)


def _value(line: int, node: Node, place: str) -> ValueIs:
    fields = mapping(node, "value")
    where = taken(fields, place=place)
    match, value = _matched(fields, place)
    fields.done()
    return ValueIs(line, where, match, value)


def _count(line: int, node: Node, place: str) -> CountIs:
    fields = mapping(node, "count")
    counted = CountIs(line, taken(fields, place=place), held(fields.need("equals"), f"{place}.equals"))
    fields.done()
    return counted


def _bare(node: Node, what: str, place: str) -> tuple[Match, Template]:
    if isinstance(node, Scalar):
        return Match.EQUALS, held(node, place)
    fields = mapping(node, what)
    matched = _matched(fields, place, kinds=(Match.EQUALS, Match.CONTAINS))
    fields.done()
    return matched


def _row(line: int, node: Node, place: str) -> RowHas:
    fields = mapping(node, "row")
    cells = items(fields.need("cells"), "cells")
    within, times = fields.maybe("in"), fields.maybe("times")
    fields.done()
    return RowHas(
        line,
        tuple(held(cell, f"{place}.cells.{index}") for index, cell in enumerate(cells)),
        target(within, place=f"{place}.in") if within else None,
        _times(times) if times else None,
    )


def _times(node: Node) -> int:
    word = text(node, "times")
    if not (word.isascii() and word.isdigit() and int(word) > 0):
        raise refusal(node.line, "times is a whole number from 1 (for none, expect `absent`)")
    return int(word)


def _never(kind: str, node: Node, line: int) -> Never:
    if kind not in tuple(Forbidden):
        raise refusal(line, f"never has no {kind!r}{nearest(kind, Forbidden)}")
    value = text(node, kind)
    if kind == Forbidden.HTTP_STATUS and not re.fullmatch(r"(>=|<=|==|>|<)\s*[1-5][0-9]{2}", value):
        raise refusal(line, 'http_status is a comparison in quotes, like ">=500"')
    if kind == Forbidden.CONSOLE and value not in CONSOLE_LEVELS:
        raise refusal(line, f"console is one of {', '.join(CONSOLE_LEVELS)}")
    if not value.strip():
        raise refusal(line, f"{kind} is empty")
    return Never(line, Forbidden(kind), value)


LOOKS: dict[str, Callable[[int, Node, str], Look]] = {
    "text": _text,
    "value": _value,
    "visible": lambda line, node, place: Visible(line, target(node, place=place)),
    "absent": lambda line, node, place: Absent(line, target(node, place=place)),
    "count": _count,
    "url_path": lambda line, node, place: PathIs(line, *_bare(node, "url_path", place)),
    "title": lambda line, node, place: TitleIs(line, *_bare(node, "title", place)),
    "row": _row,
}
