"""Comparing texts as a reader does: spaces folded, whole words, numbers by value."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from urllib.parse import parse_qsl, unquote, unquote_plus

from validators.domain.journeys.claim import NUMERIC, Listing, Match, SortOrder

_NUMBER = re.compile(r"(?<![\w.,])[-+−]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w])")
# 1,200.50 · €5 · 12 kg; but not `Room 2`.
_QUANTITY = re.compile(r"[^\w\s]?\s*[-+−]?\d[\d,.]*(?:\s*\D{1,12})?")
_LETTERS = "\\w\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u1fff\u3040-\ud7ff"
"""Letters of every script. In Python `\\w` has them all; in the browser, which gets the same
patterns, it has only those of English."""

_HALF = re.compile("[\ud800-\udfff]")

_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
"""Letters, marks and selectors that have no visible shape."""


def folded(text: str) -> str:
    """The text with each run of white space as one space, and none at the ends."""
    return " ".join(text.split())


def well_formed(text: str) -> str:
    """The text as a browser draws it. A script that cuts a text may leave half of a character, and
    no encoding has bytes for that."""
    return _HALF.sub("\ufffd", text)


def visible(text: str) -> str:
    """The text without characters that nobody sees: controls, formats, tags, selectors and blank
    letters, in which a page could hide words from a person. White space stays."""
    return "".join(char for char in text if char.isspace() or not _shows_nothing(char))


def _shows_nothing(char: str) -> bool:
    return unicodedata.category(char).startswith("C") or char in _BLANK


def whole_words(words: str) -> re.Pattern[str]:
    """A pattern that finds `words` only outside of longer words and numbers: `4` is not in `14`."""
    core = r"\s+".join(re.escape(word) for word in words.split())
    return re.compile(rf"(?<![{_LETTERS}]){core}(?![{_LETTERS}])" if core else r"(?!)")


def matches(seen: str, match: Match, *wanted: str) -> bool:
    """Whether a text on the page is as wanted. `wanted` as in `Claim`. A text that is not a number
    equals no number."""
    if match in NUMERIC:
        return _numeric(seen, match, *wanted)
    text = folded(seen)
    match match:
        case Match.EQUALS | Match.ONE_OF:
            return text in map(folded, wanted)
        case Match.STARTS_WITH:
            return any(found.start() == 0 for found in whole_words(wanted[0]).finditer(text))
        case Match.ENDS_WITH:
            return any(found.end() == len(text) for found in whole_words(wanted[0]).finditer(text))
        case _:
            return (whole_words(wanted[0]).search(text) is not None) is (match is Match.CONTAINS)


def path_matches(seen: str, match: Match, *wanted: str) -> bool:
    """Like `matches`, for a path with its query: letter by letter, with %-escapes decoded.

    A wanted path without a query allows any query. One with a query wants the same parameters, in
    any order."""
    match match:
        case Match.EQUALS | Match.ONE_OF:
            return any(
                _address(seen, query="?" in path) == _address(path, query=True) for path in wanted
            )
        case Match.STARTS_WITH:
            return _plain(seen).startswith(_plain(wanted[0]))
        case Match.ENDS_WITH:
            return _plain(seen).endswith(_plain(wanted[0]))
        case _:
            return (_plain(wanted[0]) in _plain(seen)) is (match is Match.CONTAINS)


def numbers(text: str) -> tuple[Decimal, ...]:
    """Every number in a text. Thousands separators, as in 1,200.50, are allowed."""
    return tuple(
        Decimal(found.group().replace(",", "").replace("−", "-"))
        for found in _NUMBER.finditer(text)
    )


def lists(seen: Sequence[str], match: Listing, wanted: Sequence[str]) -> bool:
    """Whether a list on the page is as wanted. `INCLUDES` wants a separate entry for each text, in
    any order."""
    there, asked = [folded(text) for text in seen], [folded(text) for text in wanted]
    match match:
        case Listing.EQUALS:
            return there == asked
        case Listing.INCLUDES:
            return not Counter(asked) - Counter(there)
        case Listing.EXCLUDES:
            return not set(asked) & set(there)


def ordered(cells: Sequence[str], order: SortOrder) -> bool:
    """Whether the cells are in this order, without empty ones: quantities by value, everything else
    by letters.

    Apps sort letters by code points, without case, or without case and accents; each is accepted.
    False unless two values differ, because equal values are in every order."""
    filled = [folded(cell) for cell in cells if cell.strip()]
    if len(set(filled)) < 2:
        return False
    if all(_QUANTITY.fullmatch(cell) and len(numbers(cell)) == 1 for cell in filled):
        return _falls_in(filled, order, lambda cell: numbers(cell)[0])
    return any(_falls_in(filled, order, by) for by in (str, str.casefold, _unaccented))


def _numeric(seen: str, match: Match, *wanted: str) -> bool:
    found, bounds = numbers(seen), [numbers(bound) for bound in wanted]
    if len(found) != 1 or any(len(bound) != 1 for bound in bounds):
        return False
    low, high = bounds[0][0], bounds[-1][0]
    match match:
        case Match.AT_LEAST:
            return found[0] >= low
        case Match.AT_MOST:
            return found[0] <= high
        case _:
            return low <= found[0] <= high


def _address(path: str, *, query: bool) -> tuple[str, tuple[tuple[str, str], ...]]:
    path, _, asked = path.partition("#")[0].partition("?")
    return unquote(path), tuple(sorted(parse_qsl(asked, keep_blank_values=True))) if query else ()


def _plain(path: str) -> str:
    path, mark, asked = path.partition("?")
    return unquote(path) + mark + unquote_plus(asked)


def _falls_in(cells: Sequence[str], order: SortOrder, by: Callable[[str], object]) -> bool:
    keys: list[object] = [by(cell) for cell in cells]
    pairs = pairwise(keys if order is SortOrder.ASCENDING else reversed(keys))
    return all(one <= other for one, other in pairs)  # type: ignore[operator]


def _unaccented(text: str) -> str:
    return "".join(
        c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c)
    )
