"""Steps beyond pages, fields and buttons: hovering, the keyboard, uploads and downloads, dialogs,
the clock."""

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
    """Type into whatever has the focus, after the text that is there."""

    line: int
    value: Template


@dataclass(frozen=True, slots=True)
class FileMade:
    """A file that the journey makes up, from exactly one of a text, CSV rows, and the width and
    height of a picture (PNG)."""

    line: int
    name: Template
    text: Template | None = None
    rows: tuple[tuple[Template, ...], ...] = ()
    picture: tuple[int, int] | None = None

    @property
    def templates(self) -> tuple[Template, ...]:
        """Its name and what stands in it."""
        text = (self.text,) if self.text else ()
        return (self.name, *text, *(cell for row in self.rows for cell in row))


@dataclass(frozen=True, slots=True)
class Upload:
    """Choose files at an element that asks for them: a file field, or an element that opens a file
    chooser when it is clicked."""

    line: int
    target: Target
    files: tuple[FileMade, ...]


@dataclass(frozen=True, slots=True)
class Download:
    """Take the one file that comes from a click on `target` or from opening `path`, and keep it as
    `name`. Exactly one of the two is set."""

    line: int
    name: str
    target: Target | None = None
    path: Template | None = None


@dataclass(frozen=True, slots=True)
class Travel:
    """Put the clocks of the app and of all browsers forward."""

    line: int
    seconds: int


class DialogKind(StrEnum):
    ALERT = "alert"
    CONFIRM = "confirm"
    PROMPT = "prompt"
    LEAVING = "beforeunload"


@dataclass(frozen=True, slots=True)
class Dialog:
    """The dialog that the next acting step must cause, and the answer to it.

    `message` and `kind` None: any message, any kind. `text` is typed into a prompt, which is then
    accepted."""

    line: int
    message: Template | None
    accept: bool
    kind: DialogKind | None = None
    text: Template | None = None
