"""The verbs: everything a journey can do. A verb that is not in this table does not exist."""

from __future__ import annotations

import re
from collections.abc import Callable

from validators.domain.journey import (
    Back,
    Clear,
    Click,
    Fill,
    Open,
    Press,
    Reload,
    Remember,
    Select,
    Step,
    SwitchTo,
    Tick,
)
from validators.domain.values import slug
from validators.language.targets import held, maybe_taken, taken, target
from validators.language.tree import Mapping, Node, Scalar, mapping, nearest, refusal, text

PRESSABLE = (
    "Enter", "Tab", "Escape", "Space", "Backspace", "Delete", "Home", "End", "PageUp", "PageDown",
    "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight",
)  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def step(node: Node, *, place: str) -> Step:
    """The step a list entry stands for. Raises JourneyInvalid with the nearest verb for an unknown one."""
    match node:
        case Scalar(line=line, text="reload"):
            return Reload(line)
        case Scalar(line=line, text="back"):
            return Back(line)
        case Mapping(line=line, entries=((verb, value),)) if verb in VERBS:
            return VERBS[verb](line, value, place)
        case Mapping(line=line, entries=((verb, _),)) | Scalar(line=line, text=verb):
            raise refusal(line, f"no verb {verb!r}{nearest(verb, (*VERBS, 'reload', 'back'))}{_hint(verb)}")
        case _:
            raise refusal(node.line, "a step is one verb, like `- click: {button: Book}`")


def _hint(verb: str) -> str:
    if verb.startswith(("wait", "sleep", "pause")):
        return " (there is no waiting: every step and look waits by itself)"
    return ""


def _open(line: int, node: Node, place: str) -> Open:
    path = held(node, f"{place}.open")
    if not path.source.startswith("/") or path.source.startswith("//") or "\\" in path.source:
        raise refusal(line, "open takes a path of the app that starts with one slash, like /bookings")
    return Open(line, path)


def _fill(line: int, node: Node, place: str) -> Fill:
    fields = mapping(node, "fill")
    filled = Fill(line, taken(fields, place=place), held(fields.need("value"), f"{place}.value"))
    fields.done()
    return filled


def _select(line: int, node: Node, place: str) -> Select:
    fields = mapping(node, "select")
    chosen = Select(line, taken(fields, place=place), held(fields.need("option"), f"{place}.option"))
    fields.done()
    return chosen


def _press(line: int, node: Node, place: str) -> Press:
    if isinstance(node, Scalar):
        return Press(line, _key(node))
    fields = mapping(node, "press")
    pressed = Press(line, _key(fields.need("key")), maybe_taken(fields, place=place))
    fields.done()
    return pressed


def _key(node: Node) -> str:
    key = text(node, "key")
    if key not in PRESSABLE:
        raise refusal(node.line, f"no key {key!r}{nearest(key, PRESSABLE)}")
    return key


def _remember(line: int, node: Node, place: str) -> Remember:
    fields = mapping(node, "remember")
    remembered = Remember(line, taken(fields, place=place), new_name(fields.need("as")))
    fields.done()
    return remembered


def new_name(node: Node) -> str:
    """A name for a value. Raises JourneyInvalid for one that an expression could not say."""
    name = text(node, "a name")
    if not _NAME.fullmatch(name) or name in ("any", "filled"):
        raise refusal(node.line, f"{name!r} cannot name a value: lower-case letters, digits and _, not any or filled")
    return name


def _actor(line: int, node: Node, place: str) -> SwitchTo:
    actor = text(node, "as")
    if not slug(actor):
        raise refusal(line, "as takes the name of a person, like `as: guide`")
    return SwitchTo(line, actor)


VERBS: dict[str, Callable[[int, Node, str], Step]] = {
    "open": _open,
    "fill": _fill,
    "click": lambda line, node, place: Click(line, target(node, place=place)),
    "press": _press,
    "select": _select,
    "check": lambda line, node, place: Tick(line, target(node, place=place), on=True),
    "uncheck": lambda line, node, place: Tick(line, target(node, place=place), on=False),
    "clear": lambda line, node, place: Clear(line, target(node, place=place)),
    "as": _actor,
    "remember": _remember,
}
