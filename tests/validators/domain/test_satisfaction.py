import pytest

from validators.domain.exploring.satisfaction import Satisfaction, wilson

# From the published formula, computed to six places in decimals of forty digits.
KNOWN = [
    (20, 20, 0.838875, 1.0),
    (19, 20, 0.763869, 0.991119),
    (10, 20, 0.299298, 0.700702),
    (0, 20, 0.0, 0.161125),
    (1, 1, 0.206549, 1.0),
    (6, 6, 0.609666, 1.0),
    (81, 263, 0.255289, 0.366210),
]


@pytest.mark.parametrize(("successes", "trials", "low", "high"), KNOWN)
def test_the_interval_is_wilsons(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=1e-6)


def test_twenty_of_twenty_prove_84_per_cent() -> None:
    assert wilson(20, 20)[0] == pytest.approx(0.8389, abs=5e-5)
    assert str(Satisfaction(20, 20)) == "20 of 20, which proves 84 %"


def test_no_trials_prove_nothing_and_more_of_the_same_prove_more() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert str(Satisfaction(0, 0)) == "not asked"
    bounds = [wilson(n, n)[0] for n in range(1, 200)]
    assert bounds == sorted(bounds)
    assert bounds[-1] < 1


@pytest.mark.parametrize(("satisfied", "trials"), [(2, 1), (-1, 3)])
def test_counts_that_cannot_be_are_refused(satisfied: int, trials: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= satisfied <= trials"):
        Satisfaction(satisfied, trials)
