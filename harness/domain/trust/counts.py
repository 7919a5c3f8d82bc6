"""Confidence from counts: Beta posteriors, from the whole repository down to area and kind.

Each step starts from the mean of the one before, worth STRENGTH outcomes, and adds outcomes that no
earlier step has seen: other areas, the area's other kinds, its own. So no outcome counts twice, and
an area with outcomes of its own soon stands on them alone."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush
from math import sqrt

from harness.domain.landing import Outcome
from harness.domain.trust.changes import ChangeTraits, Followed, settled
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
class _Cells:
    """Landings, counted by area and kind."""

    _all: _Share = field(default_factory=_Share)
    _areas: dict[str, _Share] = field(default_factory=dict)
    _own: dict[tuple[str, str], _Share] = field(default_factory=dict)

    def add(self, traits: ChangeTraits, *, stayed: int, total: int = 1) -> None:
        area, cell = traits.area, (traits.area, traits.kind)
        areas, own = self._areas, self._own
        for share in (self._all, areas.setdefault(area, _Share()), own.setdefault(cell, _Share())):
            share.stayed += stayed
            share.total += total

    def confidence(self, traits: ChangeTraits) -> Confidence:
        area = self._areas.get(traits.area, _Share())
        own = self._own.get((traits.area, traits.kind), _Share())
        mean = PRIOR
        for share in (self._all.less(area), area.less(own), own):
            mean = (STRENGTH * mean + share.stayed) / (STRENGTH + share.total)
        weight = STRENGTH + own.total
        low, high = wilson(mean * weight, weight)
        basis = Basis.COUNTS if area.total >= ENOUGH else Basis.PRIOR
        return Confidence(mean, low, high, basis, area.total)


class Counts:
    """What is known at a moment, counted. It grows as changes land and outcomes become known.

    A change that went wrong is known at once, one that stays only after its days. To count each
    when it is known would see the failures of the last days and none of their successes. So an
    outcome counts as evidence once a later landing, or the same one, is known to have stayed: by
    then as much is known of one as of the other. And failures do not wait: where they make the
    number lower even if all that is open stayed, the lower number counts."""

    def __init__(self) -> None:
        self._evidence, self._hope = _Cells(), _Cells()
        self._waiting: list[tuple[datetime, str, Followed]] = []
        self._frontier: datetime | None = None

    def land(self, one: Followed) -> None:
        """A change has landed; until more is known it may stay."""
        self._hope.add(one.traits, stayed=1)

    def settle(self, one: Followed) -> None:
        """The outcome of a landing is known."""
        if one.outcome is Outcome.STAYED:
            self._frontier = max(self._frontier or one.landed, one.landed)
        else:
            self._hope.add(one.traits, stayed=-1, total=0)
        heappush(self._waiting, (one.landed, one.commit, one))
        while self._waiting and self._frontier and self._waiting[0][0] <= self._frontier:
            _, _, counted = heappop(self._waiting)
            self._evidence.add(counted.traits, stayed=counted.outcome is Outcome.STAYED)

    def confidence(self, traits: ChangeTraits) -> Confidence:
        evidence, hope = self._evidence.confidence(traits), self._hope.confidence(traits)
        if hope.value >= evidence.value:
            return evidence
        return replace(hope, basis=evidence.basis, outcomes=evidence.outcomes)


def counted_ahead(past: Iterable[Followed]) -> Iterator[tuple[Followed, Counts]]:
    """Each landing in order, with what had been counted when it landed. After the last one, every
    outcome of the past is counted."""
    counts, landings = Counts(), sorted(past, key=lambda one: (one.landed, one.commit))
    known = deque(sorted(settled(landings), key=lambda one: (one.known, one.commit)))
    for one in landings:
        while known and known[0].known < one.landed:
            counts.settle(known.popleft())
        yield one, counts
        counts.land(one)
    for one in known:
        counts.settle(one)


def counts_of(past: Iterable[Followed]) -> Counts:
    """All of a past, counted."""
    last = deque(counted_ahead(past), maxlen=1)
    return last[0][1] if last else Counts()


def comparable(past: Sequence[Followed]) -> tuple[Followed, ...]:
    """The settled landings up to the last one that stayed: of later ones only the failures could be
    known yet."""
    known = settled(past)
    last = max((one.landed for one in known if one.outcome is Outcome.STAYED), default=None)
    return tuple(one for one in known if last and one.landed <= last)


def wilson(hits: float, trials: float) -> tuple[float, float]:
    """The Wilson score interval (95 %) of a share; (0, 1) where nothing was tried. Wilson 1927."""
    if trials <= 0:
        return 0.0, 1.0
    share, z = hits / trials, Z95
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    spread = z / (1 + z * z / trials) * sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return max(0.0, middle - spread), min(1.0, middle + spread)
