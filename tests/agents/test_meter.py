"""The money: reserve, settle, caps, and what is left when a broker dies."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from harness.agents.broker.meter import Caps, Identity, Meter
from harness.agents.broker.prices import Price, Prices, Rates, Tokens
from harness.agents.broker.refusal import Refusal
from harness.agents.broker.session import worst

DAY = 86_400.0
CENT = Tokens(output=1)     # at a price of one cent a token of output
PRICES = Prices("today", {"m": Rates(Price(input=1_000, output=10_000_000, cache_read=0, cache_write=0, cache_write_1h=0))})


class Clock:
    def __init__(self) -> None:
        self.at = 1_000 * DAY

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def another(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Meter]]:
    """One more broker's meter on the same table."""
    address = request.getfixturevalue("postgres").database() if request.param == "postgres" else ""
    opened: list[Meter] = []

    def made() -> Meter:
        opened.append(Meter(tmp_path / "broker.sqlite", PRICES, database=address, clock=clock))
        return opened[-1]

    yield made
    for meter in opened:
        meter.close()


@pytest.fixture
def meter(another: Callable[[], Meter]) -> Meter:
    return another()


def opened(meter: Meter, id: str = "s", *, issue: int = 1, **caps: object) -> tuple[Identity, Caps]:
    identity = Identity(id, "run", "implementer", issue, 1, "m")
    given = Caps(**{"calls": 100, "usd": Decimal(1)} | caps)  # type: ignore[arg-type]
    meter.open(identity, given)
    return identity, given


def dollars(nano: int) -> Decimal:
    return Decimal(nano) / 1_000_000_000


def test_a_call_counts_as_reserved_until_it_is_settled(meter: Meter) -> None:
    call = meter.reserve(*opened(meter), Tokens(output=50))
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.5")
    call.settle(Tokens(input=2, output=3, cache_read=4))
    spent = meter.spent_by_session("s")
    assert (spent.calls, spent.input_tokens, spent.output_tokens, spent.cache_read_tokens) == (1, 2, 3, 4)
    assert dollars(spent.cost) == Decimal("0.030002")


def test_a_call_that_would_cross_the_cap_is_not_made(meter: Meter) -> None:
    session = opened(meter, usd=Decimal("0.10"))
    meter.reserve(*session, Tokens(output=6)).settle(CENT)
    meter.reserve(*session, Tokens(output=9))           # 1 + 9 cents: the cap itself may be reached
    with pytest.raises(Refusal, match=r"the cap of \$0.10 for this session would be crossed: \$0.1000") as refused:
        meter.reserve(*session, CENT)
    assert (refused.value.status, refused.value.kind, refused.value.final) == (403, "budget_exhausted", True)


def test_calls_are_capped_whatever_they_cost(meter: Meter) -> None:
    session = opened(meter, calls=2)
    meter.reserve(*session, CENT).free()
    meter.reserve(*session, CENT)
    with pytest.raises(Refusal, match="may make 2 calls"):
        meter.reserve(*session, CENT)


def test_an_issue_is_capped_over_all_its_sessions_for_life(meter: Meter, clock: Clock) -> None:
    cap = {"usd_issue": Decimal("0.05")}
    meter.reserve(*opened(meter, "first", **cap), Tokens(output=3)).settle(Tokens(output=3))
    clock.at += 400 * DAY
    second = opened(meter, "second", **cap)
    meter.reserve(*second, Tokens(output=2))
    with pytest.raises(Refusal, match="for this issue 1 would be crossed"):
        meter.reserve(*second, CENT)
    with pytest.raises(Refusal, match="for this issue 1"):      # and no further session is opened
        opened(meter, "third", **cap)
    meter.reserve(*opened(meter, "of another", issue=2, **cap), Tokens(output=5))
    assert dollars(meter.spent_on_issue(1).cost) == Decimal("0.05")


