"""How probable it is that a change stays as it lands.

Properties: the same outcomes give the same number, on every machine; never 1; 0 where a fact of the
change is unknown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor

from harness.domain.landing import Outcome
from harness.domain.trust.changes import ChangeTraits, Followed
from harness.domain.trust.counts import Counts, comparable, counted_ahead, counts_of
from harness.domain.trust.decisions import Basis, Confidence
from harness.domain.trust.model import Forecast, Model, modelled

DIGITS = 4
"""More than this is noise, and the last bits of a float may differ between machines."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a past teaches: fitted once, asked as often as one likes."""

    counts: Counts
    model: Model | None
    # what was predicted for landings of this past, each without its own outcome
    forecasts: tuple[Forecast, ...]

    def confidence(self, traits: ChangeTraits) -> Confidence:
        """The confidence in a change. An area without enough outcomes of its own is only counted:
        what the model learned elsewhere would merge nothing there either."""
        if missing := traits.unknown:
            return Confidence(0.0, 0.0, 1.0, Basis.UNKNOWN, 0, missing)
        counted = self.counted(traits)
        if self.model is None or counted.basis is Basis.PRIOR:
            return counted
        return _rounded(self.model.confidence(traits, self.counts))

    def counted(self, traits: ChangeTraits) -> Confidence:
        """The confidence by its area and kind alone."""
        return _rounded(self.counts.confidence(traits))


def learned(past: Sequence[Followed]) -> Learned:
    """What the outcomes of this past teach."""
    model = modelled(past)
    return Learned(counts_of(past), model, model.forecasts if model else _forecasts(past))


def confidence(traits: ChangeTraits, past: Sequence[Followed]) -> Confidence:
    """The confidence in a change, from what became of those before it."""
    return learned(past).confidence(traits)


def _forecasts(past: Sequence[Followed]) -> tuple[Forecast, ...]:
    """The counts' forecast of each landing when it landed, where its outcome is known by now."""
    shown = {one.commit for one in comparable(past)}
    return tuple(
        Forecast(counts.confidence(one.traits).value, one.outcome is Outcome.STAYED)
        for one, counts in counted_ahead(past)
        if one.commit in shown
    )


def _rounded(found: Confidence) -> Confidence:
    # Down, not to the nearest: 0.99996 must not be shown, or compared, as 1.
    value, low = (floor(part * 10**DIGITS) / 10**DIGITS for part in (found.value, found.low))
    return replace(found, value=value, low=low, high=round(found.high, DIGITS))
