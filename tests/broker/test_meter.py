"""The money: reserve, settle, caps, and what is left when a broker dies."""

import base64
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import DatedRates, ModelPrice, Prices, Rates, Tokens
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.tables import CALLS
from harness.programs.broker.worst_case import worst

DAY = 86_400.0
# at a price of one cent a token of output
CENT = Tokens(output=1)
RATES = Rates(
    ModelPrice(input=1_000, output=10_000_000, cache_read=0, cache_write=0, cache_write_1h=0)
)
PRICES = Prices("2026-11-21", {"m": (DatedRates("", RATES),)})


class Clock:
    def __init__(self) -> None:
        self.at = 1_000 * DAY

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def another(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> Iterator[Callable[[], Meter]]:
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


def opened(
    meter: Meter, id: str = "s", *, issue: int = 1, **caps: object
) -> tuple[SessionIdentity, SessionCaps]:
    identity = SessionIdentity(id, "run", "implementer", issue, 1, "m")
    given = SessionCaps(**{"calls": 100, "usd": Decimal(1)} | caps)  # type: ignore[arg-type]
    meter.open(identity, given)
    return identity, given


def dollars(nano: int) -> Decimal:
    return Decimal(nano) / 1_000_000_000


def test_a_call_counts_as_reserved_until_it_is_settled(meter: Meter) -> None:
    call = meter.reserve(*opened(meter), Tokens(output=50))
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.5")
    call.settle(Tokens(input=2, output=3, cache_read=4))
    spent = meter.spent_by_session("s")
    assert (spent.calls, spent.input_tokens, spent.output_tokens, spent.cache_read_tokens) == (
        1,
        2,
        3,
        4,
    )
    assert dollars(spent.cost) == Decimal("0.030002")


def test_a_call_that_would_cross_the_cap_is_not_made(meter: Meter) -> None:
    session = opened(meter, usd=Decimal("0.10"))
    meter.reserve(*session, Tokens(output=6)).settle(CENT)
    # 1 + 9 cents: the cap itself may be reached
    meter.reserve(*session, Tokens(output=9))
    with pytest.raises(
        Refusal, match=r"the cap of \$0.10 for this session would be crossed: \$0.1000"
    ) as refused:
        meter.reserve(*session, CENT)
    assert (refused.value.status, refused.value.kind, refused.value.final) == (
        403,
        "budget_exhausted",
        True,
    )


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
    # and no further session is opened
    with pytest.raises(Refusal, match="for this issue 1"):
        opened(meter, "third", **cap)
    meter.reserve(*opened(meter, "of another", issue=2, **cap), Tokens(output=5))
    assert dollars(meter.spent_on_issue(1).cost) == Decimal("0.05")


def test_a_day_is_capped_over_all_issues_and_ends(meter: Meter, clock: Clock) -> None:
    cap = {"usd_day": Decimal("0.05")}
    meter.reserve(*opened(meter, "first", **cap), Tokens(output=5))
    with pytest.raises(Refusal, match="for this day") as refused:
        opened(meter, "second", issue=2, **cap)
    answer = refused.value.body()["error"]
    assert (answer["type"], answer["cause"], answer["again_at"]) == (
        "factory_paused",
        "day",
        "1972-09-28T00:00:00+00:00",
    )
    assert refused.value.final
    clock.at += DAY
    meter.reserve(*opened(meter, "third", issue=2, **cap), Tokens(output=5))


def test_a_month_is_capped_over_all_its_days_and_ends(meter: Meter, clock: Clock) -> None:
    """The clock begins on 27 September 1972."""
    cap = {"usd_month": Decimal("0.05"), "usd_day": Decimal("0.04")}
    meter.reserve(*opened(meter, "first", **cap), Tokens(output=3)).settle(Tokens(output=3))
    clock.at += 3 * DAY
    second = opened(meter, "second", issue=2, **cap)
    with pytest.raises(Refusal, match="for this month") as refused:
        meter.reserve(*second, Tokens(output=3))
    answer = refused.value.body()["error"]
    assert (answer["cause"], answer["again_at"]) == ("month", "1972-10-01T00:00:00+00:00")
    meter.reserve(*second, Tokens(output=2))
    clock.at += DAY
    meter.reserve(*opened(meter, "third", issue=2, **cap), Tokens(output=4))


def test_what_no_day_has_room_for_is_no_pause(meter: Meter) -> None:
    """It would be asked again every morning, for ever."""
    session = opened(meter, usd_day=Decimal("0.05"))
    with pytest.raises(Refusal, match="more than a whole day may cost") as refused:
        meter.reserve(*session, Tokens(output=6))
    assert refused.value.kind == "budget_exhausted"
    meter.reserve(*session, CENT)
    with pytest.raises(Refusal, match=r"for this day .* it goes on at 1972-09-28"):
        # tomorrow it has room
        meter.reserve(*session, Tokens(output=5))


def test_the_cap_of_an_issue_goes_before_that_of_a_day(meter: Meter) -> None:
    """An issue that has had its share has had it tomorrow, too."""
    session = opened(meter, usd_issue=Decimal("0.05"), usd_day=Decimal("0.05"))
    meter.reserve(*session, Tokens(output=5))
    with pytest.raises(Refusal, match="for this issue 1") as refused:
        meter.reserve(*session, CENT)
    assert refused.value.kind == "budget_exhausted"


def test_one_call_is_capped_also_by_what_it_turns_out_to_be(meter: Meter) -> None:
    session = opened(meter, usd_call=Decimal("0.10"))
    with pytest.raises(
        Refusal, match=r"the cap of \$0.10 for one call would be crossed: it may come to \$0.1100$"
    ):
        meter.reserve(*session, Tokens(output=11))
    call = meter.reserve(*session, Tokens(output=10))
    # another call
    call.again()
    with pytest.raises(Refusal, match="for one call"):
        call.exceed(Tokens(output=11))


def test_a_run_is_capped_over_all_its_sessions(meter: Meter) -> None:
    cap = {"usd_run": Decimal("0.05")}
    meter.reserve(*opened(meter, "author", **cap), Tokens(output=3))
    second = opened(meter, "implementer", **cap)
    with pytest.raises(Refusal, match="for this run run would be crossed"):
        meter.reserve(*second, Tokens(output=3))
    meter.reserve(*second, Tokens(output=2))


def test_a_call_that_a_dead_broker_left_is_spent_in_full_and_once(
    meter: Meter, another: Callable[[], Meter]
) -> None:
    """Killed between the reservation and its settling; and then the dead one was only asleep."""
    call = meter.reserve(*opened(meter), Tokens(output=7))
    heir = another()
    assert heir.lines()[0].open == Decimal("0.07")
    assert (heir.settle_lost(), heir.settle_lost()) == (1, 0)
    (line,) = heir.lines()
    assert (line.settled, line.held, line.open) == (0, Decimal("0.07"), 0)
    call.settle(CENT)
    assert heir.lines() == (line,)
    assert dollars(heir.spent_on_issue(1).cost) == Decimal("0.07")


def test_a_call_is_settled_once(meter: Meter) -> None:
    call = meter.reserve(*opened(meter), Tokens(output=10))
    call.settle(Tokens(output=4))
    call.free()
    call.forfeit(Tokens())
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.04")


def test_a_price_of_ones_own_goes_before_the_table(meter: Meter) -> None:
    own = Rates(
        ModelPrice(input=0, output=20_000_000, cache_read=0, cache_write=0, cache_write_1h=0)
    )
    session = opened(meter, rates=own)
    call = meter.reserve(*session, Tokens(output=10))
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.20")
    call.settle(Tokens(output=3))
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.06")


def test_a_cap_that_a_model_without_a_price_would_cross_names_the_price_taken(
    meter: Meter,
) -> None:
    own = Rates(ModelPrice(input=0, output=10**9, cache_read=0, cache_write=0, cache_write_1h=0))
    for rates, message in (
        (None, "which has none of nobody-1: give its own as [prices]"),
        (own, "more may be needed"),
    ):
        identity, caps = opened(meter, f"s-{message}", rates=rates)
        with pytest.raises(Refusal) as refused:
            meter.reserve(replace(identity, model="nobody-1"), caps, Tokens(output=10_000))
        assert message in refused.value.message
        assert ("dearest" in refused.value.message) == (rates is None)


def test_only_a_settlement_that_frees_money_may_be_lost_with_the_machine(meter: Meter) -> None:
    asked = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}[
        meter.engine.dialect.name
    ]
    waits = {2: True, 1: False, "on": True, "off": False}
    seen: list[bool] = []
    sa.event.listen(
        meter.engine,
        "commit",
        lambda tx: seen.append(waits[tx.exec_driver_sql(asked).scalar_one()]),
    )
    session = opened(meter, usd=Decimal(9))
    assert seen == [True]
    for settle, waited in (
        (lambda call: call.settle(CENT), False),
        (lambda call: call.free(), False),
        (lambda call: call.forfeit(CENT), False),
        (lambda call: call.forfeit(Tokens(output=4)), True),
    ):
        seen.clear()
        settle(meter.reserve(*session, Tokens(output=3)))
        assert seen == [True, waited]


