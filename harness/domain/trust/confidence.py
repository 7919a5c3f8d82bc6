"""How probable it is that a change stays as it lands.

Properties: the same outcomes give the same number, on every machine; never 1; 0 where a fact of the
change is unknown."""

from collections.abc import Sequence
from dataclasses import replace
from math import floor

from harness.domain.trust.changes import ChangeTraits, Followed, settled
from harness.domain.trust.counts import counted
from harness.domain.trust.decisions import Basis, Confidence

DIGITS = 4
"""More than this is noise, and the last bits of a float may differ between machines."""


def confidence(traits: ChangeTraits, past: Sequence[Followed]) -> Confidence:
    """The confidence in a change, from what became of those before it."""
    if missing := traits.unknown:
        return Confidence(0.0, 0.0, 1.0, Basis.UNKNOWN, 0, missing)
    return _rounded(counted(traits, settled(past)))


def _rounded(found: Confidence) -> Confidence:
    # Down, not to the nearest: 0.99996 must not be shown, or compared, as 1.
    value, low = (floor(part * 10**DIGITS) / 10**DIGITS for part in (found.value, found.low))
    return replace(found, value=value, low=low, high=round(found.high, DIGITS))
