"""Removes surplus cells of table rows, which no page shows.

Properties: what is taken out is never more than the end of one line; where renderers disagree on
what a table is, a row loses its end rather than keeps it (see `markup`); one pass over the lines,
and none over a text without a delimiter row."""

import re

from harness.governance.text.hidden import Hidden, HiddenKind, HiddenPlaces

_DELIMITERS = re.compile(
    r"\n[ \t>]*+(?P<row>\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?)[ \t]*+(?=\n|\Z)"
)
_LEAD = re.compile(r"[ \t>]*+\|?")
_CELL = re.compile(r"(?:[^|\\\n]|\\.)*+(?:\||\Z|(?=\n))", re.DOTALL)


def without_spare_cells(text: str) -> tuple[str, list[Hidden]]:
    """The text without the cells that stand beyond the last column of their table, and each run of
    those."""
    if "|" not in text or not _DELIMITERS.search(text):
        return text, []
    hidden: list[Hidden] = []
    places = HiddenPlaces(text)
    lines, columns, at = text.split("\n"), 0, 0
    for number, line in enumerate(lines):
        delimiters = _DELIMITERS.match(f"\n{line}")
        if delimiters and number and len(_cells(lines[number - 1])) == len(_cells(line)):
            columns = len(_cells(line))
        elif not line.strip(" \t>"):
            columns = 0
        elif columns and len(cells := _cells(line)) > columns:
            shown = line[: cells[columns]]
            hidden.append(
                Hidden(HiddenKind.CELL, line[cells[columns] :].strip(), places.provenance(at))
            )
            lines[number] = shown.rstrip()
        at += len(line) + 1
    return "\n".join(lines), hidden


def _cells(line: str) -> list[int]:
    """Where each cell of a row begins."""
    line = line.rstrip()
    lead = _LEAD.match(line)
    at, starts = lead.end() if lead else 0, []
    while at < len(line):
        cell = _CELL.match(line, at)
        starts.append(at)
        at = cell.end() if cell and cell.end() > at else at + 1
    return starts
