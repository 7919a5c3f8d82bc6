"""A contradiction as a value: two places, and what is wrong between them."""

from dataclasses import dataclass
from enum import StrEnum

from harness.onboarding.words import plain

_LONGEST_QUOTE = 160


class ContradictionKind(StrEnum):
    """The kinds; `factory rules lint` and `factory rules import` print them as codes."""

    LIMIT = "limits-differ"
    SECTION = "section-elsewhere"
    WORKFLOW = "workflow-missing"
    PROMISE = "promise-unkept"
    PATH = "path-missing"
    AUTHORITY = "two-authorities"
    TERM = "term-unknown"


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """Something written: its file, its line (from 1; 0 is the whole file) and its words
    on one line."""

    file: str
    line: int
    quote: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place} “{self.quote}”" if self.quote else place


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A statement at `here` that `there` contradicts. `there` is None where nothing in
    the repository matches."""

    kind: ContradictionKind
    here: FoundPlace
    message: str
    there: FoundPlace | None = None

    @property
    def against(self) -> str:
        """The message, and the other place."""
        return f"{self.message}; see {self.there}" if self.there else self.message

    def __str__(self) -> str:
        return f"{self.here}: {self.against}"


def place(file: str, line: int, quote: str) -> FoundPlace:
    """A place with its words shortened to one line."""
    return FoundPlace(file, line, plain(quote, longest=_LONGEST_QUOTE))
