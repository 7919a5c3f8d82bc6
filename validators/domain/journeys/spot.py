"""A spot: a target with its values filled in, which an adapter looks for on a page."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Template, Values


@dataclass(frozen=True, slots=True)
class Spot:
    """One element, described like a `Target`. Either `role` or `label` is set; `under` is the name
    of a heading; `at` counts from 1, or from -1 at the end."""

    role: str = ""
    name: str | None = None
    label: str | None = None
    words: str | None = None
    within: Spot | None = None
    level: int | None = None
    under: str | None = None
    beside: str | None = None
    leads_to: str | None = None
    at: int | None = None


def spot(target: Target, values: Values) -> Spot:
    """The target with the values of this moment. Raises ExpressionInvalid for a name that nothing
    has set."""

    def filled(template: Template | None) -> str | None:
        return None if template is None else values.text(template)

    return Spot(
        role=target.role,
        name=filled(target.name),
        label=filled(target.label),
        words=filled(target.words),
        within=spot(target.within, values) if target.within else None,
        level=target.level,
        under=filled(target.under),
        beside=filled(target.beside),
        leads_to=filled(target.leads_to),
        at=target.at,
    )
