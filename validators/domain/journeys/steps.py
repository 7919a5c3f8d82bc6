"""Steps beyond pages, fields and buttons: the pointer at rest, the keyboard, files on both ways,
dialogs, the clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Template


@dataclass(frozen=True, slots=True)
class Hover:
    """Rest the pointer on an element."""

    line: int
    target: Target


@dataclass(frozen=True, slots=True)
class Type:
    """Type into whatever has the focus, after what is there."""

    line: int
    value: Template


@dataclass(frozen=True, slots=True)
class FileMade:
    """A file that the journey makes up: exactly one of text, CSV rows, and the width and height of
    a picture (PNG)."""

    line: int
    name: Template
    text: Template | None = None
    rows: tuple[tuple[Template, ...], ...] = ()
    picture: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """Choose files where the element asks for them: a file field, or what opens a file chooser when
    it is clicked."""

    line: int
    target: Target
    files: tuple[FileMade, ...]


@dataclass(frozen=True, slots=True)
class Download:
    """Take, under a name, the one file that a click on the element hands over, or that the path
    does. One of the two."""

    line: int
    name: str
    target: Target | None = None
    path: Template | None = None


@dataclass(frozen=True, slots=True)
class Travel:
    """Put the clocks of the app and of everybody's browser forward."""

    line: int
    seconds: int


class DialogKind(StrEnum):
    ALERT = "alert"
    CONFIRM = "confirm"
    PROMPT = "prompt"
    LEAVING = "beforeunload"


@dataclass(frozen=True, slots=True)
class Dialog:
    """What the next acting step must be asked by the page, and the answer. None: of any kind, with
    any words.

    `text` is typed into a prompt, which is then accepted."""

    line: int
    says: Template | None
    accept: bool
    kind: DialogKind | None = None
    text: Template | None = None
