"""Somebody with the home puts the ledger and its signed head back together: an older pair of which
every word is genuine."""

import shutil

import pytest

from harness.domain.lifecycle import State
from harness.factory.reporting.audit import audit


class NoEvidence:
    """Nothing lies behind the drill's verdicts."""

    def evidence_faults(self, envelopes):
        return dict.fromkeys(envelopes, "")


@pytest.fixture
def lap(ground):
    return ground.lap("put back")


def audited(lap):
    return audit(
        lap.ledger,
        lap.services.repository,
        lap.judge,
        lap.home,
        evidence=NoEvidence(),
        branch="main",
    )


def pair(lap, name, *, back=False) -> None:
    """Copy the ledger and its head away, or back."""
    lap.ledger.close()
    kept = lap.home.parent / name
    kept.mkdir(exist_ok=True)
    for file in ("ledger.db", "ledger.head"):
        shutil.copy(*((kept / file, lap.home / file) if back else (lap.home / file, kept / file)))


@pytest.mark.parametrize(
    ("until", "says"),
    [
        ("before anything", "made by validate-1-1 when the ledger had"),
        ("before landing", "validate-1-1 made it, and no landing of it is in the ledger"),
    ],
)
def test_a_ledger_and_its_head_that_were_put_back_together_are_named(lap, until, says) -> None:
    lap.tick()
    pair(lap, "before anything")
    lap.until_approved()
    pair(lap, "before landing")
    lap.tick()
    assert lap.history(1).state is State.MERGED, lap.last_words(1)
    found = audited(lap)
    assert (found.ok, found.landings) == (True, 1), found.faults

    pair(lap, until, back=True)
    assert lap.ledger.fault() is None
    (fault,) = audited(lap).faults
    assert (fault.subject, says in fault.message, "put back" in fault.message) == (
        "ledger",
        True,
        True,
    ), fault.message
