"""Confidence from counts: Beta posteriors, from the whole repository down to area and kind.

Each step starts from the mean of the one before, worth STRENGTH outcomes, and adds outcomes that no
earlier step has seen: other areas, the area's other kinds, its own. So no outcome counts twice, and
an area with outcomes of its own soon stands on them alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import sqrt

from harness.domain.landing import Outcome
from harness.domain.trust.changes import ChangeTraits, Followed
from harness.domain.trust.decisions import Basis, Confidence

PRIOR = 0.75
"""The mean before there is any outcome: a person should look."""
STRENGTH = 4.0
"""How many outcomes a mean is worth where the next step starts from it."""
ENOUGH = 5
"""The outcomes of its own area that make a number more than a prior."""
Z95 = 1.959964


@dataclass(slots=True)
class _Share:
    stayed: int = 0
    total: int = 0

    def less(self, part: "_Share") -> "_Share":
        return _Share(self.stayed - part.stayed, self.total - part.total)


@dataclass(slots=True)
class Counts:
    """Outcomes, counted by area and kind; it grows as they become known."""

    _all: _Share = field(default_factory=_Share)
    _areas: dict[str, _Share] = field(default_factory=dict)
    _cells: dict[tuple[str, str], _Share] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Iterable[Followed]) -> "Counts":
        found = cls()
        for one in known:
            found.add(one)
        return found

    def add(self, one: Followed) -> None:
        """Count a settled outcome."""
        area, kind = one.traits.area, one.traits.kind
        stayed = one.outcome is Outcome.STAYED
        for share in (
            self._all,
            self._areas.setdefault(area, _Share()),
            self._cells.setdefault((area, kind), _Share()),
        ):
            share.stayed += stayed
            share.total += 1

    def confidence(self, traits: ChangeTraits) -> Confidence:
        area = self._areas.get(traits.area, _Share())
        own = self._cells.get((traits.area, traits.kind), _Share())
        mean = PRIOR
        for share in (self._all.less(area), area.less(own), own):
            mean = (STRENGTH * mean + share.stayed) / (STRENGTH + share.total)
        weight = STRENGTH + own.total
        low, high = wilson(mean * weight, weight)
        basis = Basis.COUNTS if area.total >= ENOUGH else Basis.PRIOR
        return Confidence(mean, low, high, basis, area.total)


def wilson(hits: float, trials: float) -> tuple[float, float]:
    """The Wilson score interval (95 %) of a share; (0, 1) where nothing was tried. Wilson 1927."""
    if trials <= 0:
        return 0.0, 1.0
    share, z = hits / trials, Z95
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    spread = z / (1 + z * z / trials) * sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return max(0.0, middle - spread), min(1.0, middle + spread)