def test_lines_tell_what_was_settled_what_is_held_and_what_is_open(
    meter: Meter, clock: Clock
) -> None:
    session = opened(meter)
    meter.reserve(*session, Tokens(output=9)).settle(Tokens(input=5, output=2, cache_read=15))
    meter.reserve(*session, Tokens(output=3)).forfeit(Tokens(output=1))
    clock.at += DAY
    meter.reserve(*session, Tokens(output=4))
    first, second = meter.lines()
    assert (first.session, first.run, first.role, first.issue, first.model) == (
        "s",
        "run",
        "implementer",
        1,
        "m",
    )
    assert not first.replayed
    assert (
        first.day,
        first.calls,
        first.input_tokens,
        first.cache_read_tokens,
        first.output_tokens,
    ) == ("1972-09-27", 2, 20, 15, 3)
    assert (first.settled, first.held, first.open) == (Decimal("0.020005"), Decimal("0.03"), 0)
    assert (second.day, second.settled, second.held, second.open) == (
        "1972-09-28",
        0,
        0,
        Decimal("0.04"),
    )
    assert meter.lines(since="1972-09-28") == (second,)
    assert meter.calls() == 3


def test_what_is_written_to_a_cache_is_read_input_however_long_it_is_kept(meter: Meter) -> None:
    session = opened(meter)
    meter.reserve(*session, CENT).settle(Tokens(input=1, cache_write=20, cache_write_1h=300))
    assert [line.input_tokens for line in meter.lines()] == [321]


