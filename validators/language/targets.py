"""Reads how a journey names an element: by role and exact accessible name, by label, or by words
within a row or list item."""

from __future__ import annotations

import re

from validators.domain.errors import ExpressionInvalid
from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Template, template
from validators.language.tree import (
    Fields,
    Node,
    mapping,
    nearest,
    refusal,
    text,
)
from validators.language.words import Form, one

NAMED = (
    "button", "link", "heading", "checkbox", "radio", "switch", "textbox", "searchbox", "combobox", "listbox",  # noqa: E501
    "spinbutton", "slider", "tab", "tabpanel", "menu", "menuitem", "menuitemcheckbox", "menuitemradio", "dialog", "alertdialog",  # noqa: E501
    "table", "grid", "columnheader", "rowheader", "cell", "gridcell", "list", "tree", "treeitem", "group", "radiogroup",  # noqa: E501
    "region", "navigation", "form", "search", "toolbar", "img", "figure", "progressbar", "meter",
)  # fmt: skip
WORDED = ("row", "listitem", "article", "paragraph", "blockquote", "code", "caption", "term")
# A definition is named by its term, the other two by their whole text.
PLAIN = ("definition", "summary", "words")
_ROLES_ONLY = (
    "alert", "application", "banner", "complementary", "contentinfo", "definition", "deletion", "document", "emphasis",  # noqa: E501
    "feed", "insertion", "log", "main", "mark", "math", "menubar", "note", "option", "rowgroup", "scrollbar", "separator",  # noqa: E501
    "status", "strong", "subscript", "superscript", "tablist", "time", "timer", "tooltip", "treegrid",  # noqa: E501
)  # fmt: skip
ROLES = (*NAMED, *WORDED, *_ROLES_ONLY)
PLACES = {"first": 1, "last": -1}
KEYS = ("label", "role", *NAMED, *WORDED, *PLAIN)
# fmt: off
ELEMENTS = {
    "named": one('{button: "Book"}', f"by role and name: `{' '.join(NAMED)}`"),
    "label": one('{label: "Group size"}', "a form field, by its label"),
    "worded": one('{row: "Ada Holt"}',
        f"`{' '.join(WORDED)}` have no name of their own: the one in which these words stand"),
    "definition": one('{definition: "Guide"}',
        'what stands beside the term "Guide" in a list of terms (`<dl>`)'),
    "plain": (Form("what opens a `<details>`; anything else without a role, by its whole text",
        ('{summary: "More"}', '{words: "Show SQL"}')),),
    "role": one("{role: status}",
        "any ARIA role: `alert`, `log`, `main`, `option`, `tooltip` …; alone, or narrowed down as"
        " below"),
}
_NARROWING = {
    "name": one('name: "…"', "beside `role`: its exact name"),
    "with": one('with: "…"', "words that stand in it: `{role: link, with: \"Next\"}`; in a list to"
        " pick from stand its options"),
    "in": one('in: {row: "{{ filled.name }}"}',
        "in another element, named in the same way; can be nested"),
    "under": one('under: "Facets"', "in the section below the heading of that name, up to the next"
        " heading of its level: `{role: table, under: \"Guests\"}`"),
    "level": one("level: 2", "of a heading"),
    "beside": one('beside: "Ada Holt"', "these words stand nearer to it than to any other of its"
        " kind: `{button: \"Delete\", beside: \"Ada Holt\"}`, `{role: textbox, beside: \"Size\"}`"),
    "leads_to": one("leads_to: /walks/3",
        "of a link: this path of the app; with `?`, these parameters in any order"),
}
AT = {
    "at": (Form("one of several, in the order of the page: where the order is what you mean",
        ("at: first", "at: 2", "at: last")),),
}
NARROWING = {**_NARROWING, **AT}
# fmt: on


def target(node: Node, *, place: str) -> Target:
    """The target a mapping names. Raises JourneyInvalid."""
    fields = mapping(node, "an element")
    found = target_in(fields, place=place)
    fields.done()
    return found


