"""Which attempt is made how."""

import pytest

from harness.domain.model_choice.escalation import Approach, approach


@pytest.mark.parametrize(
    ("failed", "tiers", "found"),
    [
        (0, 1, Approach()),
        (0, 3, Approach()),
        (1, 1, Approach(0, diagnosed=True)),
        (2, 1, Approach(0, diagnosed=True, split=True)),
        (1, 2, Approach(1, diagnosed=True)),
        (2, 2, Approach(1, diagnosed=True, split=True)),
        (1, 3, Approach(1, diagnosed=True)),
        (2, 3, Approach(2, diagnosed=True)),
        (3, 3, Approach(2, diagnosed=True, split=True)),
        (9, 2, Approach(1, diagnosed=True, split=True)),
    ],
)
def test_first_another_model_with_a_diagnosis_and_at_the_end_of_the_ladder_smaller_steps(
    failed, tiers, found
) -> None:
    assert approach(failed, tiers=tiers) == found


def test_no_two_attempts_in_a_row_are_made_alike_while_there_is_something_left_to_try() -> None:
    for tiers in range(1, 5):
        made = [approach(failed, tiers=tiers) for failed in range(max(tiers, 2) + 1)]
        assert len(set(made)) == len(made)
        assert [one.escalates for one in made] == [False] + [True] * max(tiers, 2)
