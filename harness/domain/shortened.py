"""Texts for people: cut so that what is left reads as one, without what controls a terminal,
numbers with their nouns, money."""

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


def shortened(text: str, most: int) -> str:
    """The text in one line of at most `most` characters. A longer one ends with a whole sentence
    where half of the room has one, else with a whole word, and with an ellipsis."""
    flat = " ".join(text[: most * 8].split())
    if len(flat) <= most:
        return flat
    room = flat[: most - 1]
    sentence = max(room.rfind(f"{end} ") for end in ".!?") + 1
    if sentence > most // 2:
        return f"{room[:sentence]} …"[:most]
    word = room.rsplit(" ", 1)[0] if room.rfind(" ") > most // 2 else room
    return f"{word}…"


def printable(text: str) -> str:
    """Text from outside, with every character replaced that could control a terminal or change the
    order of what is read. Line breaks, tabs and all kinds of spaces stay."""
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or char in "\n\t" or unicodedata.category(char) == "Zs"
        else "\N{REPLACEMENT CHARACTER}"
        for char in text.replace("\r\n", "\n")
    )


def in_one_line(text: str) -> str:
    """The same in one line: a title from outside must not look like a row of ours."""
    return printable(" ".join(text.split()))


def count(number: int, what: str) -> str:
    """A number with its noun: `1 change`, `2 changes`, `3 entries`."""
    plural = f"{what.removesuffix('y')}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"


def in_dollars(amount: "Decimal", *, places: int = 4) -> str:
    """US dollars with so many decimals, as `$0.0123`, and with all that it has where these few
    would round it: a cap never reads as another, and what costs something never as nothing."""
    exact = f"{amount.normalize():f}"
    had = len(exact.partition(".")[2])
    return f"${amount:.{places}f}" if had <= places else f"${exact}"
