"""Diffs for pages: lines with their numbers, in one column or in two."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.programs.local_forge.git.commits import FileChange
from harness.programs.local_forge.storage.records import CheckRun

MOST_LINES, MOST_LINES_PER_FILE = 12_000, 2_000
# A longer file is folded until somebody opens it.
FOLD_LINES = 400
MOST_NOTES = 500
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_KINDS = {"+": "added", "-": "removed", "\\": "note", "@": "hunk"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff: its old and new number, where it has one, and its text without
    the sign."""

    # added, removed, same, hunk or note.
    kind: str
    old: int | None
    new: int | None
    text: str

    @property
    def sign(self) -> str:
        """The sign before the line, so that colour is not the only mark."""
        return {"added": "+", "removed": "\u2212"}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Note:
    """A check's annotation on lines of the new version of a file."""

    check: str
    # notice, warning or failure.
    level: str
    path: str
    first: int
    last: int
    title: str
    message: str


Notes = Mapping[str, Sequence[Note]]
"""The annotations of each path."""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file's diff as far as it is shown; `left_out` counts the omitted lines.

    `notes` are the annotations of shown lines, by line number; `aside` are the others.
    """

    change: FileChange
    lines: tuple[Line, ...]
    left_out: int
    notes: Mapping[int, tuple[Note, ...]] = field(default_factory=dict)
    aside: tuple[Note, ...] = ()

    @property
    def is_folded(self) -> bool:
        """Whether the file starts folded. A long diff would hide what follows it; one with
        annotations is never folded."""
        return len(self.lines) > FOLD_LINES and not self.notes

    @property
    def pairs(self) -> tuple[tuple[Line | None, Line | None], ...]:
        """The lines side by side: old on the left, new on the right. Hunk headers and notes
        are on both sides."""
        found: list[tuple[Line | None, Line | None]] = []
        gone: list[Line] = []
        come: list[Line] = []
        # The final None flushes the last run of removed and added lines.
        for line in (*self.lines, None):
            if line is not None and line.kind in ("removed", "added"):
                (gone if line.kind == "removed" else come).append(line)
                continue
            rows = max(len(gone), len(come))
            found += zip(
                gone + [None] * (rows - len(gone)), come + [None] * (rows - len(come)), strict=True
            )
            gone, come = [], []
            if line is not None:
                found.append((line, line))
        return tuple(found)


def shown(changes: tuple[FileChange, ...], notes: Notes | None = None) -> tuple[ShownFile, ...]:
    """The diffs, each cut where it is too long for a page."""
    found, left = [], MOST_LINES
    for change in changes:
        rows = (
            change.patch.split("\n")[:-1]
            if change.patch.endswith("\n")
            else change.patch.split("\n")
        )
        # An empty text splits into one empty line, which is no line of a diff.
        rows = rows if change.patch else []
        room = max(0, min(left, MOST_LINES_PER_FILE))
        found.append(
            _file(
                change,
                _lines(rows[:room]),
                max(0, len(rows) - room),
                (notes or {}).get(change.path, ()),
            )
        )
        left -= min(len(rows), room)
    return tuple(found)


def notes_of(runs: Iterable[CheckRun]) -> Notes:
    """The annotations of check runs, by path. Those without line numbers are left out."""
    found: defaultdict[str, list[Note]] = defaultdict(list)
    for run in runs:
        for given in run.annotations[:MOST_NOTES]:
            first, last = given.get("start_line"), given.get("end_line")
            if isinstance(first, int) and isinstance(last, int):
                path = str(given.get("path", ""))
                words = (str(given.get(name) or "") for name in ("title", "message"))
                found[path].append(
                    Note(
                        run.name,
                        str(given.get("annotation_level", "notice")),
                        path,
                        first,
                        last,
                        *words,
                    )
                )
    return found


def _file(
    change: FileChange, lines: tuple[Line, ...], left_out: int, notes: Sequence[Note]
) -> ShownFile:
    there = {line.new for line in lines if line.new is not None}
    placed: defaultdict[int, list[Note]] = defaultdict(list)
    aside = []
    for note in notes:
        at = (
            # The annotation goes below its last line that the diff shows.
            next(
                (number for number in range(note.last, note.first - 1, -1) if number in there), None
            )
            if note.last - note.first < MOST_LINES
            else None
        )
        if at is None:
            aside.append(note)
        else:
            placed[at].append(note)
    return ShownFile(
        change, lines, left_out, {at: tuple(ones) for at, ones in placed.items()}, tuple(aside)
    )


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
