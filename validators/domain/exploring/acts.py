"""What an actor may ask for: a closed set of acts, each one line of JSON, read strictly.

    {"act": "fill", "ref": "e5", "text": "Ada Holt"}

An act names an element by a reference from the latest view and nothing else. There is no act that
runs anything, leaves the app, waits, or says whether the app is right: `done` only ends the
exploration."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from validators.domain.errors import DocumentInvalid
from validators.domain.shapes import Shape, shape

LONGEST_LINE = 8_000  # characters
LONGEST_TEXT = 500
KEYS = ("Enter", "Tab", "Escape", "Space", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight")
_REF = re.compile(r"e\d{1,6}")
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class ActKind(StrEnum):
    OPEN = "open"
    CLICK = "click"
    FILL = "fill"
    SELECT = "select"
    CHECK = "check"
    UNCHECK = "uncheck"
    PRESS = "press"
    RELOAD = "reload"
    BACK = "back"
    LOOK = "look"
    DONE = "done"
    GIVE_UP = "give-up"


# Which keys an act has besides `act`; it has all of them and no others.
PARTS: dict[ActKind, tuple[str, ...]] = {
    ActKind.OPEN: ("path",),
    ActKind.CLICK: ("ref",),
    ActKind.FILL: ("ref", "text"),
    ActKind.SELECT: ("ref", "text"),
    ActKind.CHECK: ("ref",),
    ActKind.UNCHECK: ("ref",),
    ActKind.PRESS: ("key",),
    ActKind.RELOAD: (),
    ActKind.BACK: (),
    ActKind.LOOK: ("aspect", "part"),
    ActKind.DONE: (),
    ActKind.GIVE_UP: ("text",),
}
ENDS = (ActKind.DONE, ActKind.GIVE_UP)


class Aspect(StrEnum):
    """What of a page can be looked at: what can be used, or what can be read."""

    CONTROLS = "controls"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `text` is what is typed, the option that is picked, the path, the key or the
    reason."""

    kind: ActKind
    ref: str = ""
    text: str = ""
    aspect: Aspect = Aspect.CONTROLS
    part: int = 1


def read_act(line: str) -> Act:
    """The act in a line. Raises DocumentInvalid for anything that is not in the set, with what
    would be."""
    if len(line) > LONGEST_LINE:
        raise DocumentInvalid(f"act: longer than {LONGEST_LINE} characters")
    root = shape(line, "act")
    kind = root.at("act").one_of(ActKind)
    act = Act(
        kind,
        ref=_ref(root) if "ref" in PARTS[kind] else "",
        text=_text(root, kind),
        aspect=root.at("aspect").one_of(Aspect) if kind is ActKind.LOOK else Aspect.CONTROLS,
        part=root.at("part").whole() if kind is ActKind.LOOK else 1,
    )
    root.done()
    return act


def _ref(root: Shape) -> str:
    ref = root.at("ref").text()
    if not _REF.fullmatch(ref):
        raise DocumentInvalid("act.ref: expected a reference from the latest view, like e12")
    return ref


def _text(root: Shape, kind: ActKind) -> str:
    parts = [key for key in PARTS[kind] if key in ("text", "path", "key")]
    if not parts:
        return ""
    told = root.at(parts[0]).text()
    if kind is ActKind.OPEN and not _PATH.fullmatch(told):
        raise DocumentInvalid(
            "act.path: expected a path of the app that starts with one slash, like /bookings"
        )
    if kind is ActKind.PRESS and told not in KEYS:
        raise DocumentInvalid(f"act.key: expected one of {', '.join(KEYS)}")
    if len(told) > LONGEST_TEXT or not typeable(told):
        raise DocumentInvalid(
            f"act.text: expected one line of at most {LONGEST_TEXT} characters that a keyboard has"
        )
    return told


def typeable(text: str) -> bool:
    """Whether a text is one line without invisible or control characters."""
    return not any(
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        for character in text
    )
