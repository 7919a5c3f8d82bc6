"""Wilson's score interval: how certain a share is after few trials.

Source: Edwin B. Wilson, "Probable inference …", JASA 22 (1927), pages 209 to 212. The plain share
promises more than the trials prove; this interval does not: 20 of 20 prove 84 % at 95 %."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Satisfied explorations among all. Without trials the bounds are 0 and 1."""

    satisfied: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.satisfied <= self.trials:
            raise ValueError(
                f"{self.satisfied} of {self.trials}: expected 0 <= satisfied <= trials"
            )

    @property
    def lower(self) -> float:
        """The lower bound at 95 %."""
        return wilson(self.satisfied, self.trials)[0]

    def __str__(self) -> str:
        return (
            f"{self.satisfied} of {self.trials}, which proves {round(self.lower * 100)} %"
            if self.trials
            else "not asked"
        )


def wilson(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The lower and upper bound of the true share, two-sided, each from 0 to 1."""
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = successes / trials, z * z / trials
    middle = share + spread / 2
    reach = z * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return max(0.0, (middle - reach) / (1 + spread)), min(1.0, (middle + reach) / (1 + spread))