def test_a_sum_is_told_in_four_decimals_and_in_all_where_these_are_nothing(meter: Meter) -> None:
    session = opened(meter, usd=Decimal("0.01"))
    with pytest.raises(Refusal, match=r"and \$0\.2000 more may be needed"):
        meter.reserve(*session, Tokens(input=20, output=20))
    tiny = opened(meter, "tiny", usd=Decimal("0.000001"))
    with pytest.raises(Refusal, match=r"and \$0\.000002 more may be needed"):
        meter.reserve(*tiny, Tokens(input=2))


def test_what_a_replay_counted_is_known_as_such(tmp_path: Path, clock: Clock) -> None:
    with closing(Meter(tmp_path / "broker.sqlite", PRICES, replays=True, clock=clock)) as meter:
        meter.reserve(*opened(meter), CENT).settle(CENT)
        assert [line.replayed for line in meter.lines()] == [True]


def test_a_meter_that_holds_what_cannot_be_stops_all_spending(
    meter: Meter, another: Callable[[], Meter]
) -> None:
    """Money that came back by itself would be spent a second time."""
    session = opened(meter, usd=Decimal(10))
    meter.reserve(*session, CENT).settle(CENT)
    with another()._engine.begin() as tx:
        tx.execute(CALLS.update().values(cost=-1_000_000_000))
    with pytest.raises(
        Refusal, match="the meter does not count: it holds a negative amount"
    ) as refused:
        meter.reserve(*session, CENT)
    assert (refused.value.kind, refused.value.body()["error"]["cause"]) == (
        "factory_paused",
        "meter",
    )
    with pytest.raises(Refusal, match="does not count"):
        opened(another(), "next", usd_issue=Decimal(5))


