"""How far confidences can be believed: what was predicted beside what came, in bins."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum

from harness.domain.trust.counts import wilson
from harness.domain.trust.model import Forecast

EDGES = (0.0, 0.40, 0.70, 0.80, 0.90, 0.95, 1.0)
"""The usual thresholds are among them: a bin is not half merged and half looked at."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts from `begin` to less than `end`: their mean, and the share that stayed with its
    interval (95 %)."""

    begin: float
    end: float
    count: int
    predicted: float
    observed: float
    low: float
    high: float

    @property
    def error(self) -> float:
        return abs(self.predicted - self.observed)


def reliability(forecasts: Sequence[Forecast]) -> tuple[Bin, ...]:
    """The bins that hold any forecast, in order."""
    found = []
    for begin, end in pairwise(EDGES):
        inside = [one for one in forecasts if begin <= one.predicted < end]
        if inside:
            count, stayed = len(inside), sum(one.stayed for one in inside)
            predicted = fsum(one.predicted for one in inside) / count
            low, high = wilson(stayed, count)
            found.append(Bin(begin, end, count, predicted, stayed / count, low, high))
    return tuple(found)


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: the bins' errors, weighted by their counts. 0 for none."""
    total = sum(one.count for one in bins)
    return fsum(one.error * one.count for one in bins) / total if total else 0.0
