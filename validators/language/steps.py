"""Reads the steps of a journey. VERBS is the table of everything that a journey can do."""

from __future__ import annotations

import re
from collections.abc import Callable

from validators.domain.journeys.calls import RememberAnswer
from validators.domain.journeys.claim import ListClaim, Listing
from validators.domain.journeys.journey import (
    Back,
    Clear,
    Click,
    Expect,
    Fill,
    Open,
    Press,
    Reload,
    Remember,
    Select,
    Step,
    SwitchTo,
    Tick,
    Visible,
)
from validators.domain.journeys.looks import OptionsAre, State, StateIs, StatusIs
from validators.domain.journeys.steps import Hover, Travel, Type
from validators.domain.journeys.values import Template
from validators.language.calls import call, remember_answer, status_claims
from validators.language.commands import run
from validators.language.dialogs import dialog
from validators.language.file_entries import download, upload
from validators.language.keys import key
from validators.language.looks import looks_here
from validators.language.names import new_name, path, person
from validators.language.targets import maybe_target_in, target, target_in, template_in
from validators.language.tree import (
    Mapping,
    Node,
    Scalar,
    mapping,
    nearest,
    refusal,
    text,
)

RUN = "run"
UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
# In seconds. A browser's timers do not reach much farther.
FARTHEST = 10 * 365 * 86_400
_SPAN = re.compile(r"\+\s*([0-9]{1,5})\s*([a-z]+)")


WORDS = ("reload", "back", "must", RUN)
# What people write first who know other tools.
OTHER_WORDS = {
    "open": ("goto", "go", "visit", "navigate", "browse", "load"),
    "click": ("tap", "push", "submit", "follow"),
    "expect": ("see", "assert", "look", "should", "verify", "text", "visible", "answer", "status"),
    "call": ("get", "post", "put", "patch", "delete", "request", "fetch", "api", "http"),
    "type": ("keys", "write", "enter"),
    "fill": ("input", "set"),
    "select": ("choose", "pick"),
    "as": ("person", "user", "login"),
}


def step(node: Node, *, place: str) -> Step:
    """The step in a list entry. Raises JourneyInvalid; for an unknown verb with the nearest one."""
    match node:
        case Scalar(line=line, text="reload"):
            return Reload(line)
        case Scalar(line=line, text="back"):
            return Back(line)
        # What belongs to a command stands beside it, not in it: a command is a list.
        case Mapping(entries=entries) if RUN in dict(entries):
            return run(node, place)
        case Mapping(line=line, entries=((verb, value),)) if verb in VERBS:
            return VERBS[verb](line, value, place)
        case Mapping(line=line, entries=((verb, _),)) | Scalar(line=line, text=verb):
            raise refusal(line, f"no verb {verb!r}{_hint(verb)}")
        case _:
            raise refusal(node.line, "a step is one verb, like `- click: {button: Book}`")


def steps(node: Node, *, place: str) -> tuple[Step, ...]:
    """The steps in a list entry: one; with what is looked at before or after it, where the entry
    asks for it. Raises JourneyInvalid."""
    match node:
        case Mapping(line=line, entries=(("open", Mapping() as value),)):
            return _open_with_status(line, value, f"{place}.open")
        case Mapping(line=line, entries=(("must", value),)):
            return _must(line, value, place)
        case _:
            return (step(node, place=place),)


def _open_with_status(line: int, node: Mapping, place: str) -> tuple[Step, ...]:
    """`open: {path: /walks, status: 200}`: open it, and look at its status."""
    fields = mapping(node, "open")
    opened, status_ = fields.need("path"), fields.maybe("status")
    fields.done()
    first = Open(line, path(opened, place))
    if status_ is None:
        return (first,)
    return first, Expect(line, (StatusIs(line, status_claims(status_, line, f"{place}.status")),))


