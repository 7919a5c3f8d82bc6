"""A patch as lines with their numbers, to be shown as escaped text."""

import re
from dataclasses import dataclass

from harness.forge.embedded.commits import FileChange

MOST_LINES, MOST_LINES_PER_FILE = 12_000, 2_000
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_KINDS = {"+": "added", "-": "removed", "\\": "note", "@": "hunk"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number before and after, where it has one, and its text without the sign."""

    kind: str  # added, removed, same, hunk or note
    old: int | None
    new: int | None
    text: str

    @property
    def sign(self) -> str:
        """What stands before it, so that colour alone tells nothing."""
        return {"added": "+", "removed": "\u2212"}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file's change, as far as it is shown; `left_out` counts the lines that are not."""

    change: FileChange
    lines: tuple[Line, ...]
    left_out: int


def shown(changes: tuple[FileChange, ...]) -> tuple[ShownFile, ...]:
    """The changes, each cut where it gets too long for a page."""
    found, left = [], MOST_LINES
    for change in changes:
        rows = change.patch.split("\n")[:-1] if change.patch.endswith("\n") else change.patch.split("\n")
        rows = rows if change.patch else []
        room = max(0, min(left, MOST_LINES_PER_FILE))
        found.append(ShownFile(change, _lines(rows[:room]), max(0, len(rows) - room)))
        left -= min(len(rows), room)
    return tuple(found)


def _lines(rows: list[str]) -> tuple[Line, ...]:
    old = new = 0
    found = []
    for row in rows:
        if hunk := _HUNK.match(row):
            old, new = int(hunk[1]), int(hunk[2])
        kind = _KINDS.get(row[:1], "same")
        counts_old, counts_new = kind in ("removed", "same"), kind in ("added", "same")
        text = row if kind in ("hunk", "note") else row[1:]
        found.append(Line(kind, old if counts_old else None, new if counts_new else None, text))
        old, new = old + counts_old, new + counts_new
    return tuple(found)
