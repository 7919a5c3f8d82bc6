"""Logistic regression with a small ridge, by Newton's method (iteratively reweighted least squares,
McCullagh and Nelder 1989, chapter 4). Deterministic, and small enough to need no library: some ten
columns and at most a thousand rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, fsum, sqrt

Row = Sequence[float]
STEPS = 50
CLOSE = 1e-9
_EDGE = 30.0


@dataclass(frozen=True, slots=True)
class Fit:
    """The weights, the first of them the intercept, and their covariance."""

    weights: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    def score(self, row: Row) -> float:
        """The log-odds of a row, whose first column is 1."""
        return fsum(weight * value for weight, value in zip(self.weights, row, strict=True))

    def spread(self, row: Row) -> float:
        """The standard error of the score."""
        parts = (
            left * self.covariance[i][j] * right
            for i, left in enumerate(row)
            for j, right in enumerate(row)
        )
        return sqrt(max(0.0, fsum(parts)))


def sigmoid(score: float) -> float:
    """The probability of log-odds, kept away from 0 and 1."""
    return 1 / (1 + exp(-max(-_EDGE, min(_EDGE, score))))


def fit(rows: Sequence[Row], hits: Sequence[bool], *, ridge: float = 1.0) -> Fit:
    """Fit the rows, each of which begins with 1. The ridge holds every weight but the intercept
    near 0, so that columns that say nothing, or say the same, do no harm. It needs rows of both
    outcomes."""
    size = len(rows[0])
    weights = [0.0] * size
    for _ in range(STEPS):
        slope, curve = _derivatives(rows, hits, weights, ridge)
        step = _solved(curve, [slope])[0]
        weights = [weight + change for weight, change in zip(weights, step, strict=True)]
        if max(map(abs, step)) < CLOSE:
            break
    _, curve = _derivatives(rows, hits, weights, ridge)
    unit = [[float(i == j) for j in range(size)] for i in range(size)]
    return Fit(tuple(weights), tuple(map(tuple, _solved(curve, unit))))


def _derivatives(
    rows: Sequence[Row], hits: Sequence[bool], weights: Sequence[float], ridge: float
) -> tuple[list[float], list[list[float]]]:
    """The gradient of the log-likelihood, and the negative of its second derivatives."""
    size = len(weights)
    slope = [-ridge * weight if i else 0.0 for i, weight in enumerate(weights)]
    curve = [[ridge * (i == j) if i else 0.0 for j in range(size)] for i in range(size)]
    for row, hit in zip(rows, hits, strict=True):
        chance = sigmoid(sum(w * value for w, value in zip(weights, row, strict=True)))
        error, weight = hit - chance, chance * (1 - chance)
        for i, left in enumerate(row):
            slope[i] += error * left
            scaled, line = weight * left, curve[i]
            for j in range(i, size):
                line[j] += scaled * row[j]
    for i in range(size):
        for j in range(i):
            curve[i][j] = curve[j][i]
    return slope, curve


def _solved(matrix: Sequence[Sequence[float]], sides: Sequence[Row]) -> list[list[float]]:
    """The solutions of `matrix · x = side`, by elimination. The matrix is symmetric and positive,
    which the ridge and both outcomes see to, so it needs no pivots."""
    size = len(matrix)
    lines = [[*line, *(side[i] for side in sides)] for i, line in enumerate(matrix)]
    for i in range(size):
        lines[i] = [value / lines[i][i] for value in lines[i]]
        for j in range(size):
            if j != i and lines[j][i]:
                factor = lines[j][i]
                lines[j] = [
                    value - factor * other for value, other in zip(lines[j], lines[i], strict=True)
                ]
    return [[line[size + k] for line in lines] for k in range(len(sides))]
