"""What `factory trust` shows: the autonomy index, what became of landings, and how far confidences
can be believed. All of it is read from the ledger."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.domain.ledger import Entry
from harness.domain.plain import JsonDict, plain
from harness.domain.trust import (
    Bin,
    Confidence,
    Followed,
    Learned,
    Level,
    Outcome,
    calibration_error,
    learned,
    level_of,
    reliability,
)
from harness.domain.trust.model import ENOUGH_OUTCOMES
from harness.factory.records.history import histories
from harness.factory.trust.autonomy import WINDOW, Autonomy, autonomy
from harness.factory.trust.outcomes import followed


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the repository and a kind of change: what became of its landings, and the counted
    confidence in the next one. `earned` is the level that outcomes alone give the area."""

    area: str
    kind: str
    stayed: int
    settled: int
    open: int
    counted: Confidence
    earned: Level


@dataclass(frozen=True, slots=True)
class TrustReport:
    """Everything that is shown, at a moment. `error` is the expected calibration error of the
    bins. `modelled` counts the outcomes that the model was fitted on, 0 while there is none."""

    at: datetime
    autonomy: Autonomy
    outcomes: tuple[tuple[Outcome, int], ...]
    areas: tuple[Area, ...]
    bins: tuple[Bin, ...]
    error: float
    modelled: int

    @property
    def landed(self) -> int:
        return sum(count for _, count in self.outcomes)

    @property
    def basis(self) -> str:
        """What confidences stand on now, in a sentence."""
        if self.modelled:
            return f"A model of {self.modelled} outcomes, each forecast made without its own"
        settled = self.landed - dict(self.outcomes).get(Outcome.OPEN, 0)
        return (
            f"Counts of {settled} outcomes; a model of the facts joins at {ENOUGH_OUTCOMES},"
            " when enough of them went wrong to learn from"
        )


def trust_report(entries: Sequence[Entry], *, now: datetime) -> TrustReport:
    """The report from all entries of a ledger."""
    past = followed(entries)
    taught = learned(past)
    counted = Counter(one.outcome for one in past)
    bins = reliability(taught.forecasts)
    return TrustReport(
        at=now,
        autonomy=autonomy(histories(entries), now=now),
        outcomes=tuple((outcome, counted[outcome]) for outcome in Outcome),
        areas=_areas(past, taught),
        bins=bins,
        error=calibration_error(bins),
        modelled=taught.model.outcomes if taught.model else 0,
    )


def as_json(found: TrustReport) -> JsonDict:
    """The document of `factory trust --json`."""
    index = found.autonomy
    low, high = index.interval
    return {
        "at": found.at.isoformat(),
        "autonomy": {
            "index": round(index.index, 4),
            "issues": index.issues,
            "alone": index.alone,
            "low": round(low, 4),
            "high": round(high, 4),
            "days": WINDOW.days,
            "acts": dict(index.acts),
        },
        "landings": {outcome.value: count for outcome, count in found.outcomes},
        "areas": [
            {**plain(one), "earned": one.earned.word, "counted": plain(one.counted)}
            for one in found.areas
        ],
        "reliability": {
            "error": round(found.error, 4),
            "modelled": found.modelled,
            "bins": [plain(one) for one in found.bins],
        },
    }


def _areas(past: Sequence[Followed], taught: Learned) -> tuple[Area, ...]:
    cells = sorted({(one.traits.area, one.traits.kind) for one in past})
    return tuple(_area(area, kind, past, taught) for area, kind in cells if area and kind)


def _area(area: str, kind: str, past: Sequence[Followed], taught: Learned) -> Area:
    own = [one for one in past if (one.traits.area, one.traits.kind) == (area, kind)]
    settled = [one for one in own if one.outcome.settled]
    return Area(
        area,
        kind,
        stayed=sum(one.outcome is Outcome.STAYED for one in settled),
        settled=len(settled),
        open=len(own) - len(settled),
        counted=taught.counted(own[0].traits),
        earned=level_of(area, past, None),
    )
