"""What a journey of landed work shows about one commit, where no change is judged."""

from __future__ import annotations

from enum import StrEnum

from validators.domain.evidence import RunEvidence
from validators.domain.proof import broken_on_base, proof
from validators.domain.verdict import Purpose


class Standing(StrEnum):
    """RED: both visitors failed alike, twice, with other data each time. UNSURE: no clear
    answer, as after one red and one green performance."""

    GREEN = "green"
    RED = "red"
    UNSURE = "unsure"


def standing(journey: str, evidence: tuple[RunEvidence, ...]) -> Standing:
    """What the runs of kind BASE show about one journey."""
    if is_green(journey, evidence):
        return Standing.GREEN
    return Standing.RED if broken_on_base(journey, evidence) else Standing.UNSURE


def is_green(journey: str, evidence: tuple[RunEvidence, ...]) -> bool:
    """Whether both visitors passed in the first performance."""
    first = tuple(
        item for item in evidence if item.run.journey == journey and item.run.attempt == 1
    )
    return proof(journey, Purpose.REGRESSION, first).proved