def test_a_day_is_capped_over_all_issues_and_ends(meter: Meter, clock: Clock) -> None:
    cap = {"usd_day": Decimal("0.05")}
    meter.reserve(*opened(meter, "first", **cap), Tokens(output=5))
    with pytest.raises(Refusal, match="for this day"):
        opened(meter, "second", issue=2, **cap)
    clock.at += DAY
    meter.reserve(*opened(meter, "third", issue=2, **cap), Tokens(output=5))


def test_what_was_spent_survives_and_so_does_what_was_only_reserved(meter: Meter, another: Callable[[], Meter]) -> None:
    session = opened(meter)
    meter.reserve(*session, Tokens(output=9)).settle(Tokens(output=3))
    meter.reserve(*session, Tokens(output=7))           # killed before it was settled
    meter.close()
    again = another()
    assert dollars(again.spent_on_issue(1).cost) == Decimal("0.10")


def test_a_retry_after_an_unknown_end_is_paid_for_twice(meter: Meter) -> None:
    call = meter.reserve(*opened(meter), Tokens(output=10))
    call.again()
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.20")
    call.settle(Tokens(output=2))
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.12")


def test_a_retry_is_refused_where_it_would_cross_the_cap(meter: Meter) -> None:
    call = meter.reserve(*opened(meter, usd=Decimal("0.15")), Tokens(output=10))
    with pytest.raises(Refusal, match="would be crossed"):
        call.again()
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.10")


def test_a_free_end_leaves_only_what_earlier_tries_may_have_cost(meter: Meter) -> None:
    call = meter.reserve(*opened(meter), Tokens(output=10))
    call.again()
    call.free()
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.10")


@pytest.mark.parametrize(("known", "cost"), [(Tokens(output=2), "0.10"), (Tokens(output=12), "0.12")])
def test_a_cut_call_costs_what_was_held_or_what_is_known_if_that_is_more(meter: Meter, known: Tokens, cost: str) -> None:
    meter.reserve(*opened(meter), Tokens(output=10)).forfeit(known)
    assert dollars(meter.spent_by_session("s").cost) == Decimal(cost)


def test_more_than_was_held_is_held_while_it_can_be_and_refused_when_it_cannot(meter: Meter) -> None:
    call = meter.reserve(*opened(meter, usd=Decimal("0.20")), Tokens(output=10))
    call.exceed(Tokens(output=10))
    call.exceed(Tokens(output=15))
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.15")
    with pytest.raises(Refusal, match="would be crossed"):
        call.exceed(Tokens(output=21))


def test_many_at_once_never_spend_above_the_cap(another: Callable[[], Meter]) -> None:
    """Eight brokers' worth of threads, each with a connection of its own, and money for ten of their eighty calls."""
    meters = [another() for _ in range(8)]
    session = opened(meters[0], usd=Decimal("0.10"), calls=1000)
    made: list[int] = []

    def spend(meter: Meter) -> None:
        for _ in range(10):
            try:
                made.append(meter.reserve(*session, CENT).id)
            except Refusal:
                continue

    with ThreadPoolExecutor(len(meters)) as threads:
        list(threads.map(spend, meters))
    assert len(made) == 10
    assert dollars(meters[0].spent_by_session("s").cost) == Decimal("0.10")


def test_the_worst_counts_every_byte_as_a_token_and_an_image_as_many() -> None:
    plain = {"max_tokens": 7, "messages": [{"role": "user", "content": "ä" * 1000}]}
    tokens = worst(plain)
    assert (tokens.output, tokens.cache_write, tokens.cache_write_1h) == (7, 0, 0)
    assert tokens.input > 2000 + 2000
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    assert worst(plain | {"messages": [{"role": "user", "content": [image, image]}]}).input > 10_000
    cached = plain | {"system": [{"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}]}
    assert (worst(cached).input, worst(cached).cache_write > 4000) == (0, True)
    an_hour = plain | {"system": [{"type": "text", "text": "", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}
    assert (worst(an_hour).input, worst(an_hour).cache_write_1h > 4000) == (0, True)
