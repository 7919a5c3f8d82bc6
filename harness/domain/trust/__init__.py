"""Trust, from facts: what became of landings, the confidence that a change stays, what follows."""

from harness.domain.trust.changes import ChangeTraits, Followed, Outcome, in_area, settled
from harness.domain.trust.confidence import confidence
from harness.domain.trust.counts import wilson
from harness.domain.trust.decisions import Basis, Confidence, Decision, Thresholds, decide
from harness.domain.trust.levels import EVIDENCE, Grant, Level, level_of

__all__ = [
    "EVIDENCE",
    "Basis",
    "ChangeTraits",
    "Confidence",
    "Decision",
    "Followed",
    "Grant",
    "Level",
    "Outcome",
    "Thresholds",
    "confidence",
    "decide",
    "in_area",
    "level_of",
    "settled",
    "wilson",
]
