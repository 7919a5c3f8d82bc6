"""What was spent is what the store would sum, whoever writes to it and whatever fails."""

import random
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from harness.programs.broker.caps import SessionCaps, SessionIdentity, scope_keys
from harness.programs.broker.meter import Meter, Reservation
from harness.programs.broker.prices import DatedRates, ModelPrice, Prices, Rates, Tokens
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.spending_totals import SpendingTotals

DAY = 86_400.0
PRICES = Prices(
    "2026-11-21",
    {
        "m": (
            DatedRates(
                "",
                Rates(
                    ModelPrice(
                        input=1_000,
                        output=10_000_000,
                        cache_read=0,
                        cache_write=0,
                        cache_write_1h=0,
                    )
                ),
            ),
        )
    },
)
# some of the steps are refused
CAPS = SessionCaps(calls=1000, usd=Decimal(9), usd_issue=Decimal(14), usd_day=Decimal(20))
WHO = tuple(
    SessionIdentity(f"s{number}", f"run{number // 2}", "implementer", number // 3, 1, "m")
    for number in range(5)
)


class Clock:
    at = 1_000 * DAY

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pair(tmp_path: Path, clock: Clock) -> Iterator[tuple[Meter, Meter]]:
    """Two brokers' meters on one table."""
    pair = tuple(Meter(tmp_path / "broker.sqlite", PRICES, clock=clock) for _ in range(2))
    for identity in WHO:
        pair[0].open(identity, CAPS)
    yield pair[0], pair[1]
    for meter in pair:
        meter.close()


def differing(meter: Meter) -> list[SessionIdentity]:
    """Whose sums that meter would take, in a call of now, for others than the store has."""
    with meter._engine.begin() as tx:
        return [
            who
            for who in WHO
            if meter._totals.of(tx, scope_keys(who, meter._now().date()))
            != SpendingTotals().of(tx, scope_keys(who, meter._now().date()))
        ]


@pytest.mark.parametrize("seed", range(4))
def test_the_sums_are_those_of_the_store_after_every_step_of_two_brokers(pair, clock, seed) -> None:
    chance, open_calls = random.Random(seed), list[Reservation]()

    def step() -> None:
        meter, who = chance.choice(pair), chance.choice(WHO)
        match chance.randrange(6) if open_calls else 0:
            case 0 | 1:
                open_calls.append(meter.reserve(who, CAPS, Tokens(output=chance.randrange(400))))
            case 2:
                open_calls.pop(chance.randrange(len(open_calls))).settle(
                    Tokens(output=chance.randrange(500))
                )
            case 3:
                chance.choice(open_calls).again()
            case 4:
                chance.choice(open_calls).exceed(Tokens(output=chance.randrange(900)))
            case 5:
                call = chance.choice(open_calls)
                # and is settled again later, which changes nothing
                call.free()
        clock.at += chance.choice((0, 0, 0, DAY / 3))

    for _ in range(60):
        with suppress(Refusal):
            step()
        assert [differing(meter) for meter in pair] == [[], []]


def test_what_was_added_for_a_transaction_that_failed_is_forgotten(pair) -> None:
    meter, _ = pair
    meter.reserve(WHO[0], CAPS, Tokens(output=5))

    def spend() -> None:
        with meter._transaction(meter._engine):
            meter._totals.add(scope_keys(WHO[0], meter._now().date()), 7, calls=1)
            raise OSError("the disk takes no more")

    with pytest.raises(OSError, match="the disk"):
        spend()
    assert differing(meter) == []


def test_what_a_broker_alone_at_its_table_spends_is_not_summed_for_each_call(pair) -> None:
    meter, _ = pair
    meter.reserve(WHO[0], CAPS, Tokens(output=5)).settle(Tokens(output=1))
    with meter._engine.begin() as tx:
        # what a sum would now see
        tx.exec_driver_sql("CREATE TEMP TABLE calls AS SELECT * FROM main.calls LIMIT 0")
        assert meter._totals.of(tx, scope_keys(WHO[0], meter._now().date()))[0] == 1
        assert SpendingTotals().of(tx, scope_keys(WHO[0], meter._now().date()))[0] == 0
