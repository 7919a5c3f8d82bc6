"""Reads the names that a journey gives, and the paths that it opens."""

from __future__ import annotations

import re

from validators.domain.journeys.values import Template, slug
from validators.language.targets import template_in
from validators.language.tree import Node, refusal, text

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def new_name(node: Node) -> str:
    """A name for a value or a file. Raises JourneyInvalid for one that an expression could not
    mention."""
    name = text(node, "a name")
    if not _NAME.fullmatch(name) or name in ("any", "filled"):
        raise refusal(
            node.line,
            f"{name!r} cannot name a value: lower-case letters, digits and _, not any or filled",
        )
    return name


def person(node: Node) -> str:
    """The name of a person. Raises JourneyInvalid."""
    name = text(node, "as")
    if not slug(name):
        raise refusal(node.line, "as takes the name of a person, like `as: guide`")
    return name


def path(node: Node, place: str, *, verb: str = "open") -> Template:
    """A path of the app. Raises JourneyInvalid for any other address."""
    opened = template_in(node, place)
    if not opened.source.startswith("/") or opened.source.startswith("//") or "\\" in opened.source:
        raise refusal(
            node.line, f"{verb} takes a path of the app that starts with one slash, like /bookings"
        )
    return opened
