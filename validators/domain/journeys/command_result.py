"""What came of a command, and what a person reads of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Escape sequences of terminals (ECMA-48): control sequences, strings up to their end, the rest.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]", re.DOTALL
)


class Stream(StrEnum):
    OUTPUT = "output"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended. `exit_code` None: it did not end in the time that the journey promises.

    `left` has the content of each file that the journey looks at; None: it is not there."""

    exit_code: int | None
    output: bytes = b""
    errors: bytes = b""
    left: Mapping[str, bytes | None] = field(default_factory=dict)

    def text(self, stream: Stream) -> str:
        """What a person reads of a stream."""
        return shown_text(self.output if stream is Stream.OUTPUT else self.errors)


def shown_text(printed: bytes) -> str:
    """What a terminal shows of these bytes: without colours, and of a line that was written over
    only the last state."""
    text = _ESCAPES.sub("", printed.decode("utf-8", "replace"))
    return "\n".join(map(_overwritten, text.replace("\r\n", "\n").split("\n")))


def shown_lines(text: str) -> tuple[str, ...]:
    """The lines, without white space at their ends, and without empty ones at the end."""
    return tuple(line.rstrip() for line in text.rstrip().splitlines())


def _overwritten(line: str) -> str:
    if not any(mark in line for mark in "\r\b\x07\x04"):
        return line
    cells: list[str] = []
    at = 0
    for char in line:
        if char == "\r":
            at = 0
        elif char == "\b":
            at = max(0, at - 1)
        elif char not in "\x07\x04":
            cells[at : at + 1] = [char]
            at += 1
    return "".join(cells)
