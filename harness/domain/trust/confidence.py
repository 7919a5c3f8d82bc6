"""How probable it is that a change stays as it lands.

Properties: the same outcomes give the same number, on every machine; never 1; 0 where a fact of the
change is unknown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor

from harness.domain.landing import Outcome
from harness.domain.trust.changes import ChangeTraits, Followed, settled
from harness.domain.trust.counts import Counts
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
        counted = self.counts.confidence(traits)
        if self.model is None or counted.basis is Basis.PRIOR:
            return _rounded(counted)
        return _rounded(self.model.confidence(traits, self.counts))


def learned(past: Sequence[Followed]) -> Learned:
    """What the settled outcomes of this past teach."""
    known = settled(past)
    model = modelled(known)
    return Learned(Counts.of(known), model, model.forecasts if model else _counted_ahead(known))


def confidence(traits: ChangeTraits, past: Sequence[Followed]) -> Confidence:
    """The confidence in a change, from what became of those before it."""
    return learned(past).confidence(traits)


def _counted_ahead(known: Sequence[Followed]) -> tuple[Forecast, ...]:
    """What the counts said of each landing when it landed: by outcomes that were known by then."""
    counts, forecasts, waiting = Counts(), [], list(known)
    for one in sorted(known, key=lambda one: (one.landed, one.commit)):
        while waiting and waiting[0].known < one.landed:
            counts.add(waiting.pop(0))
        predicted = counts.confidence(one.traits).value
        forecasts.append(Forecast(predicted, one.outcome is Outcome.STAYED))
    return tuple(forecasts)


def _rounded(found: Confidence) -> Confidence:
    # Down, not to the nearest: 0.99996 must not be shown, or compared, as 1.
    value, low = (floor(part * 10**DIGITS) / 10**DIGITS for part in (found.value, found.low))
    return replace(found, value=value, low=low, high=round(found.high, DIGITS))
