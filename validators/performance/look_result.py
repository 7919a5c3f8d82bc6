"""What one look saw: whether it holds, what was expected, what was there."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.evidence import Trouble


@dataclass(frozen=True, slots=True)
class LookResult:
    """`trouble` says why nothing could be compared; it is None when the page was read."""

    holds: bool
    expected: str
    observed: str
    trouble: Trouble | None = None
