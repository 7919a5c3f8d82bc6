"""Reads the step `travel`: how far a journey travels in time, like `+2 days`."""

from __future__ import annotations

import re

from validators.domain.journeys.steps import Travel
from validators.language.tree import Node, nearest, refusal, text

UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
# In seconds. A browser's timers do not reach much farther.
FARTHEST = 10 * 365 * 86_400
_SPAN = re.compile(r"\+\s*([0-9]{1,5})\s*([a-z]+)")


def travel(line: int, node: Node, place: str) -> Travel:
    """`+2 days`, forward only. Raises JourneyInvalid."""
    span = text(node, "travel")
    found = _SPAN.fullmatch(span)
    if not found or int(found[1]) == 0:
        raise refusal(line, f"travel {span!r}: how far forward, like +2 days or +90 minutes")
    unit = found[2].removesuffix("s")
    if unit not in UNITS:
        raise refusal(line, f"no unit of time {found[2]!r}{nearest(unit, UNITS)}")
    if (seconds := int(found[1]) * UNITS[unit]) > FARTHEST:
        raise refusal(line, f"travel {span!r}: at most ten years")
    return Travel(line, seconds)
