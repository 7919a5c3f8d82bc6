"""The model of trust: log-odds that a change stays, from its facts, calibrated on rows that it was
not fitted on (Platt 1999).

Properties:
- nothing is fitted below ENOUGH_OUTCOMES outcomes with whole facts, or RAREST of the rarer kind;
- its forecast of its own rows is never used: neither to calibrate, nor to show how good it is;
- the folds go by the order of the landings, so the same past gives the same model."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, log, log1p, sqrt
from typing import TypeVar

from harness.domain.facts import UNKNOWN
from harness.domain.landing import Outcome
from harness.domain.trust.changes import ChangeTraits, Followed
from harness.domain.trust.counts import Z95, Counts, comparable, counted_ahead
from harness.domain.trust.decisions import Basis, Confidence
from harness.domain.trust.logistic import Fit, Row, fit, sigmoid

ENOUGH_OUTCOMES = 200
RAREST = 10
NEWEST = 1000
"""Older outcomes than so many are forgotten by the model: the factory of that day is no more."""
FOLDS = 5
CALIBRATION_RIDGE = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was predicted for a landing without its own outcome, and whether it stayed."""

    predicted: float
    stayed: bool


@dataclass(frozen=True, slots=True)
class _Scale:
    """Brings every column but the first to mean 0 and deviation 1."""

    means: tuple[float, ...]
    spreads: tuple[float, ...]

    def of(self, row: Row) -> tuple[float, ...]:
        return tuple(
            (value - mean) / spread
            for value, mean, spread in zip(row, self.means, self.spreads, strict=True)
        )


@dataclass(frozen=True, slots=True)
class _Scorer:
    scale: _Scale
    fit: Fit

    def score(self, row: Row) -> float:
        return self.fit.score(self.scale.of(row))


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted model. `forecasts` are what models like it said of rows that they had not seen."""

    scorer: _Scorer
    calibration: Fit
    outcomes: int
    forecasts: tuple[Forecast, ...]

    def confidence(self, traits: ChangeTraits, counts: Counts) -> Confidence:
        row = _row(traits, counts)
        score, spread = self.scorer.score(row), self.scorer.fit.spread(self.scorer.scale.of(row))
        low, value, high = (
            sigmoid(self.calibration.score((1.0, score + step)))
            for step in (-Z95 * spread, 0.0, Z95 * spread)
        )
        # No more certain than so many outcomes could show, were they all good (Laplace).
        most = 1 - 1 / (self.outcomes + 2)
        low, high = min(low, high), max(low, high)
        return Confidence(min(value, most), min(low, most), high, Basis.MODEL, self.outcomes)


def modelled(past: Sequence[Followed]) -> Model | None:
    """The model of the outcomes of a past; None where they are too few."""
    rows, hits = _rows(past)
    rows, hits = rows[-NEWEST:], hits[-NEWEST:]
    rarer = min(sum(hits), len(hits) - sum(hits))
    if len(rows) < ENOUGH_OUTCOMES or rarer < RAREST:
        return None
    scores = _held_out(rows, hits)
    return Model(
        _scorer(rows, hits), _calibration(scores, hits), len(rows), _forecasts(scores, hits)
    )


def _rows(past: Sequence[Followed]) -> tuple[list[Row], list[bool]]:
    """The facts of each landing that can be learned from, with what had been counted when it
    landed."""
    learnable = {one.commit for one in comparable(past) if not one.traits.unknown}
    rows, hits = [], []
    for one, counts in counted_ahead(past):
        if one.commit in learnable:
            rows.append(_row(one.traits, counts))
            hits.append(one.outcome is Outcome.STAYED)
    return rows, hits


def _row(traits: ChangeTraits, counts: Counts) -> Row:
    counted = counts.confidence(traits).value
    facts = (
        traits.lines,
        traits.files,
        traits.rounds,
        traits.retries,
        traits.tier,
        traits.findings,
    )
    return (
        1.0,
        log(counted / (1 - counted)),
        *(0.0 if fact is UNKNOWN else log1p(fact) for fact in facts),
        float(traits.controls_held is True),
        float(traits.red_on_base is True),
        float(traits.kind == "bug"),
        float(traits.kind == "chore"),
    )


def _held_out(rows: Sequence[Row], hits: Sequence[bool]) -> list[float]:
    """The score of each row by a model of the other folds."""
    scores = [0.0] * len(rows)
    for fold in range(FOLDS):
        scorer = _scorer(*_without(fold, rows, hits))
        for at in range(fold, len(rows), FOLDS):
            scores[at] = scorer.score(rows[at])
    return scores


def _forecasts(scores: Sequence[float], hits: Sequence[bool]) -> tuple[Forecast, ...]:
    """Each held-out score, calibrated by the other folds alone."""
    by_fold = [_calibration(*_without(fold, scores, hits)) for fold in range(FOLDS)]
    return tuple(
        Forecast(sigmoid(by_fold[at % FOLDS].score((1.0, score))), hit)
        for at, (score, hit) in enumerate(zip(scores, hits, strict=True))
    )


def _calibration(scores: Sequence[float], hits: Sequence[bool]) -> Fit:
    return fit([(1.0, score) for score in scores], hits, ridge=CALIBRATION_RIDGE)


def _scorer(rows: Sequence[Row], hits: Sequence[bool]) -> _Scorer:
    scale = _scale(rows)
    return _Scorer(scale, fit([scale.of(row) for row in rows], hits))


def _scale(rows: Sequence[Row]) -> _Scale:
    columns = tuple(zip(*rows, strict=True))[1:]
    means = [fsum(column) / len(column) for column in columns]
    spreads = [
        sqrt(fsum((value - mean) ** 2 for value in column) / len(column))
        for column, mean in zip(columns, means, strict=True)
    ]
    # A column that is the same everywhere tells nothing: it becomes 0.
    return _Scale((0.0, *means), (1.0, *(spread or 1.0 for spread in spreads)))


def _without(fold: int, rows: Sequence[T], hits: Sequence[bool]) -> tuple[list[T], list[bool]]:
    kept = [at for at in range(len(rows)) if at % FOLDS != fold]
    return [rows[at] for at in kept], [hits[at] for at in kept]
