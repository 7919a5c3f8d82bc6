"""From a spot to a Playwright locator: visible elements only, names exact, words whole."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from validators.domain.spot import Spot
from validators.domain.wording import whole_words

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

FIELD_ROLES = ("textbox", "searchbox", "spinbutton", "combobox", "listbox", "checkbox", "radio", "switch", "slider")
FIELDS = "input, select, textarea, [contenteditable]"


def located(page: Page, spot: Spot) -> Locator:
    """Every visible element that the spot describes; the caller decides what more than one means."""
    scope: Page | Locator = located(page, spot.within) if spot.within else page
    found = _labelled(page, scope, spot.label) if spot.label is not None else _in_role(scope, spot)
    return (found if spot.words is None else _holding(page, found, spot.words)).filter(visible=True)


def _in_role(scope: Page | Locator, spot: Spot) -> Locator:
    role = cast(Any, spot.role)  # the language's closed list of roles is a subset of the library's
    return scope.get_by_role(role) if spot.name is None else scope.get_by_role(role, name=spot.name, exact=True)


def _labelled(page: Page, scope: Page | Locator, label: str) -> Locator:
    """Fields by accessible name, and by label for those that have no role (dates, passwords).

    A label alone is not enough: one that is wrapped around a list has the words of every option in its text.
    """
    named = (scope.get_by_role(cast(Any, role), name=label, exact=True) for role in FIELD_ROLES)
    by_label = scope.get_by_label(label, exact=True).and_(page.locator(FIELDS))
    return reduce(lambda one, other: one.or_(other), named, by_label)


def _holding(page: Page, found: Locator, words: str) -> Locator:
    """Two ways, because an element's own text runs its parts together: cells `Ada` and `4` become `Ada4`."""
    wanted = whole_words(words)
    return found.filter(has=page.get_by_text(wanted)).or_(found.filter(has_text=wanted))
