"""Reads the comparisons of a text or a list, and refuses those that are always true."""

from __future__ import annotations

from collections.abc import Collection

from validators.domain.journeys.claim import (
    NUMERIC,
    Claim,
    ListClaim,
    Listing,
    Match,
    SortOrder,
)
from validators.domain.journeys.values import Template
from validators.domain.journeys.wording import matches, numbers
from validators.language.targets import template_in
from validators.language.tree import (
    Fields,
    Items,
    Node,
    Scalar,
    items,
    mapping,
    nearest,
    refusal,
    text,
)
from validators.language.words import Form

# fmt: off
COMPARISONS: dict[tuple[Match, ...], tuple[Form, ...]] = {
    (Match.EQUALS, Match.ONE_OF): (Form("the whole text", ("equals", "one_of: [red, blue]")),),
    (Match.CONTAINS, Match.STARTS_WITH, Match.ENDS_WITH, Match.NOT_CONTAINS): (
        Form("whole words of it", ("contains", "starts_with", "ends_with", "not_contains")),),
    (Match.NUMBER, Match.AT_LEAST, Match.AT_MOST, Match.BETWEEN): (
        Form("the one number in it, by value: `€1,200.00` is 1200",
             ("matches_number: 1200", "at_least: 3", "at_most: 8", "between: [2, 8]")),),
}
# fmt: on
TEXT = tuple(Match)
ADDRESS = (
    Match.EQUALS,
    Match.CONTAINS,
    Match.STARTS_WITH,
    Match.ENDS_WITH,
    Match.ONE_OF,
    Match.NOT_CONTAINS,
)
PAGE = (Match.CONTAINS, Match.NOT_CONTAINS)
COUNT = (Match.EQUALS, Match.AT_LEAST, Match.AT_MOST, Match.BETWEEN)
STATUS = (Match.EQUALS, Match.ONE_OF)
PIECES = (Match.CONTAINS, Match.STARTS_WITH, Match.ENDS_WITH, Match.NOT_CONTAINS)


def claims_in(fields: Fields, place: str, *, kinds: Collection[Match] = TEXT) -> tuple[Claim, ...]:
    """The comparison among the keys of a mapping, and a `not_contains` beside it. Raises
    JourneyInvalid."""
    chosen = [fields.one([kind for kind in kinds if kind is not Match.NOT_CONTAINS])]
    if Match.NOT_CONTAINS in kinds:
        chosen.append(fields.one([Match.NOT_CONTAINS]))
    claims = tuple(_claim(Match(key), node, f"{place}.{key}") for key, node in filter(None, chosen))
    if not claims:
        raise refusal(fields.line, f"{fields.what} needs one of {', '.join(kinds)}")
    return claims


def text_claims(
    node: Node, what: str, place: str, *, kinds: Collection[Match] = TEXT
) -> tuple[Claim, ...]:
    """As `claims_in`, where a plain text is short for `equals`."""
    if isinstance(node, Scalar):
        return (_claim(Match.EQUALS, node, place),)
    fields = mapping(node, what)
    claims = claims_in(fields, place, kinds=kinds)
    fields.done()
    return claims


def list_claims_in(fields: Fields, place: str, *, equals: bool = True) -> tuple[ListClaim, ...]:
    """The comparisons of a list among the keys of a mapping, maybe none. `includes: x` is short for
    `[x]`. Without `equals`, that key belongs to a comparison of a text."""
    whole = [Listing.EQUALS] if equals else []
    chosen = [fields.one([*whole, Listing.INCLUDES]), fields.one([Listing.EXCLUDES])]
    return tuple(
        _list_claim(Listing(key), node, f"{place}.{key}") for key, node in filter(None, chosen)
    )


def sort_order(node: Node) -> SortOrder:
    """`ascending` or `descending`. Raises JourneyInvalid."""
    word = text(node, "sorted")
    if word not in tuple(SortOrder):
        raise refusal(
            node.line, f"sorted is ascending or descending, not {word!r}{nearest(word, SortOrder)}"
        )
    return SortOrder(word)


def number_claims(claims: tuple[Claim, ...], line: int) -> tuple[Claim, ...]:
    """The same claims, once each wanted text is known to be a whole number. Raises
    JourneyInvalid."""
    for wanted in (wanted for claim in claims for wanted in claim.wanted):
        number = wanted.source.strip()
        if not wanted.holes and not (number.isascii() and number.isdigit()):
            raise refusal(
                line, f"{wanted.source!r} is not a number of things: a whole number, like 2"
            )
    if any(
        claim.match is Match.AT_LEAST and claim.wanted[0].source.strip() == "0" for claim in claims
    ):
        raise refusal(
            line,
            "`at_least: 0` is always true: at_least 1, or `equals: 0` beside something that must be"
            " there",
        )
    return claims


def _claim(match: Match, node: Node, place: str) -> Claim:
    wanted = _wanted(match, node, place)
    # What a template with holes holds is only known when the journey is performed.
    for one in (one for one in wanted if not one.holes):
        if match in PIECES and not one.source.strip():
            raise refusal(node.line, f"{match} is empty: give it words")
        if match in NUMERIC and len(numbers(one.source)) != 1:
            raise refusal(node.line, f"{match} takes a number, not {one.source!r}")
    if match is Match.BETWEEN and not any(one.holes for one in wanted):
        low, high = (one.source for one in wanted)
        if not matches(low, Match.AT_MOST, high):
            raise refusal(node.line, f"between takes the smaller number first: [{high}, {low}]")
    return Claim(match, wanted)


def _wanted(match: Match, node: Node, place: str) -> tuple[Template, ...]:
    if match not in (Match.ONE_OF, Match.BETWEEN):
        if isinstance(node, Items):
            raise refusal(node.line, f"{match} takes one text; a list belongs to one_of")
        return (template_in(node, place),)
    found = items(node, match)
    if match is Match.BETWEEN and len(found) != 2:
        raise refusal(node.line, "between takes two numbers, like [1, 9]")
    return tuple(template_in(item, f"{place}.{index}") for index, item in enumerate(found))


def _list_claim(match: Listing, node: Node, place: str) -> ListClaim:
    # Only `equals` may be empty: every list includes and excludes nothing.
    if isinstance(node, Items) and not node.items and match is Listing.EQUALS:
        return ListClaim(match, ())
    if isinstance(node, Scalar) and match is not Listing.EQUALS:
        return ListClaim(match, (template_in(node, place),))
    return ListClaim(
        match,
        tuple(
            template_in(item, f"{place}.{index}") for index, item in enumerate(items(node, match))
        ),
    )
