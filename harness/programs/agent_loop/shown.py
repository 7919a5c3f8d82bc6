"""What a model is shown of an output: its beginning and its end, and a note on what is left out.

A budget is in characters. However large an output is, only a few budgets of it are held in memory.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

# How many budgets of bytes are read at either end.
_AROUND = 4
_CHUNK = 1 << 20
# ECMA-48 sequences, and window titles.
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def excerpt(file: Path, budget: int, *, place: str) -> str:
    """The text of `file` in about `budget` characters; whole if it fits. `place` is where all of
    it is."""
    with file.open("rb") as opened:
        size, lines, text = _measured(opened)
        if not text:
            return f"[no text: {size:,} bytes that are binary; they are in {place}]"
        first, last = _ends(opened, size, _AROUND * budget)
    return cut(first, last, budget, lines=lines, place=place)


def cut(first: list[str], last: list[str] | None, budget: int, *, lines: int, place: str) -> str:
    """Lines in about `budget` characters.

    These are all of `first` when `last` is None and they fit; otherwise the beginning of `first`
    and the end of `last` (or of `first`). `lines` counts all lines, shown or not.
    """
    widest = max(budget // 4, 40)
    shown = [narrowed(line, widest) for line in first]
    if last is None and sum(len(line) + 1 for line in shown) <= budget:
        return "\n".join(shown)
    head = list(_fitting(shown, budget // 2))
    rest = first[len(head) :] if last is None else last
    tail = list(_fitting((narrowed(line, widest) for line in reversed(rest)), budget // 2))[::-1]
    left = lines - len(head) - len(tail)
    return "\n".join(
        [
            *head,
            (
                f"[… {left:,} {'line' if left == 1 else 'lines'} left out here; all of it is in"
                f" {place} …]"
            ),
            *tail,
        ]
    )


def narrowed(line: str, widest: int) -> str:
    """A line in about `widest` characters: its beginning and its end."""
    if len(line) <= widest:
        return line
    head, tail = widest * 2 // 3, widest // 6
    return f"{line[:head]}[… {len(line) - head - tail:,} characters …]{line[-tail:]}"


def lines_of(output: bytes) -> list[str]:
    """The lines as a terminal would leave them: without colours, and with the last state of
    overwritten lines."""
    text = _COLOURS.sub("", output.decode("utf-8", "replace").replace("\r\n", "\n"))
    return (
        [line.rstrip("\r").rpartition("\r")[2] for line in text.removesuffix("\n").split("\n")]
        if text
        else []
    )


def _measured(file: BinaryIO) -> tuple[int, int, bool]:
    """The bytes and lines of all of it, and whether it is text: text has no zero byte."""
    size, breaks, text, newest = 0, 0, True, b"\n"
    while chunk := file.read(_CHUNK):
        size, breaks, newest = size + len(chunk), breaks + chunk.count(b"\n"), chunk[-1:]
        text = text and b"\0" not in chunk
    return size, breaks + (newest != b"\n"), text


def _ends(file: BinaryIO, size: int, most: int) -> tuple[list[str], list[str] | None]:
    """The lines at both ends; or all lines, and None, when they are not too many.

    A line that is cut at the edge is left out, unless it is all that there is.
    """
    file.seek(0)
    if size <= 2 * most:
        return lines_of(file.read()), None
    first = lines_of(file.read(most))
    file.seek(-most, 2)
    last = lines_of(file.read())
    return first[:-1] or first, last[1:] or last


def _fitting(lines: Iterable[str], budget: int) -> Iterator[str]:
    for line in lines:
        budget -= len(line) + 1
        if budget < 0:
            return
        yield line