def test_a_meter_that_does_not_answer_stops_all_spending(tmp_path: Path, clock: Clock) -> None:
    with closing(Meter(tmp_path / "broker.sqlite", PRICES, clock=clock)) as meter:
        session = opened(meter)
        with meter._engine.begin() as tx:
            tx.exec_driver_sql("DROP TABLE calls")
        with pytest.raises(Refusal, match="the meter does not count: no such table") as refused:
            meter.reserve(*session, CENT)
    assert refused.value.body()["error"]["cause"] == "meter"
    assert refused.value.body()["error"]["again_at"] == "1972-09-27T00:01:00+00:00"


def test_a_meter_of_an_earlier_version_counts_on(tmp_path: Path, clock: Clock) -> None:
    """The tables as they were before replays and ends of calls were noted."""
    with closing(sqlite3.connect(tmp_path / "broker.sqlite")) as old:
        old.executescript("""
            CREATE TABLE sessions (
                id VARCHAR PRIMARY KEY, run VARCHAR NOT NULL, role VARCHAR NOT NULL,
                issue INTEGER NOT NULL, attempt INTEGER NOT NULL, model VARCHAR NOT NULL,
                opened_at FLOAT NOT NULL);
            CREATE TABLE calls (
                id INTEGER PRIMARY KEY, session VARCHAR NOT NULL, day VARCHAR NOT NULL,
                reserved BIGINT NOT NULL, cost BIGINT, input INTEGER NOT NULL,
                output INTEGER NOT NULL, cache_read INTEGER NOT NULL,
                cache_write INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL);
            INSERT INTO sessions VALUES ('s', 'run', 'implementer', 1, 1, 'm', 0);
            INSERT INTO calls VALUES (1, 's', '1972-09-27', 90000000, 40000000, 0, 4, 0, 0, 0);
        """)
    with closing(Meter(tmp_path / "broker.sqlite", PRICES, clock=clock)) as meter:
        (line,) = meter.lines()
        assert (line.settled, line.held, line.replayed) == (Decimal("0.04"), 0, False)
        with pytest.raises(Refusal, match="for this issue 1"):
            meter.reserve(*opened(meter, "next", usd_issue=Decimal("0.10")), Tokens(output=7))


def test_what_was_spent_survives_and_so_does_what_was_only_reserved(
    meter: Meter, another: Callable[[], Meter]
) -> None:
    session = opened(meter)
    meter.reserve(*session, Tokens(output=9)).settle(Tokens(output=3))
    # killed before it was settled
    meter.reserve(*session, Tokens(output=7))
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


@pytest.mark.parametrize(
    ("known", "cost"), [(Tokens(output=2), "0.10"), (Tokens(output=12), "0.12")]
)
def test_a_cut_call_costs_what_was_held_or_what_is_known_if_that_is_more(
    meter: Meter, known: Tokens, cost: str
) -> None:
    meter.reserve(*opened(meter), Tokens(output=10)).forfeit(known)
    assert dollars(meter.spent_by_session("s").cost) == Decimal(cost)


def test_more_than_was_held_is_held_while_it_can_be_and_refused_when_it_cannot(
    meter: Meter,
) -> None:
    call = meter.reserve(*opened(meter, usd=Decimal("0.20")), Tokens(output=10))
    call.exceed(Tokens(output=10))
    call.exceed(Tokens(output=15))
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.15")
    with pytest.raises(Refusal, match="would be crossed"):
        call.exceed(Tokens(output=21))


def test_each_try_that_may_have_been_billed_is_held_and_paid_for(meter: Meter) -> None:
    for session, end, cost in (
        ("s", lambda call: call.free(), "0.20"),
        ("t", lambda call: call.forfeit(CENT), "0.30"),
    ):
        call = meter.reserve(*opened(meter, session), Tokens(output=10))
        call.again()
        call.again()
        end(call)
        assert dollars(meter.spent_by_session(session).cost) == Decimal(cost)


