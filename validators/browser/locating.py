"""Turns a spot into a Playwright locator: visible elements only, names exact, words whole."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from validators.domain.journeys.spot import Spot
from validators.domain.journeys.wording import whole_words

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

FIELD_ROLES = (
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
HEADERS = ("columnheader", "rowheader")
FIELDS = "input, select, textarea, [contenteditable]"


def located(page: Page, spot: Spot) -> Locator:
    """Every visible element that the spot describes; the caller decides what more than one
    means."""
    scope: Page | Locator = located(page, spot.within) if spot.within else page
    found = _labelled(page, scope, spot.label) if spot.label is not None else _named(scope, spot)
    if spot.words is not None:
        found = _holding(page, found, spot.words)
    if spot.under is not None:
        heading = scope.get_by_role("heading", name=spot.under, exact=True).filter(visible=True)
        found = found.and_(heading.locator("under=it"))
    if spot.leads_to is not None:
        found = found.locator(f"leads={quote(spot.leads_to, safe='')}")
    found = found.locator("shown=it")
    if spot.beside is not None:
        pattern = quote(whole_words(spot.beside).pattern, safe="")
        found = found.locator(f"beside={pattern}")
    if spot.at is not None:
        return found.last if spot.at < 0 else found.nth(spot.at - 1)
    return found


def _named(scope: Page | Locator, spot: Spot) -> Locator:
    """Elements by role and accessible name, and those that no accessible name reaches: a header
    cell with arrows in it, a definition, plain text."""
    match spot.role, spot.name:
        case "words", str(text):
            return scope.get_by_text(_whole(text))
        case "summary", str(text):
            shown = scope.locator("summary")
            return shown.filter(has_text=_whole(text)).or_(
                shown.filter(has=scope.get_by_role("img", name=text, exact=True))
            )
        case "definition", str(term):
            return scope.get_by_role("term").filter(has_text=_whole(term)).locator("defines=it")
        case (("columnheader" | "rowheader"), str(name)):
            called = _in_role(scope, Spot(role=spot.role)).locator(f"called={quote(name, safe='')}")
            return _in_role(scope, spot).or_(called)
        case _:
            return _in_role(scope, spot)


def _in_role(scope: Page | Locator, spot: Spot) -> Locator:
    # The language's closed list of roles is a subset of the library's.
    role = cast(Any, spot.role)
    if spot.name is None:
        return scope.get_by_role(role, level=spot.level)
    return scope.get_by_role(role, name=spot.name, exact=True, level=spot.level)


def handle(spot: Spot, found: Locator) -> Locator:
    """The part of an element that is clicked. A person clicks the words of a header; the middle of
    a wide cell may do nothing."""
    return (
        found.locator(f"handle={quote(spot.name or ' ', safe='')}")
        if spot.role in HEADERS
        else found
    )


def _whole(text: str) -> re.Pattern[str]:
    """Matches the whole text of an element, spaces folded, whatever sign ends it (`Size:`)."""
    words = r"\s+".join(re.escape(word) for word in text.split())
    return re.compile(rf"^\s*{words}[\s:*]*$" if words else r"(?!)")


def _labelled(page: Page, scope: Page | Locator, label: str) -> Locator:
    """Fields by accessible name, and by label for those that have no role (dates, passwords)."""
    # A label alone is not enough: one that is wrapped around a list has the words of every option
    # in its text.
    named = (scope.get_by_role(cast(Any, role), name=label, exact=True) for role in FIELD_ROLES)
    by_label = scope.get_by_label(label, exact=True).and_(page.locator(FIELDS))
    return reduce(lambda one, other: one.or_(other), named, by_label)


def _holding(page: Page, found: Locator, words: str) -> Locator:
    """The elements that hold these words."""
    wanted = whole_words(words)
    # Two ways, because an element's own text joins its parts: cells `Ada` and `4` become `Ada4`.
    return found.filter(has=page.get_by_text(wanted)).or_(found.filter(has_text=wanted))


def label_of(page: Page, spot: Spot) -> Locator | None:
    """The visible label of a field that is itself hidden, found by its whole text; None if the spot
    names no label."""
    if spot.label is None:
        return None
    scope: Page | Locator = located(page, spot.within) if spot.within else page
    words = r"\s+".join(re.escape(word) for word in spot.label.split())
    return (
        scope.locator("label").filter(has_text=re.compile(rf"^\s*{words}\s*$")).filter(visible=True)
    )
