"""Comparing texts the way a reader does: spaces folded, whole words, numbers by value."""

from __future__ import annotations

import re
from decimal import Decimal

from validators.domain.journey import Match

_NUMBER = re.compile(r"(?<![\w.,])[-+−]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w])")


def folded(text: str) -> str:
    """The text with every run of white space as one space, none at the ends."""
    return " ".join(text.split())


def whole_words(words: str) -> re.Pattern[str]:
    """A pattern that finds `words` only where they are not part of a longer word or number: `4` is not in `14`."""
    core = r"\s+".join(re.escape(word) for word in words.split())
    return re.compile(rf"(?<!\w){core}(?!\w)" if core else r"(?!)")


def matches(seen: str, match: Match, wanted: str) -> bool:
    """Whether a seen text is the wanted one."""
    match match:
        case Match.EQUALS:
            return folded(seen) == folded(wanted)
        case Match.CONTAINS:
            return whole_words(wanted).search(seen) is not None
        case Match.NUMBER:
            return numbers(seen) == numbers(wanted) and len(numbers(wanted)) == 1


def numbers(text: str) -> tuple[Decimal, ...]:
    """Every number in a text, thousands separators as in 1,200.50 removed."""
    return tuple(Decimal(found.group().replace(",", "").replace("−", "-")) for found in _NUMBER.finditer(text))
