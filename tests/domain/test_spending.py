"""What was spent, summed by anything: each way of asking comes to the same, to the nanodollar."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from harness.domain.spending import BY, SpendingLine, Total, folded, total
from tests.domain.lines import line

dollars = st.integers(0, 10**13).map(lambda nano: Decimal(nano).scaleb(-9))
counts = st.integers(0, 10**7)
lines = st.lists(
    st.builds(
        SpendingLine,
        session=st.sampled_from("stu"),
        run=st.sampled_from(["triage-1-1", "implement-1-1"]),
        role=st.sampled_from(["triage", "author", "implementer"]),
        issue=st.integers(1, 3),
        model=st.sampled_from(["small", "large"]),
        day=st.sampled_from(["2026-11-21", "2026-11-22"]),
        replayed=st.booleans(),
        calls=counts,
        input_tokens=counts,
        cache_read_tokens=counts,
        output_tokens=counts,
        settled=dollars,
        held=dollars,
        open=dollars,
    )
)


@given(lines, st.lists(st.sampled_from(BY), unique=True), st.randoms())
def test_a_fold_in_any_grouping_and_any_order_gives_one_sum(
    found: list[SpendingLine], by: list[str], random
) -> None:
    whole = total(found)
    random.shuffle(found)
    groups = folded(found, by)
    assert sum((summed for _, summed in groups), Total()) == whole == total(found)
    assert whole.spent + whole.open + whole.replayed == sum(
        (one.settled + one.held + one.open for one in found), Decimal(0)
    )
    assert len({key for key, _ in groups}) == len(groups)


def test_each_group_holds_its_own_and_they_come_in_order() -> None:
    found = [
        line(issue=2, role="triage"),
        line(issue=10),
        line(issue=2, settled=Decimal("0.000000001")),
    ]
    assert [(key, summed.spent, summed.calls) for key, summed in folded(found, ["issue"])] == [
        ((2,), Decimal("1.000000001"), 2),
        ((10,), Decimal(1), 1),
    ]
    assert [key for key, _ in folded(found, ["role", "issue"])] == [
        ("author", 2),
        ("author", 10),
        ("triage", 2),
    ]


def test_what_is_held_is_spent_what_is_open_is_not_and_a_replay_spends_nothing() -> None:
    money = {"settled": Decimal(1), "held": Decimal(2), "open": Decimal(4)}
    real = total([line(**money)])
    assert (real.spent, real.held, real.open, real.replayed) == (3, 2, 4, 0)
    replayed = total([line(replayed=True, **money)])
    assert (replayed.spent, replayed.held, replayed.open, replayed.replayed, replayed.calls) == (
        0,
        0,
        0,
        7,
        1,
    )
