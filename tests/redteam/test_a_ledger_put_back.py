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
def factory(drill):
    return drill.factory("put back")


def audited(factory):
    return audit(
        factory.ledger,
        factory.services.repository,
        factory.judge,
        factory.home,
        evidence=NoEvidence(),
        branch="main",
    )


def pair(factory, name, *, back=False) -> None:
    """Copy the ledger and its head away, or back."""
    factory.ledger.close()
    kept = factory.home.parent / name
    kept.mkdir(exist_ok=True)
    for file in ("ledger.db", "ledger.head"):
        shutil.copy(
            *((kept / file, factory.home / file) if back else (factory.home / file, kept / file))
        )


@pytest.mark.parametrize(
    ("until", "says"),
    [
        ("before anything", "made by validate-1-1 when the ledger had"),
        ("before landing", "validate-1-1 made it, and no landing of it is in the ledger"),
    ],
)
def test_a_ledger_and_its_head_that_were_put_back_together_are_named(factory, until, says) -> None:
    factory.tick()
    pair(factory, "before anything")
    factory.approved_issue()
    pair(factory, "before landing")
    factory.tick()
    assert factory.history(1).state is State.MERGED, factory.status(1)
    found = audited(factory)
    assert (found.ok, found.landings) == (True, 1), found.faults

    pair(factory, until, back=True)
    assert factory.ledger.fault() is None
    (fault,) = audited(factory).faults
    assert (fault.subject, says in fault.message, "put back" in fault.message) == (
        "ledger",
        True,
        True,
    ), fault.message
