"""Turns the library's aria snapshot into a tree of nodes."""

from __future__ import annotations

from typing import Any

import yaml

from validators.domain.journeys.aria import AriaNode, aria_key
from validators.domain.journeys.wording import folded

# Every scalar stays text.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def nodes(snapshot: str) -> tuple[AriaNode, ...]:
    """The nodes of a snapshot, outermost first. Raises ValueError if it is no snapshot."""
    try:
        # The base loader makes texts, lists and mappings only.
        items = yaml.load(snapshot, Loader=_LOADER)  # noqa: S506
        return _children(items)
    except yaml.YAMLError as error:
        raise ValueError(f"no snapshot: {error}") from None
    # A page may nest as deeply as it likes.
    except RecursionError:
        raise ValueError("no snapshot: it is nested too deeply to be read") from None


def _children(items: Any) -> tuple[AriaNode, ...]:
    return tuple(node for item in items if (node := _node(item))) if isinstance(items, list) else ()


def _node(item: Any) -> AriaNode | None:
    """One entry; None for a property of the element above (`/url`), which is no element."""
    if isinstance(item, str):
        return _own(item, "", ())
    if not isinstance(item, dict) or len(item) != 1:
        raise ValueError(f"no snapshot: {str(item)[:80]!r} is neither an element nor a text")
    ((head, inside),) = item.items()
    if head.startswith("/"):
        return None
    if isinstance(inside, str):
        return _own(head, inside, ())
    return _own(head, "", _children(inside))


def _own(head: str, text: str, children: tuple[AriaNode, ...]) -> AriaNode:
    found = aria_key(head)
    if found is None:
        return AriaNode("text", text=folded(f"{head} {text}"))
    return AriaNode(found.role, folded(found.name or ""), folded(text), found.states, children)
