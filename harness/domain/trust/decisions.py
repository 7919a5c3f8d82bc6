"""What a confidence leads to. One threshold each, and no other way to a merge."""

from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """What a confidence stands on. UNKNOWN: a fact of the change is missing. PRIOR: too few
    outcomes of its area are known, so it shows where to look, and merges nothing."""

    UNKNOWN = "unknown"
    PRIOR = "prior"
    COUNTS = "counts"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Confidence:
    """How probable it is that a change stays, from 0 (unknown) to less than 1. `low` and `high`
    bound it (95 %). `outcomes` counts those that it stands on: of the area where it was counted,
    of the repository where the model gave it. `missing` are the facts that nobody established."""

    value: float
    low: float
    high: float
    basis: Basis
    outcomes: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least confidence for each decision. Raises ValueError unless
    0 < retry <= review <= merge < 1."""

    merge: float = 0.95
    review: float = 0.70
    retry: float = 0.40

    def __post_init__(self) -> None:
        if not 0 < self.retry <= self.review <= self.merge < 1:
            raise ValueError(
                "expected 0 < retry <= review <= merge < 1, found"
                f" retry {self.retry}, review {self.review}, merge {self.merge}"
            )


class Decision(StrEnum):
    """What follows: merge alone, ask a person to look, go back with more context or another model,
    or reject."""

    MERGE = "merge"
    REVIEW = "review"
    RETRY = "retry"
    REJECT = "reject"


def decide(confidence: Confidence, thresholds: Thresholds) -> Decision:
    """What follows from a confidence. Without outcomes of its own area nothing merges alone."""
    if confidence.value >= thresholds.merge and confidence.basis in (Basis.COUNTS, Basis.MODEL):
        return Decision.MERGE
    if confidence.value >= thresholds.review:
        return Decision.REVIEW
    return Decision.RETRY if confidence.value >= thresholds.retry else Decision.REJECT
