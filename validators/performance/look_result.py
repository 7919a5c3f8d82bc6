"""The result of one look: whether it holds, what was expected, and what was there."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.evidence import Trouble


@dataclass(frozen=True, slots=True)
class LookResult:
    """`trouble` is why nothing could be compared; None if the page was read."""

    holds: bool
    expected: str
    observed: str
    trouble: Trouble | None = None
