"""A release's life: what may happen to it, when it is red, and how long it is watched."""

from dataclasses import replace

import pytest

from harness.domain.errors import IllegalTransition
from harness.domain.release import (
    ReleaseEvent,
    ReleaseState,
    WatchedPlace,
    answers_wanted,
    fault_of,
    is_soaked,
    next_release_state,
)

SEEN = WatchedPlace(well=3, wanted=3, in_row=0, unhealthy=2, errors=5, most_errors=5)
UNHEALTHY, NOISY = replace(SEEN, in_row=2), replace(SEEN, errors=6)


def test_what_is_not_in_the_table_is_refused_by_name() -> None:
    assert next_release_state(ReleaseState.DEPLOYING, ReleaseEvent.LIVE) is ReleaseState.SMOKE
    with pytest.raises(
        IllegalTransition,
        match=r"^a release that is landed cannot take live; from there: promoted, staged, superseded$",
    ):
        next_release_state(ReleaseState.LANDED, ReleaseEvent.LIVE)
    with pytest.raises(IllegalTransition, match=r"from there: nothing$"):
        next_release_state(ReleaseState.DONE, ReleaseEvent.LIVE)


@pytest.mark.parametrize(
    ("seen", "answered", "fault"),
    [
        (SEEN, "", ""),
        (replace(SEEN, in_row=1), "503", ""),
        (UNHEALTHY, "503", "it was not healthy 2 times in a row: 503"),
        (UNHEALTHY, "", "it was not healthy 2 times in a row: no answer"),
        (replace(SEEN, in_row=3), "503", "it was not healthy 3 times in a row: 503"),
        (NOISY, "", "6 errors of it came in, 5 may"),
    ],
)
def test_a_place_is_red_for_answers_in_a_row_or_for_errors(seen, answered, fault) -> None:
    assert fault_of(seen, answered) == fault
    assert is_soaked(seen) is not bool(fault)
    assert not is_soaked(replace(seen, well=2))


def test_without_words_for_it_no_answer_is_the_reason() -> None:
    assert fault_of(UNHEALTHY) == "it was not healthy 2 times in a row: no answer"


@pytest.mark.parametrize(
    ("seconds", "every", "wanted"), [(0, 10, 1), (1, 10, 1), (10, 10, 1), (11, 10, 2), (30, 10, 3)]
)
def test_a_soak_wants_so_many_answers_and_one_at_least(seconds, every, wanted) -> None:
    assert answers_wanted(seconds, every) == wanted
