"""Reduces a stranger's text to what a person sees on the page, and records what was hidden.

What a page does not show must not reach a model as if it had: comments, invisible characters, image
descriptions, link titles, unused references, attributes of tags, cells beyond a table's columns,
what is drawn instead of shown. Each is taken out and kept as a hidden span, so that people can
look.

Properties: the text has no control or format character but newline and tab, and is composed (NFC);
outside code it has no comment, no image, no link title and no tag attribute; normalising it again
changes nothing; time is bounded by the length that is read, which is at most `limit` characters.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from harness.governance.text.hidden import Hidden, Provenance
from harness.governance.text.invisible import without_invisible
from harness.governance.text.markup import without_hidden_markup
from harness.governance.text.tables import without_spare_cells

LONGEST = 16_000
"""Characters read of one text. A forge allows 65,536, and a stranger may use them all."""

_MOST_PASSES = 8
_DEEPEST_QUOTE = 5
_DEEP_QUOTE = re.compile(rf"(?m)^((?:[ \t]*+>){{{_DEEPEST_QUOTE}}})(?:[ \t]*+>)++")
_DEEP = re.compile(rf">(?:[ \t]*+>){{{_DEEPEST_QUOTE}}}")
_MARKUP_CHARACTERS = str.maketrans("", "", "<&[]!`\\~")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of lines of the normalised text, from 1 and ends included, that is quoted or folded
    away."""

    line: int
    end_line: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Normalised:
    """What may be read, what was hidden in it, and which lines are quoted or folded."""

    text: str
    hidden: tuple[Hidden, ...] = ()
    spans: tuple[Span, ...] = ()


def normalise(text: str, *, limit: int = LONGEST) -> Normalised:
    """The visible text. Never raises; the same text gives the same answer."""
    shown = text[:limit].replace("\r\n", "\n").replace("\r", "\n")
    hidden: list[Hidden] = []
    for _ in range(_MOST_PASSES):
        before = shown
        shown, found = _pass(shown)
        hidden += found
        if shown == before:
            break
    else:
        shown = shown.translate(_MARKUP_CHARACTERS)
    missing = max(len(text) - limit, 0)
    marker = f"\n⟦cut: {missing} more characters are not shown⟧" if missing else ""
    return Normalised(shown + marker, tuple(hidden), tuple(_spans(shown)))


def _pass(text: str) -> tuple[str, list[Hidden]]:
    """One pass. Taking something out can bring other characters together, so passes go on until
    nothing changes; what only becomes code because an invisible character was taken out of its way
    is not trusted to be code."""
    seen, characters = without_invisible(unicodedata.normalize("NFC", text))
    shown, markup = without_hidden_markup(
        unicodedata.normalize("NFC", seen), trusted=not characters
    )
    shown, cells = without_spare_cells(shown)
    return _DEEP_QUOTE.sub(r"\1", shown) if _DEEP.search(shown) else shown, [
        *characters,
        *markup,
        *cells,
    ]


def _spans(text: str) -> Iterator[Span]:
    # neither a quotation nor a fold is made without one
    if ">" not in text:
        return
    places = list(enumerate(_line_provenances(text), 1))
    for provenance, run in groupby(places, key=lambda place: place[1]):
        lines = [line for line, _ in run]
        if provenance is not Provenance.PLAIN:
            yield Span(lines[0], lines[-1], provenance)


def _line_provenances(text: str) -> Iterator[Provenance]:
    folds = 0
    for line in text.split("\n"):
        folded = folds > 0
        if "<" in line:
            lower = line.casefold()
            opened, closed = lower.count("<details>"), lower.count("</details>")
            folded = folds + opened > 0
            folds = max(folds + opened - closed, 0)
        if ">" in line and line.lstrip(" ").startswith(">"):
            yield Provenance.QUOTED
        else:
            yield Provenance.FOLDED if folded else Provenance.PLAIN
