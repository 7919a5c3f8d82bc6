"""How an element is named: by role and exact accessible name, by label, or by words within a row or list item."""

from __future__ import annotations

from validators.domain.errors import ExpressionInvalid
from validators.domain.journey import Target
from validators.domain.values import Template, template
from validators.language.tree import Fields, Node, mapping, nearest, refusal, text

NAMED = (
    "button", "link", "heading", "checkbox", "radio", "tab", "menuitem", "dialog", "table", "region", "img", "cell",
    "textbox", "combobox", "searchbox", "switch", "columnheader",
)  # fmt: skip
WORDED = ("row", "listitem", "article")
ROLES = (
    *NAMED, *WORDED, "alert", "alertdialog", "banner", "complementary", "contentinfo", "definition", "form", "group",
    "list", "listbox", "log", "main", "menu", "navigation", "note", "option", "paragraph", "progressbar", "search",
    "slider", "spinbutton", "status", "tablist", "tabpanel", "term", "timer",
)  # fmt: skip
KEYS = ("label", "role", *NAMED, *WORDED)


def target(node: Node, *, place: str) -> Target:
    """The target a mapping names. Raises JourneyInvalid."""
    fields = mapping(node, "an element")
    found = taken(fields, place=place)
    fields.done()
    return found


def taken(fields: Fields, *, place: str) -> Target:
    """The target named by the keys of a larger mapping, which keeps its other keys."""
    found = maybe_taken(fields, place=place)
    if found is None:
        raise refusal(fields.line, f"{fields.what} must name an element: label, role, button, link, row, …")
    return found


def maybe_taken(fields: Fields, *, place: str) -> Target | None:
    """As `taken`, or None when no key of the mapping names an element."""
    chosen = fields.one(KEYS)
    name, words, within = fields.maybe("name"), fields.maybe("with"), fields.maybe("in")
    if chosen is None:
        if extra := name or words or within:
            raise refusal(extra.line, "name, with and in narrow an element down: say its role or label too")
        return None
    key, node = chosen
    if name is not None and key != "role":
        raise refusal(name.line, f"name belongs to role; {key!r} already says it")
    return Target(
        line=fields.line,
        role=_role(key, node),
        name=_named(key, node, name, place),
        label=held(node, f"{place}.label") if key == "label" else None,
        words=_worded(key, node, words, place),
        within=target(within, place=f"{place}.in") if within else None,
    )


def held(node: Node, place: str) -> Template:
    """The template in a scalar. Raises JourneyInvalid at its line."""
    try:
        return template(text(node, place.rsplit(".", 1)[-1]), place=place)
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
    if key in NAMED:
        return held(node, f"{place}.{key}")
    return held(name, f"{place}.name") if name else None


def _worded(key: str, node: Node, words: Node | None, place: str) -> Template | None:
    if key in WORDED and words:
        raise refusal(words.line, f"{key!r} already says which words it has; use role: {key} together with `with`")
    if key in WORDED:
        return held(node, f"{place}.{key}")
    return held(words, f"{place}.with") if words else None
