"""What the meter counted, beside what the ledger has written down."""

from decimal import Decimal

import pytest

from harness.factory.records.bill import agreement
from tests.domain.lines import line
from tests.events import event_of
from tests.fakes.ledger import FakeLedger


@pytest.mark.parametrize(
    ("cost", "agrees"),
    [("1.5", True), ("1.509999999", True), ("1.51", False), ("1.49", False), ("0", False)],
)
def test_the_ledger_agrees_where_it_does_to_the_cent(cost, agrees) -> None:
    ledger = FakeLedger()
    ledger.append(event_of("usage", {"cost_usd": cost}), "usage/s")
    ledger.append(event_of("note", {}), "usage/t")
    lines = (
        line(settled=Decimal(1)),
        line(day="2026-11-22", settled=Decimal("0.5")),
        line(session="t", open=Decimal(3)),
    )
    found = agreement(lines, ledger.entries())
    assert (found.sessions, found.written, found.counted, found.unwritten) == (
        1,
        Decimal(cost),
        Decimal("1.5"),
        Decimal(4),
    )
    assert found.is_to_the_cent is agrees


def test_a_session_that_the_meter_does_not_know_is_counted_as_nothing() -> None:
    ledger = FakeLedger()
    ledger.append(event_of("usage", {"cost_usd": "0.40"}), "usage/gone")
    found = agreement([], ledger.entries())
    assert (found.written, found.counted, found.is_to_the_cent) == (Decimal("0.40"), 0, False)
