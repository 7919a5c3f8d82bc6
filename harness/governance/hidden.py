"""What was hidden in a text, and why it could not be seen."""

from dataclasses import dataclass
from enum import StrEnum


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


def provenance_at(text: str, position: int) -> Provenance:
    """Whether this place is quoted, inside a fold (`<details>`), or plain."""
    if text[text.rfind("\n", 0, position) + 1: position + 1].lstrip(" ").startswith(">"):
        return Provenance.QUOTED
    lower = text[:position].casefold()
    return Provenance.FOLDED if lower.count("<details") > lower.count("</details") else Provenance.PLAIN
