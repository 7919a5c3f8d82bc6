"""How often a page is looked at that does not show what is expected."""

from itertools import pairwise

import pytest

from validators.performance.polling import POLL_SECONDS, next_pause


def looks(seconds: float) -> list[float]:
    """When a page is looked at that is never right, if a look takes no time."""
    times, pause = [0.0], POLL_SECONDS
    while times[-1] < seconds:
        times.append(times[-1] + pause)
        pause = next_pause(pause, waited=times[-2])
    return times


@pytest.mark.parametrize(("seconds", "most"), [(1, 11), (5, 26), (15, 46), (60, 136)])
def test_the_longer_a_page_is_waited_for_the_less_often_it_is_looked_at(seconds, most) -> None:
    assert len(looks(seconds)) <= most


def test_what_comes_is_seen_within_a_fifth_of_a_second_or_a_tenth_of_the_wait() -> None:
    assert all(
        later - earlier <= min(0.5, max(0.2, 0.1 * earlier)) + 1e-9
        for earlier, later in pairwise(looks(60))
    )