def target_in(fields: Fields, *, place: str) -> Target:
    """The target named by the keys of a larger mapping, which keeps its other keys."""
    found = maybe_target_in(fields, place=place)
    if found is None:
        raise refusal(
            fields.line, f"{fields.what} must name an element: label, role, button, link, row, …"
        )
    return found


def maybe_target_in(fields: Fields, *, place: str) -> Target | None:
    """The target named by the keys of a larger mapping; None if no key names an element."""
    chosen = fields.one(KEYS)
    narrowing = {key: fields.maybe(key) for key in _NARROWING}
    if chosen is None:
        # These keys narrow an element down; without an element they would be ignored in silence.
        if extra := next((one for one in narrowing.values() if one), None):
            raise refusal(
                extra.line,
                f"{', '.join(_NARROWING)} narrow an element down: say its role or label too",
            )
        return None
    name, words, within, under, level, beside, leads = narrowing.values()
    place_of = fields.maybe("at")
    key, node = chosen
    if name is not None and key != "role":
        raise refusal(name.line, f"name belongs to role; {key!r} already names it")
    return Target(
        line=fields.line,
        role=_role(key, node),
        name=_named(key, node, name, place),
        label=template_in(node, f"{place}.label") if key == "label" else None,
        words=_worded(key, node, words, place),
        within=target(within, place=f"{place}.in") if within else None,
        level=_level(key, level, node) if level else None,
        under=template_in(under, f"{place}.under") if under else None,
        beside=template_in(beside, f"{place}.beside") if beside else None,
        leads_to=_leads_to(leads, key, node, place=place) if leads else None,
        at=place_in(place_of) if place_of else None,
    )


def place_in(node: Node) -> int:
    """The place of one among several: `first`, `last` (-1), or a number from 1. Raises
    JourneyInvalid."""
    word = text(node, "at")
    if word in PLACES:
        return PLACES[word]
    if not re.fullmatch("[1-9][0-9]{0,5}", word):
        raise refusal(node.line, f"at is `first`, `last` or a number from 1, not {word!r}")
    return int(word)


def _leads_to(leads: Node, key: str, node: Node, *, place: str) -> Template:
    if "link" not in (key, text(node, "role") if key == "role" else ""):
        raise refusal(leads.line, "leads_to belongs to a link")
    return template_in(leads, f"{place}.leads_to")


def template_in(node: Node, place: str) -> Template:
    """The template in a scalar. Raises JourneyInvalid at its line."""
    words = text(node, place.rsplit(".", 1)[-1])
    try:
        return template(words, place=place)
    except ExpressionInvalid as error:
        raise refusal(node.line, str(error)) from None


def _role(key: str, node: Node) -> str:
    if key == "label":
        return ""
    if key != "role":
        return key
    role = text(node, "role")
    if role not in ROLES:
        raise refusal(node.line, f"no role {role!r}{nearest(role, ROLES)}")
    return role


def _named(key: str, node: Node, name: Node | None, place: str) -> Template | None:
    if key in NAMED or key in PLAIN:
        return template_in(node, f"{place}.{key}")
    return template_in(name, f"{place}.name") if name else None


def _worded(key: str, node: Node, words: Node | None, place: str) -> Template | None:
    if key in WORDED and words:
        raise refusal(
            words.line,
            f"{key!r} already states its words; use role: {key} together with `with`",
        )
    if key in WORDED:
        return template_in(node, f"{place}.{key}")
    return template_in(words, f"{place}.with") if words else None


def _level(key: str, level: Node, node: Node) -> int:
    if key != "heading" and not (key == "role" and text(node, "role") == "heading"):
        raise refusal(level.line, "level belongs to a heading")
    word = text(level, "level")
    if not re.fullmatch("[1-6]", word):
        raise refusal(level.line, f"level is 1 to 6, not {word!r}")
    return int(word)
