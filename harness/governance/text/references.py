"""Removes definitions of links and footnotes that nothing visible refers to.

While a text is scanned a definition is a place in it, between NULs, which no normalised text has;
whether it is put back is decided when the whole of what is shown is known."""

import re
from dataclasses import dataclass

from harness.governance.text.hidden import Hidden, HiddenKind

_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.)++)\]")
NOTE_ENDS = "\0/\0"
_NOTE_PLACE = re.compile("\0n([0-9]+)\0(.*?)\0/\0", re.DOTALL)
_PLACE = re.compile("\0([0-9]+)\0")


@dataclass(frozen=True, slots=True)
class Note:
    """Where a footnote begins: its text goes on after it, and is shown only if the text outside of
    notes refers to it."""

    label: str
    begin: str
    whole: str


@dataclass(frozen=True, slots=True)
class LinkDefinition:
    """A link's definition: shown only if the text refers to its label."""

    label: str
    whole: str
    kept: str
    hidden: tuple[Hidden, ...]


def without_unused_notes(shown: str, notes: list[Note]) -> tuple[str, list[Hidden]]:
    """The text with the notes that something outside of notes refers to, and the others."""
    used = _labels(_NOTE_PLACE.sub("", shown))

    def put_back(place: re.Match[str]) -> str:
        note = notes[int(place[1])]
        return note.begin + place[2] if note.label in used else "⟦reference⟧"

    dropped = [Hidden(HiddenKind.REFERENCE, note.whole) for note in notes if note.label not in used]
    return _NOTE_PLACE.sub(put_back, shown), dropped


def without_unused_definitions(
    shown: str, definitions: list[LinkDefinition]
) -> tuple[str, list[Hidden]]:
    """The text with the definitions that are referred to, and what is hidden of them and of the
    others."""
    used = _labels(shown)

    def put_back(place: re.Match[str]) -> str:
        definition = definitions[int(place[1])]
        return definition.kept if definition.label in used else "⟦reference⟧"

    hidden = [
        hidden
        for definition in definitions
        for hidden in (
            definition.hidden
            if definition.label in used
            else (Hidden(HiddenKind.REFERENCE, definition.whole),)
        )
    ]
    return _PLACE.sub(put_back, shown), hidden


def _labels(text: str) -> frozenset[str]:
    return frozenset(key(label) for label in _LABEL.findall(text))


def key(label: str) -> str:
    """A label as definitions and references are compared by."""
    return " ".join(label.split()).casefold()
