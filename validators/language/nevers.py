"""Reads the `never` list: what must not happen from the first step to the last look."""

from __future__ import annotations

import re

from validators.domain.journeys.journey import Forbidden, Never
from validators.language.tree import (
    Node,
    entry,
    items,
    nearest,
    refusal,
    text,
)
from validators.language.words import Form, one

CONSOLE_LEVELS = ("error", "warning")
# fmt: off
NEVERS = {
    Forbidden.HTTP_STATUS: (Form(
        "of any answer: pages, pictures, scripts, `/favicon.ico`. For the page alone, expect"
        " `status`. A refusal (400 to 499) shows a bug only where it answers a page that somebody"
        " opened", ('http_status: ">=500"', 'http_status: "==404"')),),
    Forbidden.CONSOLE: (Form(
        "what the page's code writes, or an error that stops it; what failed to load is a matter"
        " of `http_status`", tuple(f"console: {level}" for level in CONSOLE_LEVELS)),),
    Forbidden.TEXT: one('text: "Traceback"',
        "these letters stand on a page that is shown, or in what a command prints"),
    Forbidden.REQUEST: one("request: /admin/*",
        "the page asks the app for this path; `*` at its end stands for whatever follows"),
    Forbidden.OTHER_HOST: one("other_host: any",
        "the page asks another host, or this one: `other_host: fonts.example.org`. No such request"
        " ever gets out"),
}
# fmt: on


def nevers(node: Node) -> tuple[Never, ...]:
    """The entries of a `never` list. Raises JourneyInvalid."""
    return tuple(_never(*entry(item)) for item in items(node, "never"))


def _never(kind: str, node: Node, line: int) -> Never:
    if kind not in tuple(NEVERS):
        raise refusal(line, f"never has no {kind!r}{nearest(kind, NEVERS)}")
    value = text(node, kind)
    if not value.strip():
        raise refusal(line, f"{kind} is empty")
    if wrong := _wrong(Forbidden(kind), value):
        raise refusal(line, wrong)
    return Never(line, Forbidden(kind), value)


def _wrong(kind: Forbidden, value: str) -> str:
    """What is wrong with a value of this kind; empty if nothing is."""
    match kind:
        case Forbidden.HTTP_STATUS if not re.fullmatch(r"(>=|<=|==|>|<)\s*[1-5][0-9]{2}", value):
            return 'http_status is a comparison in quotes, like ">=500"'
        case Forbidden.CONSOLE if value not in CONSOLE_LEVELS:
            return f"console is one of {', '.join(CONSOLE_LEVELS)}"
        case Forbidden.REQUEST if not re.fullmatch(r"/[^*]*\*?", value):
            return (
                "request is a path of the app, like /admin; a * at its end stands for whatever"
                " follows"
            )
        case Forbidden.OTHER_HOST if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", value):
            return "other_host is `any`, or the name of a host, like cdn.example.org"
        case _:
            return ""