def test_a_call_that_was_cut_after_it_exceeded_costs_all_that_was_held(meter: Meter) -> None:
    call = meter.reserve(*opened(meter), Tokens(output=10))
    for output in (15, 18):
        call.exceed(Tokens(output=output))
    call.forfeit(CENT)
    assert dollars(meter.spent_by_session("s").cost) == Decimal("0.18")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_twenty_processes_at_once_never_spend_above_the_cap(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    """A hundred calls of a cent are tried, and the day has ten cents."""
    address = request.getfixturevalue("postgres").database() if kind == "postgres" else ""
    file = tmp_path / "broker.sqlite"
    with closing(Meter(file, PRICES, database=address)) as meter:
        opened(meter)
        crowd = [sys.executable, str(Path(__file__).with_name("rush.py")), str(file), address]
        assert (
            subprocess.run(crowd, capture_output=True, text=True, check=True, timeout=300).stdout
            == "10\n"
        )
        assert dollars(meter.spent_by_session("s").cost) == Decimal("0.10")


def inline(kind: str, content: bytes, **part: str) -> dict[str, object]:
    address = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return {"type": "input_image", "image_url": address, **part}


def png(width: int, height: int) -> bytes:
    head = struct.pack(">II", width, height)
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + head + bytes(9)


@pytest.mark.parametrize(
    ("image", "model", "least", "most"),
    [
        # as providers have counted such
        (inline("png", png(1920, 1080)), "gpt-6-astra", 2_448, 10_000),
        (inline("png", png(4032, 3024), detail="original"), "gpt-6-astra", 14_364, 25_000),
        (inline("png", png(512, 512)), "openai/gpt-4o-mini", 8_500, 60_000),
        # of a size that nobody knows
        (inline("jpeg", bytes(24)), "gpt-6-astra", 14_364, 25_000),
        (inline("png", b"GIF89a" + bytes(30)), "gpt-6-astra", 14_364, 25_000),
        (inline("png", b""), "gpt-6-astra", 14_364, 25_000),
        (inline("jpeg", bytes(24)), "gpt-4o-mini", 2_833 + 8 * 5_667, 60_000),
    ],
)
def test_an_image_holds_at_least_what_its_provider_may_count(image, model, least, most) -> None:
    def held(*images: object) -> int:
        return worst({"model": model, "input": [{"content": list(images)}]}, output=1).input

    assert least <= held(image) - held() <= most
    assert held(image, image) - held(image) >= least


def test_the_worst_counts_every_byte_as_a_token_and_an_image_as_many() -> None:
    plain = {"max_tokens": 7, "messages": [{"role": "user", "content": "ä" * 1000}]}
    tokens = worst(plain, output=plain["max_tokens"])
    assert (tokens.output, tokens.cache_write, tokens.cache_write_1h) == (7, 0, 0)
    assert tokens.input > 2000 + 2000
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    assert (
        worst(plain | {"messages": [{"role": "user", "content": [image, image]}]}, output=1).input
        > 10_000
    )
    cached = plain | {
        "system": [{"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}]
    }
    assert (worst(cached, output=1).input, worst(cached, output=1).cache_write > 4000) == (0, True)
    an_hour = plain | {
        "system": [
            {"type": "text", "text": "", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
        ]
    }
    assert (worst(an_hour, output=1).input, worst(an_hour, output=1).cache_write_1h > 4000) == (
        0,
        True,
    )


def test_what_was_spent_is_in_whole_numbers_and_the_money_is_a_text(meter: Meter) -> None:
    meter.reserve(*opened(meter), Tokens(output=50)).settle(Tokens(2, 3, 4, 5, 6))
    assert meter.spent_by_session("s").document() == {
        "calls": 1,
        "input_tokens": 13,
        "output_tokens": 3,
        "cache_read_tokens": 4,
        "cost_usd": "0.030002",
    }
    assert meter.spent_by_session("nobody's").document() == {
        "calls": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_read_tokens": 0,
        "cost_usd": "0",
    }


def test_another_meters_table_is_taken_over_once(
    another: Callable[[], Meter], tmp_path: Path, clock: Clock
) -> None:
    new, old = another(), Meter(tmp_path / "old.sqlite", PRICES, clock=clock)
    assert new.take(old) == 0
    for session in ("s", "t"):
        old.reserve(*opened(old, session), Tokens(output=50)).settle(CENT)
    assert new.take(old) == 2
    assert [new.spent_by_session(session) for session in ("s", "t")] == [
        old.spent_by_session("s")
    ] * 2
    # its number is none of those that were taken over
    new.reserve(*opened(new, "u"), CENT).settle(CENT)
    with pytest.raises(ValueError, match=r"^something was counted here already$"):
        new.take(old)
    old.close()
