"""Which days are of one month, as the caps on money count them, in UTC."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import DatedRates, ModelPrice, Prices, Rates, Tokens
from harness.programs.broker.refusal import Refusal

PRICES = Prices("2026-11-21", {"m": (DatedRates("", Rates(ModelPrice(0, 10_000_000, 0, 0, 0))),)})
CAPS = SessionCaps(calls=9, usd=Decimal(1), usd_month=Decimal("0.05"))
FIVE_CENTS, CENT = Tokens(output=5), Tokens(output=1)


@pytest.mark.parametrize(
    ("first", "then", "again"),
    [
        # no 29th
        ("2027-02-01T00:00", "2027-02-28T23:59", "2027-03-01T00:00:00+00:00"),
        ("2028-02-01T00:00", "2028-02-29T23:59", "2028-03-01T00:00:00+00:00"),
        ("2027-01-01T00:00", "2027-01-31T23:59", "2027-02-01T00:00:00+00:00"),
        ("2027-12-01T00:00", "2027-12-31T23:59", "2028-01-01T00:00:00+00:00"),
        ("2027-01-31T23:59", "2027-02-01T00:00", None),
        ("2027-02-28T23:59", "2027-03-01T00:00", None),
    ],
)
def test_a_month_is_from_its_first_day_to_its_last(
    tmp_path: Path, first: str, then: str, again: str | None
) -> None:
    clock = [
        datetime.fromisoformat(f"{at}+00:00").astimezone(UTC).timestamp() for at in (first, then)
    ]
    meter = Meter(tmp_path / "broker.sqlite", PRICES, clock=lambda: clock[0])
    who = SessionIdentity("s", "run", "implementer", 1, 1, "m")
    meter.open(who, CAPS)
    meter.reserve(who, CAPS, FIVE_CENTS).settle(FIVE_CENTS)
    clock.pop(0)
    if again is None:
        meter.reserve(who, CAPS, FIVE_CENTS).settle(FIVE_CENTS)
    else:
        with pytest.raises(Refusal, match="for this month") as refused:
            meter.reserve(who, CAPS, CENT)
        assert refused.value.body()["error"]["again_at"] == again
    meter.close()
