"""Trust, from facts: what became of landings, the confidence that a change stays, what follows."""

from harness.domain.landing import Outcome
from harness.domain.trust.changes import ChangeTraits, Followed, in_area, settled
from harness.domain.trust.confidence import Learned, confidence, learned
from harness.domain.trust.counts import wilson
from harness.domain.trust.decisions import Basis, Confidence, Decision, Thresholds, decide
from harness.domain.trust.levels import EVIDENCE, Grant, Level, level_of
from harness.domain.trust.model import Forecast
from harness.domain.trust.reliability import Bin, calibration_error, reliability

__all__ = [
    "EVIDENCE",
    "Basis",
    "Bin",
    "ChangeTraits",
    "Confidence",
    "Decision",
    "Followed",
    "Forecast",
    "Grant",
    "Learned",
    "Level",
    "Outcome",
    "Thresholds",
    "calibration_error",
    "confidence",
    "decide",
    "in_area",
    "learned",
    "level_of",
    "reliability",
    "settled",
    "wilson",
]
