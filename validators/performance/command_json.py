"""What the driver asks of the launcher for one command, and what the launcher answers: one line of
JSON each.

Each side reads strictly what the other has written. A driver looks at untrusted pages, and the
answer carries what an untrusted tool has printed."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from enum import StrEnum

from validators.domain.errors import DocumentInvalid
from validators.domain.journeys.files import File
from validators.domain.shapes import Shape, shape

LONGEST_CALL, LONGEST_ANSWER = 8 << 20, 24 << 20
"""Bytes of one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A line that is typed once `after` was printed; empty: at once."""

    text: str
    after: str


@dataclass(frozen=True, slots=True)
class CommandCall:
    """One command to run, `files` to put into its folder before, and the names of those to
    `collect` afterwards. `input` None: nothing can be read.

    `terminal`: width and height, None for pipes. `apart`: the error output is a pipe all the
    same."""

    argv: tuple[str, ...]
    seconds: float
    input: bytes | None = None
    files: tuple[File, ...] = ()
    terminal: tuple[int, int] | None = None
    apart: bool = False
    typed: tuple[Answer, ...] = ()
    collect: tuple[str, ...] = ()


class Ended(StrEnum):
    """How a command ended: by itself, by its time, by what it printed, or not at all because it
    could not be run."""

    ITSELF = "itself"
    TIME = "time"
    TOO_MUCH = "too much"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What came of it. `typed` is how many answers were typed. `left` has the collected files;
    None: it is not there. `reason` is why it could not be run."""

    ended: Ended
    exit_code: int | None = None
    output: bytes = b""
    errors: bytes = b""
    typed: int = 0
    left: tuple[tuple[str, bytes | None], ...] = ()
    reason: str = ""


def call_line(call: CommandCall) -> str:
    """The call as one line, for `read_call`."""
    document = {
        "argv": list(call.argv),
        "seconds": call.seconds,
        "input": _text(call.input),
        "files": [{"name": one.name, "content": _text(one.content)} for one in call.files],
        "terminal": list(call.terminal) if call.terminal else None,
        "apart": call.apart,
        "typed": [{"text": one.text, "after": one.after} for one in call.typed],
        "collect": list(call.collect),
    }
    return json.dumps(document) + "\n"


def read_call(line: str) -> CommandCall:
    """The call in a line. Raises DocumentInvalid for anything missing, extra or of a wrong type."""
    root = shape(line, "call")
    terminal, given = root.at("terminal"), root.at("input")
    call = CommandCall(
        argv=tuple(one.text() for one in root.list("argv")),
        seconds=root.at("seconds").number(),
        input=None if given.is_null() else _bytes(given),
        files=tuple(_file(one) for one in root.list("files")),
        terminal=None if terminal.is_null() else _size(root),
        apart=root.at("apart").truth(),
        typed=tuple(_answer(one) for one in root.list("typed")),
        collect=tuple(one.text() for one in root.list("collect")),
    )
    root.done()
    if not call.argv or not call.argv[0]:
        raise DocumentInvalid("call.argv: expected a command")
    return call


def answer_line(answer: CommandAnswer) -> str:
    """The answer as one line, for `read_answer`."""
    document = {
        "ended": str(answer.ended),
        "exit_code": answer.exit_code,
        "output": _text(answer.output),
        "errors": _text(answer.errors),
        "typed": answer.typed,
        "left": [{"name": name, "content": _text(content)} for name, content in answer.left],
        "reason": answer.reason,
    }
    return json.dumps(document) + "\n"


def read_answer(line: str) -> CommandAnswer:
    """The answer in a line. Raises DocumentInvalid."""
    root = shape(line, "answer")
    code = root.at("exit_code")
    answer = CommandAnswer(
        root.at("ended").one_of(Ended),
        None if code.is_null() else code.whole(),
        _bytes(root.at("output")),
        _bytes(root.at("errors")),
        root.at("typed").whole(),
        tuple(_left(one) for one in root.list("left")),
        root.at("reason").text(),
    )
    root.done()
    return answer


def _text(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode()


def _bytes(item: Shape) -> bytes:
    try:
        return b64decode(item.text(), validate=True)
    except Base64Error:
        raise DocumentInvalid(f"{item.path}: expected base64") from None


def _size(root: Shape) -> tuple[int, int]:
    columns, rows = (item.whole() for item in root.list("terminal", exactly=2))
    if not 1 <= columns <= 999 or not 1 <= rows <= 999:
        raise DocumentInvalid("call.terminal: expected columns and rows, up to 999")
    return columns, rows


def _file(item: Shape) -> File:
    file = File(item.at("name").text(), _bytes(item.at("content")))
    item.done()
    return file


def _left(item: Shape) -> tuple[str, bytes | None]:
    content = item.at("content")
    found = (item.at("name").text(), None if content.is_null() else _bytes(content))
    item.done()
    return found


def _answer(item: Shape) -> Answer:
    answer = Answer(item.at("text").text(), item.at("after").text())
    item.done()
    return answer
