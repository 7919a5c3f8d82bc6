"""What was read beside what was claimed of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validators.domain.journeys.claim import Claim, ListClaim
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import lists, matches, path_matches
from validators.performance.look_result import LookResult

MOST_SHOWN = 12


def compared(told: str, claims: Sequence[Claim], values: Values) -> LookResult:
    """Whether a text is as all claims say. Raises ExpressionInvalid."""
    return _compared(told, claims, values, by=matches)


def compared_path(told: str, claims: Sequence[Claim], values: Values) -> LookResult:
    """As `compared`, for a path with its query."""
    return _compared(told, claims, values, by=path_matches)


def compared_list(told: Sequence[str], claims: Sequence[ListClaim], values: Values) -> LookResult:
    """Whether a list is as all claims say. Raises ExpressionInvalid."""
    wanted = [(claim.match, [values.text(held) for held in claim.wanted]) for claim in claims]
    holds = all(lists(told, match, texts) for match, texts in wanted)
    return LookResult(holds, ", ".join(f"{match} {texts}" for match, texts in wanted), listed(told))


def holds(told: str, claims: Sequence[Claim], values: Values) -> bool:
    """Whether a text is as all claims say, without a word about it."""
    return compared(told, claims, values).holds


def said(claims: Sequence[Claim], values: Values) -> str:
    """The claims with their values, for people."""
    return ", ".join(
        f"{claim.match} {' … '.join(repr(values.text(held)) for held in claim.wanted)}"
        for claim in claims
    )


def listed(told: Sequence[str]) -> str:
    """A list for people, cut where it becomes long."""
    more = f" … ({len(told)} in all)" if len(told) > MOST_SHOWN else ""
    return " | ".join(told[:MOST_SHOWN]) + more


def _compared(
    told: str, claims: Sequence[Claim], values: Values, *, by: Callable[..., bool]
) -> LookResult:
    agree = (
        by(told, claim.match, *(values.text(held) for held in claim.wanted)) for claim in claims
    )
    return LookResult(all(agree), said(claims, values), told)
