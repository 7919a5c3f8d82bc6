"""Claims about what a look reads: about one text, a list of texts, or an order.
`validators.domain.journeys.wording` compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from validators.domain.journeys.values import Template


class Match(StrEnum):
    """How an observed text is compared. Words are whole words. Numbers are compared by value with
    the one number in the text."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    ONE_OF = "one_of"
    NUMBER = "matches_number"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BETWEEN = "between"
    NOT_CONTAINS = "not_contains"


READ = (
    Match.EQUALS,
    Match.CONTAINS,
    Match.STARTS_WITH,
    Match.ENDS_WITH,
    Match.NUMBER,
)
"""Claims whose wanted text must stand on the page."""
NUMERIC = (Match.NUMBER, Match.AT_LEAST, Match.AT_MOST, Match.BETWEEN)


@dataclass(frozen=True, slots=True)
class Claim:
    """One comparison. `wanted` has one text; several for `ONE_OF`; the lower and the upper bound
    for `BETWEEN`."""

    match: Match
    wanted: tuple[Template, ...]

    @property
    def negative(self) -> bool:
        """Whether an empty text satisfies it."""
        return self.match is Match.NOT_CONTAINS

    @property
    def read(self) -> tuple[Template, ...]:
        """The texts that must stand on the page for it to hold."""
        return self.wanted if self.match in READ else ()

    def __str__(self) -> str:
        return f"{self.match} {' '.join(template.source for template in self.wanted)}"


class Listing(StrEnum):
    """How an observed list of texts is compared: whole and in order, or by entries that are or are
    not in it."""

    EQUALS = "equals"
    INCLUDES = "includes"
    EXCLUDES = "excludes"


@dataclass(frozen=True, slots=True)
class ListClaim:
    """One comparison of a list. Every wanted text is a whole entry."""

    match: Listing
    wanted: tuple[Template, ...]

    @property
    def negative(self) -> bool:
        """Whether an empty list satisfies it."""
        return self.match is Listing.EXCLUDES or not self.wanted

    @property
    def read(self) -> tuple[Template, ...]:
        """The texts that must stand on the page for it to hold."""
        return () if self.match is Listing.EXCLUDES else self.wanted

    def __str__(self) -> str:
        return f"{self.match} {' '.join(template.source for template in self.wanted)}"


class SortOrder(StrEnum):
    ASCENDING = "ascending"
    DESCENDING = "descending"


def templates(claims: tuple[Claim | ListClaim, ...]) -> Iterator[Template]:
    """Every template of these claims."""
    return (template for claim in claims for template in claim.wanted)
