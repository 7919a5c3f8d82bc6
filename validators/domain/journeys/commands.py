"""Commands in a journey: the step that runs a tool, and the looks at what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.journeys.calls import JsonClaim
from validators.domain.journeys.claim import Claim, ListClaim
from validators.domain.journeys.command_result import Stream
from validators.domain.journeys.looks import FileHas
from validators.domain.journeys.steps import FileMade
from validators.domain.journeys.values import Template

USUAL_TERMINAL = (80, 24)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person types at a terminal, as a line, once `after` was printed; None: at once."""

    text: Template
    after: Template | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Run a tool in the app's sandbox: never through a shell. Its result is called `name`; if that
    is empty, it has none.

    `terminal` is the width and height of a terminal, None for pipes. `seconds` is a time limit that
    the journey promises; None: it promises none."""

    line: int
    argv: tuple[Template, ...]
    name: str = ""
    input: Template | None = None
    files: tuple[FileMade, ...] = ()
    terminal: tuple[int, int] | None = None
    typed: tuple[Typed, ...] = ()
    seconds: int | None = None

    @property
    def templates(self) -> tuple[Template, ...]:
        """Every text that it hands to the tool."""
        return (
            *self.argv,
            *((self.input,) if self.input else ()),
            *(template for file in self.files for template in file.templates),
            *(one.text for one in self.typed),
        )


@dataclass(frozen=True, slots=True)
class ExitIs:
    """The exit code of a command; 128 and the signal's number for one that a signal ended."""

    line: int
    command: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class OutputHas:
    """What a command printed: claims about the text, about the list of its lines, about the JSON
    value that it is, or `has`, about it as a file."""

    line: int
    command: str
    stream: Stream
    claims: tuple[Claim, ...] = ()
    lists: tuple[ListClaim, ...] = ()
    has: FileHas | None = None
    json: tuple[JsonClaim, ...] = ()


@dataclass(frozen=True, slots=True)
class FileLeft:
    """A file in the folder in which the commands run: it is not there, it is, or it `has` this."""

    line: int
    path: Template
    there: bool = True
    has: FileHas | None = None


CommandLook = ExitIs | OutputHas | FileLeft
