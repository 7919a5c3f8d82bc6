"""A contradiction as a value: two places, and what speaks against what."""

from dataclasses import dataclass
from enum import StrEnum

from harness.onboarding.words import plain

_LONGEST_QUOTE = 160


class ContradictionKind(StrEnum):
    """What is contradicted; the words that `factory rules lint` and `factory rules import` print as
    a code."""

    LIMIT = "limits-differ"
    SECTION = "section-elsewhere"
    WORKFLOW = "workflow-missing"
    PROMISE = "promise-unkept"
    PATH = "path-missing"
    AUTHORITY = "two-authorities"
    TERM = "term-unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """Something that is written: its file, its line (from 1; 0 speaks of the whole file), and the
    words on one line."""

    file: str
    line: int
    quote: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place} “{self.quote}”" if self.quote else place


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What `here` says, and `there` does not bear out. `there` is None where nothing at all speaks
    of it."""

    kind: ContradictionKind
    here: Place
    message: str
    there: Place | None = None

    @property
    def against(self) -> str:
        """What it says, and the other place."""
        return f"{self.message}; see {self.there}" if self.there else self.message

    def __str__(self) -> str:
        return f"{self.here}: {self.against}"


def place(file: str, line: int, quote: str) -> Place:
    """A place with its words made fit for one line."""
    return Place(file, line, plain(quote, longest=_LONGEST_QUOTE))
