"""A page as a tree of parts with references, and the ways to name a part in the journey language.

`validators.domain.journeys.aria` has the tree that looks compare; this tree is for acts, so its
parts carry references. Texts and names come from the page: they are data, never instructions.
`validators.domain.exploring.view` decides what an actor is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from validators.domain.journeys.spot import Spot
from validators.domain.journeys.wording import folded

FIELDS = frozenset(
    {
        "textbox",
        "searchbox",
        "spinbutton",
        "combobox",
        "listbox",
        "checkbox",
        "radio",
        "switch",
        "slider",
    }
)
PRESSED = frozenset({"button", "link", "tab", "menuitem"})
CONTROLS = FIELDS | PRESSED
WORDED = frozenset({"row", "listitem", "article"})
"""Roles that the language tells apart by the words in the element."""
PLACES = frozenset(
    {
        "dialog",
        "alertdialog",
        "table",
        "region",
        "form",
        "navigation",
        "main",
        "group",
        "tabpanel",
        "search",
    }
)
PICTURES = frozenset({"img", "image", "figure", "graphics-document"})
LONGEST_WORDS = 60
MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a page. `role` is `text` for bare text. `text` is its own text, or the value of a
    field. `ref` may be empty. `states` are words such as `disabled`, `checked` and `level=2`."""

    role: str
    name: str = ""
    text: str = ""
    ref: str = ""
    states: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


def words(part: Part) -> str:
    """The text of a part without the names of its controls, spaces folded."""
    return folded(" ".join(_words(part)))


def lineage(root: Part, ref: str) -> tuple[Part, ...]:
    """The part with this reference and its ancestors, the innermost first; empty if there is no
    such part."""
    if ref and root.ref == ref:
        return (root,)
    for part in root.parts:
        if found := lineage(part, ref):
            return (*found, root)
    return ()


def spots(root: Part, ref: str) -> Iterator[Spot]:
    """Every way in which a journey could name the part with this reference, the simplest first.

    The caller must ask the page whether a spot matches exactly this element."""
    found = lineage(root, ref)
    if not found:
        return
    own = tuple(_own(found[0]))
    yield from own
    for place in _places(found[1:]):
        yield from (
            Spot(role=one.role, name=one.name, label=one.label, within=place) for one in own
        )


def _own(part: Part) -> Iterator[Spot]:
    if part.role in FIELDS and part.name:
        yield Spot(label=part.name)
    if part.role in CONTROLS:
        yield Spot(role=part.role, name=part.name or None)


def _places(holders: Iterable[Part]) -> Iterator[Spot]:
    for holder in holders:
        if holder.role in WORDED:
            yield from (Spot(role=holder.role, words=text) for text in _distinctive(holder))
        elif holder.role in PLACES:
            yield Spot(role=holder.role, name=holder.name or None)


def _distinctive(holder: Part) -> tuple[str, ...]:
    """Words that may tell one row or list item from the others: whole texts of its parts."""
    texts = (folded(text) for text in _words(holder))
    short = dict.fromkeys(text for text in texts if 0 < len(text) <= LONGEST_WORDS)
    return tuple(short)[:MOST_WORDS]


def _words(part: Part) -> Iterator[str]:
    if part.role in CONTROLS | PICTURES:
        return
    # The snapshot omits a text that equals the name, so a part without a text is read by its name.
    yield from (text for text in (part.text or ("" if part.parts else part.name),) if text)
    for inner in part.parts:
        yield from _words(inner)
