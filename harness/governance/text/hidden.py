"""What was hidden in a text, and why it could not be seen."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

_QUOTED = re.compile(" *+>")
_FOLD_MARK = re.compile("<(/?)details", re.IGNORECASE)


class HiddenKind(StrEnum):
    """Why a span could not be seen."""

    CHARACTERS = "characters"
    TAG_CHARACTERS = "tag-characters"
    ENTITY = "entity"
    COMMENT = "comment"
    ELEMENT = "element"
    ATTRIBUTES = "attributes"
    IMAGE = "image"
    LINK = "link"
    REFERENCE = "reference"
    CELL = "cell"


class Provenance(StrEnum):
    """Where in the text something stands."""

    PLAIN = "plain"
    QUOTED = "quoted"
    FOLDED = "folded"


@dataclass(frozen=True, slots=True)
class Hidden:
    """One span that was taken out of a text."""

    kind: HiddenKind
    text: str
    provenance: Provenance = Provenance.PLAIN


class HiddenPlaces:
    """Where in one text things stand: asked for many of its places, it looks for folds once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._marks: list[int] | None = None
        self._depths: list[int] = []

    def provenance(self, position: int) -> Provenance:
        """Whether this place is quoted, inside a fold (`<details>`), or plain."""
        line = self._text.rfind("\n", 0, position) + 1
        if _QUOTED.match(self._text, line, position + 1):
            return Provenance.QUOTED
        if self._marks is None:
            found = list(_FOLD_MARK.finditer(self._text))
            self._marks = [mark.end() for mark in found]
            self._depths = list(accumulate((-1 if mark[1] else 1 for mark in found), initial=0))
        return (
            Provenance.FOLDED
            if self._depths[bisect_right(self._marks, position)] > 0
            else Provenance.PLAIN
        )
