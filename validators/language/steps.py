"""Reads the steps of a journey. VERBS is the table of everything that a journey can do; the page
`page.md` has its rows."""

from __future__ import annotations

import re
import string
from typing import NoReturn

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
from validators.language.words import Form, Word, one

RUN, MUST = "run", "must"
PRESSABLE = (
    "Enter", "Tab", "Escape", "Space", "Backspace", "Delete", "Home", "End", "PageUp", "PageDown",
    "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight",
)  # fmt: skip
MODIFIERS = ("Control", "Shift", "Alt", "Meta")
MARKS = "/?.,"
CHARACTERS = string.ascii_letters + string.digits + MARKS
UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
# In seconds. A browser's timers do not reach much farther.
FARTHEST = 10 * 365 * 86_400
_SPAN = re.compile(r"\+\s*([0-9]{1,5})\s*([a-z]+)")


# What people write first who know other tools.
OTHER_WORDS = {
    "open": ("goto", "go", "visit", "navigate", "browse", "load"),
    "click": ("tap", "push", "submit", "follow"),
    "expect": ("see", "assert", "look", "should", "verify", "text", "visible", "answer", "status"),
    "call": (
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "request",
        "fetch",
        "api",
        "http",
        "socket",
        "websocket",
    ),
    "type": ("keys", "write", "enter"),
    "fill": ("input", "set"),
    "select": ("choose", "pick"),
    "as": ("person", "user", "login"),
}


def step(node: Node, *, place: str) -> Step:
    """The step in a list entry. Raises JourneyInvalid; for an unknown verb with the nearest one."""
    match node:
        case Scalar(line=line, text=verb) if verb in BARE:
            return VERBS[verb].read(line, node, place)
        # What belongs to a command stands beside it, not in it: a command is a list.
        case Mapping(entries=entries) if RUN in dict(entries):
            return run(node, place)
        case Mapping(line=line, entries=((verb, value),)) if verb in VERBS and verb not in BARE:
            return VERBS[verb].read(line, value, place)
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
        case Mapping(line=line, entries=((verb, value),)) if verb == MUST:
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
            return _no_must(line, node, place)


def _includes(option: Template) -> ListClaim:
    return ListClaim(Listing.INCLUDES, (option,))


def _hint(verb: str) -> str:
    if verb.startswith(("wait", "sleep", "pause")):
        return " (there is no waiting: every step and look waits by itself)"
    meant = (word for word, others in OTHER_WORDS.items() if verb.casefold() in others)
    if word := next(meant, ""):
        return f"; did you mean {word!r}?"
    return nearest(verb, VERBS)


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


def key(node: Node) -> str:
    """The key or chord in a scalar, as the browser takes it. Raises JourneyInvalid for a key that
    is not in the list."""
    chord = text(node, "key")
    *held, last = re.split(r"\s*\+\s*", chord)
    for word in held:
        if word not in MODIFIERS:
            raise refusal(node.line, f"no modifier {word!r} in {chord!r}{nearest(word, MODIFIERS)}")
    if len(set(held)) != len(held):
        raise refusal(node.line, f"{chord!r} holds one key twice")
    if last not in PRESSABLE and not (len(last) == 1 and last in CHARACTERS):
        raise refusal(
            node.line,
            f"no key {last!r}{nearest(last, PRESSABLE)} (or one letter or digit, or"
            f" {' '.join(MARKS)})",
        )
    # In a chord a letter stands for its key: Control+A and Control+a are the same.
    return "+".join((*held, last.lower() if held and len(last) == 1 else last))


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


def _run(line: int, node: Node, place: str) -> Step:
    return run(Mapping(line, ((RUN, node),)), place)


def _no_must(line: int, node: Node, place: str) -> NoReturn:
    raise refusal(line, "must takes a step at an element: click, fill, select, check, hover, …")


BARE = ("reload", "back")
"""The verbs that stand alone."""

# fmt: off
VERBS: dict[str, Word[Step]] = {
    "open": Word(
        lambda line, node, place: Open(line, path(node, f"{place}.open")),
        one("open: /bookings?day=today",
            "a path of the app, with one slash in front; `{path: /bookings, status: 200}` looks at"
            " its status, too: otherwise a 404 is a page like any other"),
    ),
    "fill": Word(_fill, one('fill: {label: "Name", value: "Ada"}',
                            "type into a field, replacing what is there")),
    "clear": Word(lambda line, node, place: Clear(line, target(node, place=place)),
                  one('clear: {label: "Name"}', "empty it")),
    "select": Word(_select, one('select: {label: "Walk", option: "Mussel banks"}',
                                "pick from a list, by the option's words")),
    "check": Word(lambda line, node, place: Tick(line, target(node, place=place), on=True),
                  one('check: {label: "I can swim"}', "tick it")),
    "uncheck": Word(lambda line, node, place: Tick(line, target(node, place=place), on=False),
                    one('uncheck: {label: "I can swim"}', "untick it")),
    "click": Word(lambda line, node, place: Click(line, target(node, place=place)),
                  one('click: {button: "Book"}', "")),
    MUST: Word(_no_must, one('must: {click: {button: "Export"}}',
        "it must be possible: an app in which it is not is red by this line")),
    "hover": Word(lambda line, node, place: Hover(line, target(node, place=place)),
                  one('hover: {button: "More"}',
                      "rest the pointer on it, where a menu opens by that")),
    "press": Word(_press, (Form(
        f"a key: `{' '.join(PRESSABLE)}`, a letter or a digit, or one of `{' '.join(MARKS)}` in"
        f" quotes; with any of `{' '.join(MODIFIERS)}` held: `Control+A`, `Shift+Tab`",
        ("press: Enter", 'press: {key: Enter, label: "Search"}')),)),
    "type": Word(lambda line, node, place: Type(line, template_in(node, f"{place}.type")),
                 one('type: "Ada Holt"', "type into whatever has the focus, after what is there")),
    "upload": Word(upload, one('upload: {label: "Photo", file: {name: walk.png, picture: 40x30}}',
        "choose a file, where a field or a button asks for one: see [files](#files)")),
    "download": Word(download, one('download: {link: "Export", as: export}',
        "click it, and keep the file that comes: see [files](#files)")),
    "dialog": Word(dialog, one('dialog: {says: "Delete Ada?", answer: accept}',
        "**before** the step that causes it: see [dialogs](#dialogs)")),
    "travel": Word(_travel, one("travel: +2 days",
        "put the clocks forward, where the app supports it: see [time](#time)")),
    "reload": Word(lambda line, _, __: Reload(line), one("reload", "")),
    "back": Word(lambda line, _, __: Back(line), one("back", "")),
    RUN: Word(_run, one('run: [walks, add, "Ada"]', "run a tool: see [commands](#commands)")),
    "as": Word(lambda line, node, _: SwitchTo(line, person(node)), one("as: guide",
        "go on as another person, in a session of their own; theirs starts with `open` too: see"
        " [people](#people)")),
    "remember": Word(_remember, one("remember: {role: status, as: places}",
        "keep an element's text, for `{{ places }}`; of an answer, see [calls](#calls)")),
    "call": Word(call, one("call: {GET: /api/walks, query: {place: Oslo}, as: walks}",
        "ask the app's HTTP API: see [calls](#calls)")),
    "expect": Word(
        lambda line, node, place: Expect(line, looks_here(node, place=f"{place}.expect")),
        one("expect: {title: Tidebook}",
            "look between two steps, at one thing or a list of them: where it does not hold, the"
            " journey ends red")),
}
# fmt: on
