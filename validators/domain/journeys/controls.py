"""A page as a tree of referred parts, and by which words of the journey language a part of it can
be named.

`validators.domain.journeys.aria` is a tree to be compared; this one is to be acted on, so its parts
carry references. Texts and names are the page's own: data, never instructions. What of it is shown
to an actor is for `validators.domain.exploring.view` to say."""

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
WORDED = frozenset(
    {"row", "listitem", "article"}
)  # parts that the language tells apart by the words in them
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
    """One part of a page. `role` is `text` for bare text; `text` is its own text or a field's
    value; `ref` may be empty.

    `states` are words such as `disabled`, `checked` and `level=2`."""

    role: str
    name: str = ""
    text: str = ""
    ref: str = ""
    states: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


def words(part: Part) -> str:
    """What is written in a part, without the names of its controls, spaces folded."""
    return folded(" ".join(_words(part)))


def lineage(root: Part, ref: str) -> tuple[Part, ...]:
    """The part with this reference and all that hold it, the innermost first; empty when there is
    none."""
    if ref and root.ref == ref:
        return (root,)
    for part in root.parts:
        if found := lineage(part, ref):
            return (*found, root)
    return ()


def spots(root: Part, ref: str) -> Iterator[Spot]:
    """Every way in which a journey could name the part with this reference, the plainest first.

    Whether a spot names one element alone, and this one, is for the page to say."""
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
            yield from (Spot(role=holder.role, words=told) for told in _telling(holder))
        elif holder.role in PLACES:
            yield Spot(role=holder.role, name=holder.name or None)


def _telling(holder: Part) -> tuple[str, ...]:
    """Words that may tell one row or list item from the others: whole texts of its parts, as
    somebody would say them."""
    told = (folded(text) for text in _words(holder))
    return tuple(dict.fromkeys(text for text in told if 0 < len(text) <= LONGEST_WORDS))[
        :MOST_WORDS
    ]


def _words(part: Part) -> Iterator[str]:
    """The snapshot leaves out a text that is also the name, so where there is no text the name is
    read."""
    if part.role in CONTROLS | PICTURES:
        return
    yield from (text for text in (part.text or ("" if part.parts else part.name),) if text)
    for inner in part.parts:
        yield from _words(inner)
