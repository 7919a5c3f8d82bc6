"""The accessibility tree of a page as a value, and the patterns that an `aria` look expects in it.

A tree is read at once, so everything that is read from it is true of one moment. Everything here is
pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from validators.domain.journeys.values import Template
from validators.domain.journeys.wording import folded, well_formed

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
    """One element, or a piece of text (then the role is `text`). `states` are pairs such as `level`
    and `2`."""

    role: str
    name: str = ""
    text: str = ""
    states: tuple[tuple[str, str], ...] = ()
    children: tuple[AriaNode, ...] = ()

    @property
    def reads(self) -> str:
        """The text in the element; its name if it has no text. Names of pictures and of options are
        left out."""
        return folded(" ".join(_words(self))) or self.name

    def within(self) -> Iterator[AriaNode]:
        """This node and all below it, in the order of the page."""
        yield self
        for child in self.children:
            yield from child.within()


@dataclass(frozen=True, slots=True)
class AriaPattern:
    """An element that is expected: its role, and a name, a text, states and children if given.
    `text` is a role too."""

    line: int
    role: str
    name: Template | None = None
    text: Template | None = None
    states: tuple[tuple[str, str], ...] = ()
    children: tuple[AriaPattern, ...] = ()

    def templates(self) -> Iterator[Template]:
        """Every template of the pattern."""
        yield from (template for template in (self.name, self.text) if template)
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
    """An element as snapshots and journeys write it: `role "name" [state=value]`."""

    role: str
    name: str | None
    states: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Header:
    """The heading of a column. `names`: everything that a person may call it (its text, with and
    without arrows; a link or a button in it)."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table. A row has the text of each cell, from left to right; rows of headings do not
    count."""

    headers: tuple[Header, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> int | None:
        """The index of the one column of this name; None if there is none or several."""
        wanted = folded(name)
        exact = [at for at, header in enumerate(self.headers) if wanted in header.names]
        alike = [
            at
            for at, header in enumerate(self.headers)
            if wanted.casefold() in map(str.casefold, header.names)
        ]
        # An exact name comes first: a table may have both `City` and `city`.
        places = exact or alike
        return places[0] if len(places) == 1 else None

    def cells(self, at: int) -> tuple[str, ...]:
        """The cells of the column at this index. A row with fewer cells than there are columns is
        left out: it is a message like "No rows"."""
        return tuple(
            row[at] for row in self.rows if at < len(row) and len(row) >= len(self.headers)
        )


def aria_key(text: str) -> AriaKey | None:
    """The element that is written `role "name" [state=value]`; None if the text is not of this
    form."""
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    try:
        name = well_formed(json.loads(found.group(2))) if found.group(2) else None
    except ValueError:
        return None
    return AriaKey(
        found.group(1),
        name,
        tuple((state, value or "true") for state, value in _ATTRIBUTE.findall(found.group(3))),
    )


def tables(nodes: Sequence[AriaNode]) -> tuple[Table, ...]:
    """Every table among and below these nodes, without tables inside tables."""
    return tuple(_table(node) for root in nodes for node in _outermost(root, TABLES))


def rows(nodes: Sequence[AriaNode]) -> tuple[tuple[str, ...], ...]:
    """The texts of the cells of every row among and below these nodes, with rows of headings."""
    found = (row for root in nodes for row in _outermost(root, ("row",)))
    return tuple(tuple(cell.reads for cell in _outermost(row, CELLS)) for row in found)


def items(nodes: Sequence[AriaNode]) -> tuple[str, ...]:
    """The texts of the items of a list, in order; items of lists in them belong to those."""
    found = (item for root in nodes for item in _outermost(root, ("listitem",)))
    return tuple(item.reads for item in found)


def options(nodes: Sequence[AriaNode]) -> tuple[AriaNode, ...]:
    """Every option among and below these nodes, in order."""
    return tuple(node for root in nodes for node in root.within() if node.role == "option")


def tree_matches(
    nodes: Sequence[AriaNode], patterns: Sequence[AriaPattern], text: Callable[[Template], str]
) -> bool:
    """Whether one element in the tree has all patterns below it, in this order; other elements may
    stand between them."""
    return _contains(nodes, patterns, text) or any(
        tree_matches(node.children, patterns, text) for node in nodes
    )


def _contains(
    nodes: Sequence[AriaNode], patterns: Sequence[AriaPattern], text: Callable[[Template], str]
) -> bool:
    # One iterator for all patterns: each continues after the match of the one before it.
    left = iter(nodes)
    return all(any(_matches(node, pattern, text) for node in left) for pattern in patterns)


def _matches(node: AriaNode, pattern: AriaPattern, text: Callable[[Template], str]) -> bool:
    return (
        node.role == pattern.role
        and (pattern.name is None or folded(node.name) == folded(text(pattern.name)))
        and (pattern.text is None or folded(text(pattern.text)) in (folded(node.text), node.reads))
        and all(dict(node.states).get(state, "false") == value for state, value in pattern.states)
        and _contains(node.children, pattern.children, text)
    )


def _table(node: AriaNode) -> Table:
    rows = [tuple(_outermost(row, CELLS)) for row in _rows(node)]
    headings = [row for row in rows if row and _heads(row)]
    # Of several rows of headings, the last names the columns; those above it group them.
    headers = tuple(Header(_names(cell)) for cell in headings[-1]) if headings else ()
    return Table(
        headers,
        tuple(tuple(cell.reads for cell in row) for row in rows if row and not _heads(row)),
    )


def _heads(row: Sequence[AriaNode]) -> bool:
    return all(cell.role in HEADERS for cell in row)


def _rows(node: AriaNode) -> Iterator[AriaNode]:
    return (row for child in node.children for row in _outermost(child, ("row",)))


def _outermost(node: AriaNode, roles: tuple[str, ...]) -> Iterator[AriaNode]:
    if node.role in roles:
        yield node
        return
    for child in node.children:
        yield from _outermost(child, roles)


def _names(cell: AriaNode) -> tuple[str, ...]:
    """Every name of a heading: its accessible name, its text, and what can be clicked in it; each
    with and without arrows."""
    pressed = (node.reads for node in cell.within() if node.role in ("link", "button"))
    pieces = (node.text for node in cell.within() if node.text)
    texts = [folded(text) for text in (cell.name, cell.reads, *pressed, *pieces)]
    bare = {text: re.sub(r"^\W+|\W+$", "", text) for text in texts}
    return tuple(dict.fromkeys(name for text in texts for name in (text, bare[text]) if name))


def _words(node: AriaNode) -> Iterator[str]:
    if node.text:
        yield node.text
    if not node.children and not node.text and node.role not in ("img", "option", *FIELDS):
        yield node.name
    for child in node.children:
        yield from _words(child)
