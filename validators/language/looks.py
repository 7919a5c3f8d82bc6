"""Reads the `expect` lists of a journey: the looks, and the vantage of each."""

from __future__ import annotations

from collections.abc import Callable

from validators.domain.errors import JourneyInvalid, Problem
from validators.domain.journeys.claim import Claim, Match
from validators.domain.journeys.journey import (
    Absent,
    Block,
    CountIs,
    Look,
    PathIs,
    TextIs,
    TitleIs,
    ValueIs,
    Vantage,
    Visible,
)
from validators.domain.journeys.looks import Focused
from validators.language.calls import answer
from validators.language.claims import (
    ADDRESS,
    COUNT,
    PAGE,
    claims_in,
    number_claims,
    text_claims,
)
from validators.language.commands import (
    errors_look,
    exit_look,
    file_look,
    no_file_look,
    output_look,
)
from validators.language.element_looks import (
    aria,
    description,
    items_are,
    leads_to,
    options,
    parameter,
    state,
    status,
)
from validators.language.file_entries import downloaded
from validators.language.names import path, person
from validators.language.tables import column, columns, row, rows
from validators.language.targets import maybe_target_in, target, target_in, template_in
from validators.language.tree import (
    Items,
    Mapping,
    Node,
    Scalar,
    entry,
    items,
    mapping,
    nearest,
    refusal,
)

VANTAGES = ("after_reload", "other_session")


def looks_here(node: Node, *, place: str) -> tuple[Look, ...]:
    """The looks of a step `expect`: one, or a list, at what is there now. Raises JourneyInvalid."""
    nodes = items(node, "expect") if isinstance(node, Items) else (node,)
    found: list[Look] = []
    for index, item in enumerate(nodes):
        if _from_elsewhere(item):
            raise refusal(
                item.line, "between steps only what is there is looked at, by whoever acts"
            )
        kind, value, line = entry(item)
        found.append(_look(kind, value, line=line, place=f"{place}.{index}"))
    return tuple(found)


def blocks(node: Node, *, place: str) -> tuple[Block, ...]:
    """The blocks of an `expect` list: the looks from here, then those from each other vantage, in
    the order written.

    Raises JourneyInvalid with the problems of all entries."""
    here: list[Look] = []
    others: list[Block] = []
    problems: list[Problem] = []
    for index, item in enumerate(items(node, "expect")):
        # `same` means the looks above, and those could not be read: no second problem for one
        # mistake.
        if problems and not here and _from_elsewhere(item):
            continue
        try:
            found = _look_or_block(item, here=tuple(here), others=others, place=f"{place}.{index}")
        except JourneyInvalid as invalid:
            problems.extend(invalid.problems)
            continue
        if isinstance(found, Block):
            others.append(found)
        else:
            here.append(found)
    if problems:
        raise JourneyInvalid(tuple(problems))
    first = (Block(here[0].line, Vantage.HERE, tuple(here)),) if here else ()
    return (*first, *others)


def _from_elsewhere(item: Node) -> bool:
    return isinstance(item, Mapping) and any(key in (*VANTAGES, "as") for key, _ in item.entries)


def _look_or_block(
    item: Node, *, here: tuple[Look, ...], others: list[Block], place: str
) -> Look | Block:
    if isinstance(item, Mapping) and "as" in dict(item.entries):
        return _by_actor(item, here=here, place=place)
    kind, value, line = entry(item)
    if kind in VANTAGES:
        return _elsewhere(kind, value, line=line, here=here, place=place)
    # `same` repeats the looks above it, so all looks from here must come before any other vantage.
    if others:
        raise refusal(
            line, f"{kind!r} comes after {others[-1].vantage}: put what is seen here first"
        )
    return _look(kind, value, line=line, place=place)


