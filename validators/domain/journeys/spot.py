"""A target with its templates filled in: what an adapter looks for on a page."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Template, Values


@dataclass(frozen=True, slots=True)
class Spot:
    """One element, as `Target` says. Either `role` or `label` is set; `under` is the name of a
    heading."""

    role: str = ""
    name: str | None = None
    label: str | None = None
    words: str | None = None
    within: Spot | None = None
    level: int | None = None
    under: str | None = None


def spot(target: Target, values: Values) -> Spot:
    """The target as it stands now. Raises ExpressionInvalid for a name nothing has set."""

    def told(held: Template | None) -> str | None:
        return None if held is None else values.text(held)

    return Spot(
        role=target.role,
        name=told(target.name),
        label=told(target.label),
        words=told(target.words),
        within=spot(target.within, values) if target.within else None,
        level=target.level,
        under=told(target.under),
    )
