"""Compares what was read with the claims about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validators.domain.journeys.claim import Claim, ListClaim, Match
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import lists, matches, path_matches
from validators.performance.look_result import LookResult

MOST_SHOWN = 12


def compared(text: str, claims: Sequence[Claim], values: Values) -> LookResult:
    """Whether all claims hold for a text. Raises ExpressionInvalid."""
    return _compared(text, claims, values, by=matches)


def compared_path(path: str, claims: Sequence[Claim], values: Values) -> LookResult:
    """Like `compared`, for a path with its query."""
    return _compared(path, claims, values, by=path_matches)


def compared_list(texts: Sequence[str], claims: Sequence[ListClaim], values: Values) -> LookResult:
    """Whether all claims hold for a list of texts. Raises ExpressionInvalid."""
    wanted = [
        (claim.match, [values.text(template) for template in claim.wanted]) for claim in claims
    ]
    holds = all(lists(texts, match, entries) for match, entries in wanted)
    return LookResult(
        holds, ", ".join(f"{match} {entries}" for match, entries in wanted), listed(texts)
    )


def holds(text: str, claims: Sequence[Claim], values: Values) -> bool:
    """Whether all claims hold for a text."""
    return compared(text, claims, values).holds


def described(claims: Sequence[Claim], values: Values) -> str:
    """The claims with their values, for people to read."""

    def wanted(claim: Claim) -> str:
        between = " … " if claim.match is Match.BETWEEN else ", "
        return between.join(repr(values.text(template)) for template in claim.wanted)

    return ", ".join(f"{claim.match} {wanted(claim)}" for claim in claims)


def listed(texts: Sequence[str]) -> str:
    """A list for people to read, cut after MOST_SHOWN entries."""
    more = f" … ({len(texts)} in all)" if len(texts) > MOST_SHOWN else ""
    return " | ".join(texts[:MOST_SHOWN]) + more


def _compared(
    text: str, claims: Sequence[Claim], values: Values, *, by: Callable[..., bool]
) -> LookResult:
    agree = (
        by(text, claim.match, *(values.text(template) for template in claim.wanted))
        for claim in claims
    )
    return LookResult(all(agree), described(claims, values), text)