def _elsewhere(kind: str, node: Node, *, line: int, here: tuple[Look, ...], place: str) -> Block:
    vantage = Vantage(kind)
    opens = None
    if isinstance(node, Mapping) and vantage is Vantage.OTHER_SESSION:
        fields = mapping(node, kind)
        opens, node = path(fields.need("open"), f"{place}.open"), fields.need("expect")
        fields.done()
    return Block(line, vantage, _same_or_own(kind, node, line=line, here=here, place=place), opens)


def _by_actor(node: Mapping, *, here: tuple[Look, ...], place: str) -> Block:
    """The looks of one person: `{as: guide, expect: […]}`, with a path to `open` first if need
    be."""
    fields = mapping(node, "as")
    actor, opens, expect = person(fields.need("as")), fields.maybe("open"), fields.maybe("expect")
    fields.done()
    if expect is None:
        raise refusal(node.line, f"say what {actor} must see, beside `as`: `expect: [...]`")
    seen = _same_or_own("as", expect, line=node.line, here=here, place=place)
    return Block(
        node.line, Vantage.ACTOR, seen, path(opens, f"{place}.open") if opens else None, actor
    )


def _same_or_own(
    kind: str, node: Node, *, line: int, here: tuple[Look, ...], place: str
) -> tuple[Look, ...]:
    if isinstance(node, Scalar):
        if node.text != "same" or not here:
            raise refusal(line, f"{kind} is `same` (as the entries above it) or a list of its own")
        return here
    entries = [entry(item) for item in items(node, kind)]
    return tuple(
        _look(look, value, line=at, place=f"{place}.{index}")
        for index, (look, value, at) in enumerate(entries)
    )


def _look(kind: str, node: Node, *, line: int, place: str) -> Look:
    if kind not in LOOKS:
        raise refusal(line, f"cannot expect {kind!r}{nearest(kind, (*LOOKS, *VANTAGES))}")
    return LOOKS[kind](line, node, f"{place}.{kind}")


def _text(line: int, node: Node, place: str) -> TextIs:
    if isinstance(node, Scalar):
        return TextIs(line, None, (Claim(Match.CONTAINS, (template_in(node, place),)),))
    fields = mapping(node, "text")
    where, claims = maybe_target_in(fields, place=place), claims_in(fields, place)
    fields.done()
    if where is None and any(claim.match not in PAGE for claim in claims):
        raise refusal(
            line, "of a whole page can only be asked what it contains, or does not; name an element"
        )
    return TextIs(line, where, claims)


def _value(line: int, node: Node, place: str) -> ValueIs:
    fields = mapping(node, "value")
    found = ValueIs(line, target_in(fields, place=place), claims_in(fields, place))
    fields.done()
    return found


def _count(line: int, node: Node, place: str) -> CountIs:
    fields = mapping(node, "count")
    where, claims = target_in(fields, place=place), claims_in(fields, place, kinds=COUNT)
    fields.done()
    return CountIs(line, where, number_claims(claims, line))


LOOKS: dict[str, Callable[[int, Node, str], Look]] = {
    "text": _text,
    "value": _value,
    "visible": lambda line, node, place: Visible(line, target(node, place=place)),
    "absent": lambda line, node, place: Absent(line, target(node, place=place)),
    "count": _count,
    "url_path": lambda line, node, place: PathIs(
        line, text_claims(node, "url_path", place, kinds=ADDRESS)
    ),
    "title": lambda line, node, place: TitleIs(line, text_claims(node, "title", place)),
    "row": row,
    "rows": rows,
    "column": column,
    "columns": columns,
    "options": options,
    "items": items_are,
    "parameter": parameter,
    "state": state,
    "description": description,
    "leads_to": leads_to,
    "status": status,
    "aria": aria,
    "focused": lambda line, node, place: Focused(line, target(node, place=place)),
    "downloaded": downloaded,
    "answer": answer,
    "exit": exit_look,
    "output": output_look,
    "errors": errors_look,
    "file": file_look,
    "no_file": no_file_look,
}
