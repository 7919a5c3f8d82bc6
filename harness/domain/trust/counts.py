"""Confidence from counts: Beta posteriors, from the whole repository down to area and kind.

Each step starts from the mean of the one before, worth STRENGTH outcomes, and adds outcomes that no
earlier step has seen: other areas, the area's other kinds, its own. So no outcome counts twice, and
an area with outcomes of its own soon stands on them alone."""

from collections.abc import Sequence
from math import sqrt

from harness.domain.trust.changes import ChangeTraits, Followed, Outcome
from harness.domain.trust.decisions import Basis, Confidence

PRIOR = 0.75
"""The mean before there is any outcome: a person should look."""
STRENGTH = 4.0
"""How many outcomes a mean is worth where the next step starts from it."""
ENOUGH = 5
"""The outcomes of its own area that make a number more than a prior."""
Z95 = 1.959964


def counted(traits: ChangeTraits, known: Sequence[Followed]) -> Confidence:
    """The confidence from settled outcomes."""
    area = [one for one in known if one.traits.area == traits.area]
    own = [one for one in area if one.traits.kind == traits.kind]
    elsewhere = [one for one in known if one.traits.area != traits.area]
    others = [one for one in area if one.traits.kind != traits.kind]
    mean = PRIOR
    for found in (elsewhere, others):
        mean = _mean(mean, found)
    value, weight = _mean(mean, own), STRENGTH + len(own)
    low, high = wilson(value * weight, weight)
    basis = Basis.COUNTS if len(area) >= ENOUGH else Basis.PRIOR
    return Confidence(value, low, high, basis, len(area))


def wilson(hits: float, trials: float) -> tuple[float, float]:
    """The Wilson score interval (95 %) of a share; (0, 1) where nothing was tried. Wilson 1927."""
    if trials <= 0:
        return 0.0, 1.0
    share, z = hits / trials, Z95
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    spread = z / (1 + z * z / trials) * sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return max(0.0, middle - spread), min(1.0, middle + spread)


def stayed(found: Sequence[Followed]) -> int:
    """How many of them stayed as they landed."""
    return sum(one.outcome is Outcome.STAYED for one in found)


def _mean(before: float, found: Sequence[Followed]) -> float:
    return (STRENGTH * before + stayed(found)) / (STRENGTH + len(found))
