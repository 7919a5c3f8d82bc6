"""The accessibility tree as a value: what a page is to somebody who is told it, and what is wished
to stand in it.

A tree is read at once, so all that is said about it is true of one moment. Everything here is pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from validators.domain.journeys.values import Template
from validators.domain.journeys.wording import folded

_KEY = re.compile(r'([a-z]+)(?:\s+("(?:[^"\\]|\\.)*"))?((?:\s+\[[a-z-]+(?:=[^\]\s]+)?\])*)\s*')
_ATTRIBUTE = re.compile(r"\[([a-z-]+)(?:=([^\]\s]+))?\]")
TABLES = ("table", "grid", "treegrid")
HEADERS = ("columnheader", "rowheader")
CELLS = ("cell", "gridcell", *HEADERS)
FIELDS = (
    "textbox",
    "searchbox",
    "spinbutton",
    "combobox",
    "listbox",
    "checkbox",
    "radio",
    "switch",
    "slider",
)
STATES = ("checked", "disabled", "expanded", "invalid", "level", "pressed", "selected")


@dataclass(frozen=True, slots=True)
class AriaNode:
    """One element, or a piece of text (then the role is `text`). `told` are its states, such as
    `level` and `2`."""

    role: str
    name: str = ""
    text: str = ""
    states: tuple[tuple[str, str], ...] = ()
    children: tuple[AriaNode, ...] = ()

    @property
    def reads(self) -> str:
        """The text in the element; pictures and the words of choices count only where there is no
        other."""
        return folded(" ".join(_words(self))) or self.name

    def within(self) -> Iterator[AriaNode]:
        """This node and all below it, in the order of the page."""
        yield self
        for child in self.children:
            yield from child.within()


@dataclass(frozen=True, slots=True)
class AriaPattern:
    """What is wished for: a role, and where they are given a name, a text, states and children.
    `text` may be the role."""

    line: int
    role: str
    name: Template | None = None
    text: Template | None = None
    states: tuple[tuple[str, str], ...] = ()
    children: tuple[AriaPattern, ...] = ()

    def templates(self) -> Iterator[Template]:
        """Every template of the wish."""
        yield from (held for held in (self.name, self.text) if held)
        for child in self.children:
            yield from child.templates()

    def __str__(self) -> str:
        own = (
            self.role
            + (f' "{self.name.source}"' if self.name else "")
            + (f" {self.text.source}" if self.text else "")
        )
        states = "".join(f" [{aria_key}={value}]" for aria_key, value in self.states)
        return own + states + (f" ({', '.join(map(str, self.children))})" if self.children else "")


@dataclass(frozen=True, slots=True)
class AriaKey:
    """`role "name" [state=value]`, as snapshots and journeys write an element."""

    role: str
    name: str | None
    states: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Header:
    """A column's heading. `names`: all that a person may call it (its text, without arrows; a link
    or button in it)."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table. A row has a text for each of its cells, from left to right; rows of headings are
    no rows."""

    headers: tuple[Header, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> int | None:
        """The place of the one column so called, None when there is none or several."""
        wanted = folded(name)
        exact = [at for at, header in enumerate(self.headers) if wanted in header.names]
        alike = [
            at
            for at, header in enumerate(self.headers)
            if wanted.casefold() in map(str.casefold, header.names)
        ]
        places = exact or alike
        return places[0] if len(places) == 1 else None

    def cells(self, at: int) -> tuple[str, ...]:
        """The cells of the column at this place. A row that is shorter (one cell says "No rows")
        has none in it."""
        return tuple(
            row[at] for row in self.rows if at < len(row) and len(row) >= len(self.headers)
        )


def aria_key(text: str) -> AriaKey | None:
    """The element that a key names, None when it is not written like one."""
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    try:
        name = json.loads(found.group(2)) if found.group(2) else None
    except ValueError:
        return None
    return AriaKey(
        found.group(1),
        name,
        tuple((state, value or "true") for state, value in _ATTRIBUTE.findall(found.group(3))),
    )


def tables(nodes: Sequence[AriaNode]) -> tuple[Table, ...]:
    """Every table among and below these nodes, the outermost of nested ones alone."""
    return tuple(_table(node) for root in nodes for node in _outermost(root, TABLES))


def rows(nodes: Sequence[AriaNode]) -> tuple[tuple[str, ...], ...]:
    """The texts of the cells of every row among and below these nodes, rows of headings
    included."""
    found = (row for root in nodes for row in _outermost(root, ("row",)))
    return tuple(tuple(cell.reads for cell in _outermost(row, CELLS)) for row in found)


def options(nodes: Sequence[AriaNode]) -> tuple[AriaNode, ...]:
    """Everything that can be picked, among and below these nodes, in order."""
    return tuple(node for root in nodes for node in root.within() if node.role == "option")


def tree_matches(
    nodes: Sequence[AriaNode], wishes: Sequence[AriaPattern], text: Callable[[Template], str]
) -> bool:
    """Whether somewhere below one and the same element all wishes stand, in this order, others
    between them or not."""
    return _contains(nodes, wishes, text) or any(
        tree_matches(node.children, wishes, text) for node in nodes
    )


def _contains(
    nodes: Sequence[AriaNode], wishes: Sequence[AriaPattern], text: Callable[[Template], str]
) -> bool:
    left = iter(nodes)
    return all(any(_grants(node, wish, text) for node in left) for wish in wishes)


def _grants(node: AriaNode, wish: AriaPattern, text: Callable[[Template], str]) -> bool:
    return (
        node.role == wish.role
        and (wish.name is None or folded(node.name) == folded(text(wish.name)))
        and (wish.text is None or folded(text(wish.text)) in (folded(node.text), node.reads))
        and all(dict(node.states).get(state, "false") == value for state, value in wish.states)
        and _contains(node.children, wish.children, text)
    )


def _table(node: AriaNode) -> Table:
    rows = [tuple(_outermost(row, CELLS)) for row in _rows(node)]
    headings = [row for row in rows if row and all(cell.role in HEADERS for cell in row)]
    headers = tuple(Header(_names(cell)) for cell in headings[-1]) if headings else ()
    return Table(
        headers,
        tuple(tuple(cell.reads for cell in row) for row in rows if row and row not in headings),
    )


def _rows(node: AriaNode) -> Iterator[AriaNode]:
    return (row for child in node.children for row in _outermost(child, ("row",)))


def _outermost(node: AriaNode, roles: tuple[str, ...]) -> Iterator[AriaNode]:
    if node.role in roles:
        yield node
        return
    for child in node.children:
        yield from _outermost(child, roles)


def _names(cell: AriaNode) -> tuple[str, ...]:
    """What a heading may be called: its accessible name, its text, and what can be clicked in it;
    without arrows."""
    pressed = (node.reads for node in cell.within() if node.role in ("link", "button"))
    pieces = (node.text for node in cell.within() if node.text)
    states = (folded(text) for text in (cell.name, cell.reads, *pressed, *pieces))
    return tuple(
        dict.fromkeys(
            name for text in states for name in (text, re.sub(r"^\W+|\W+$", "", text)) if name
        )
    )


def _words(node: AriaNode) -> Iterator[str]:
    if node.text:
        yield node.text
    if not node.children and not node.text and node.role not in ("img", "option", *FIELDS):
        yield node.name
    for child in node.children:
        yield from _words(child)
