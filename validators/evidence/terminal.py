"""Draw what a command printed as its terminal shows it: lines of words with colours.

The drawing is a value for the page, whose styles name each colour: the page allows no style of its
own to what is shown. Colours and weights (SGR of ECMA-48), overwritten lines and erased line ends
are drawn. A program that moves the cursor about is drawn in the order in which it printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from validators.domain.journeys.wording import visible

MOST_LINES, MOST_COLUMNS = 200, 240
TAB = 8
# A control sequence with its parameters and its end; any other escape, which draws nothing.
_TOKEN = re.compile(
    r"\x1b\[([0-9;:]*)([@-~])|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]|(\r\n|[\n\r\b\t])|([^\x00-\x1f\x7f]+)|[\x00-\x1f\x7f]"
)
# A channel is lit that has more than this share of the brightest one.
_LIT = 1 / 2


@dataclass(frozen=True, slots=True)
class Look:
    """How a cell looks. `ink` and `paper` are 0 to 15, or -1 for the terminal's own."""

    ink: int = -1
    paper: int = -1
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underlined: bool = False
    reversed: bool = False

    @property
    def classes(self) -> str:
        """The names of its styles."""
        ink, paper = (self.paper, self.ink) if self.reversed else (self.ink, self.paper)
        named = (
            f"i{ink}" if ink >= 0 else "",
            f"p{paper}" if paper >= 0 else "",
            "turned" if self.reversed and self.ink < 0 and self.paper < 0 else "",
            "bold" if self.bold else "",
            "faint" if self.faint else "",
            "italic" if self.italic else "",
            "underlined" if self.underlined else "",
        )
        return " ".join(filter(None, named))


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one look; `classes` may be empty."""

    text: str
    classes: str = ""


Cell = tuple[str, Look]
PLAIN = Look()


def drawn(printed: str) -> tuple[tuple[Span, ...], ...]:
    """The lines of a terminal that was printed this, the first MOST_LINES of them."""
    lines: list[list[Cell]] = [[]]
    look, at = PLAIN, 0
    for token in _TOKEN.finditer(printed):
        parameters, end, control, text = token.groups()
        line = lines[-1]
        if text:
            # What nobody sees would shift the columns.
            for char in visible(text):
                _put(line, at, (char, look))
                at += 1
        elif control in ("\n", "\r\n"):
            if len(lines) > MOST_LINES:
                break
            lines.append([])
            at = 0
        elif control == "\r":
            at = 0
        elif control == "\b":
            at = max(0, at - 1)
        elif control == "\t":
            at += TAB - at % TAB
        elif end == "m":
            look = _styled(look, parameters)
        elif end == "K" and parameters in ("", "0"):
            del line[at:]
    return tuple(tuple(_spans(line)) for line in _trimmed(lines))


def _put(line: list[Cell], at: int, cell: Cell) -> None:
    if at < MOST_COLUMNS:
        line.extend((" ", PLAIN) for _ in range(at - len(line)))
        line[at : at + 1] = [cell]


def _trimmed(lines: list[list[Cell]]) -> list[list[Cell]]:
    while lines and not any(char.strip() for char, _ in lines[-1]):
        lines.pop()
    return lines[:MOST_LINES]


def _spans(line: list[Cell]) -> Iterator[Span]:
    text, look = "", PLAIN
    for char, its in line:
        if its != look and text:
            yield Span(text, look.classes)
            text = ""
        text, look = text + char, its
    if text:
        yield Span(text, look.classes)


def _styled(look: Look, parameters: str) -> Look:
    """The look after a sequence of SGR parameters."""
    # Longer sequences are none that a tool prints; their numbers are not read at all.
    codes = [int(one or 0) if len(one) < 4 else -1 for one in re.split("[;:]", parameters)[:32]]
    while codes:
        code = codes.pop(0)
        if code in (38, 48):
            colour = _colour(codes)
            look = replace(look, ink=colour) if code == 38 else replace(look, paper=colour)
        else:
            look = _set(look, code)
    return look


def _set(look: Look, code: int) -> Look:
    match code:
        case 0:
            return PLAIN
        case 1:
            return replace(look, bold=True)
        case 2:
            return replace(look, faint=True)
        case 3:
            return replace(look, italic=True)
        case 4:
            return replace(look, underlined=True)
        case 7:
            return replace(look, reversed=True)
        case 22:
            return replace(look, bold=False, faint=False)
        case 23:
            return replace(look, italic=False)
        case 24:
            return replace(look, underlined=False)
        case 27:
            return replace(look, reversed=False)
        case 39:
            return replace(look, ink=-1)
        case 49:
            return replace(look, paper=-1)
    for first, base in ((30, 0), (90, 8)):
        if first <= code < first + 8:
            return replace(look, ink=base + code - first)
        if first <= code - 10 < first + 8:
            return replace(look, paper=base + code - 10 - first)
    return look


def _colour(codes: list[int]) -> int:
    """The nearest of the 16 colours to one of 256, or of red, green and blue; it takes what it
    reads from `codes`."""
    kind = codes.pop(0) if codes else 0
    if kind == 5 and codes:
        number = codes.pop(0)
        if not 16 <= number < 256:
            return number if 0 <= number < 16 else -1
        if number >= 232:
            return (0, 8, 7, 15)[(number - 232) // 6]
        number -= 16
        return _nearest(*(level * 51 for level in (number // 36, number // 6 % 6, number % 6)))
    if kind == 2 and len(codes) >= 3:
        return _nearest(*(codes.pop(0) for _ in range(3)))
    return -1


def _nearest(red: int, green: int, blue: int) -> int:
    brightest = max(red, green, blue)
    if brightest < 48:
        return 0
    lit = [channel > brightest * _LIT for channel in (red, green, blue)]
    number = lit[0] + 2 * lit[1] + 4 * lit[2]
    if number == 7:
        return 15 if brightest > 220 else 7 if brightest > 140 else 8
    return number + (8 if brightest > 200 else 0)