def _must(line: int, node: Node, place: str) -> tuple[Step, ...]:
    """`must: {click: {button: Export}}`: look for what the step needs, then do it. Where the
    promise is that it can be done, an app in which it cannot is red by a named expectation."""
    wanted = step(node, place=place)
    match wanted:
        case Select(target=where, option=option):
            there = (Visible(line, where), OptionsAre(line, where, (_includes(option),)))
            return Expect(line, there), wanted
        case Click(target=where) | Fill(target=where) | Clear(target=where) | Tick(target=where):
            usable = StateIs(line, where, (State.ENABLED,))
            return Expect(line, (Visible(line, where), usable)), wanted
        case Hover(target=where) | Remember(target=where):
            return Expect(line, (Visible(line, where),)), wanted
        case _:
            raise refusal(
                line, "must takes a step at an element: click, fill, select, check, hover, …"
            )


def _includes(option: Template) -> ListClaim:
    return ListClaim(Listing.INCLUDES, (option,))


def _hint(verb: str) -> str:
    if verb.startswith(("wait", "sleep", "pause")):
        return " (there is no waiting: every step and look waits by itself)"
    meant = (word for word, others in OTHER_WORDS.items() if verb.casefold() in others)
    if word := next(meant, ""):
        return f"; did you mean {word!r}?"
    return nearest(verb, (*VERBS, *WORDS))


def _fill(line: int, node: Node, place: str) -> Fill:
    fields = mapping(node, "fill")
    filled = Fill(
        line, target_in(fields, place=place), template_in(fields.need("value"), f"{place}.value")
    )
    fields.done()
    return filled


def _select(line: int, node: Node, place: str) -> Select:
    fields = mapping(node, "select")
    chosen = Select(
        line, target_in(fields, place=place), template_in(fields.need("option"), f"{place}.option")
    )
    fields.done()
    return chosen


def _press(line: int, node: Node, place: str) -> Press:
    if isinstance(node, Scalar):
        return Press(line, key(node))
    fields = mapping(node, "press")
    pressed = Press(line, key(fields.need("key")), maybe_target_in(fields, place=place))
    fields.done()
    return pressed


def _remember(line: int, node: Node, place: str) -> Remember | RememberAnswer:
    fields = mapping(node, "remember")
    if kept := remember_answer(fields, place):
        fields.done()
        return kept
    remembered = Remember(line, target_in(fields, place=place), new_name(fields.need("as")))
    fields.done()
    return remembered


def _travel(line: int, node: Node, place: str) -> Travel:
    """`+2 days`, forward only. Raises JourneyInvalid."""
    span = text(node, "travel")
    found = _SPAN.fullmatch(span)
    if not found or int(found[1]) == 0:
        raise refusal(line, f"travel {span!r}: how far forward, like +2 days or +90 minutes")
    unit = found[2].removesuffix("s")
    if unit not in UNITS:
        raise refusal(line, f"no unit of time {found[2]!r}{nearest(unit, UNITS)}")
    if (seconds := int(found[1]) * UNITS[unit]) > FARTHEST:
        raise refusal(line, f"travel {span!r}: at most ten years")
    return Travel(line, seconds)


VERBS: dict[str, Callable[[int, Node, str], Step]] = {
    "open": lambda line, node, place: Open(line, path(node, f"{place}.open")),
    "fill": _fill,
    "click": lambda line, node, place: Click(line, target(node, place=place)),
    "press": _press,
    "select": _select,
    "check": lambda line, node, place: Tick(line, target(node, place=place), on=True),
    "uncheck": lambda line, node, place: Tick(line, target(node, place=place), on=False),
    "clear": lambda line, node, place: Clear(line, target(node, place=place)),
    "hover": lambda line, node, place: Hover(line, target(node, place=place)),
    "type": lambda line, node, place: Type(line, template_in(node, f"{place}.type")),
    "upload": upload,
    "download": download,
    "dialog": dialog,
    "travel": _travel,
    "as": lambda line, node, _: SwitchTo(line, person(node)),
    "remember": _remember,
    "call": call,
    "expect": lambda line, node, place: Expect(line, looks_here(node, place=f"{place}.expect")),
}
