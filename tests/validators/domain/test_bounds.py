"""How long the judge waits for what does not come, and how much longer on a slow machine: numbers,
and no machine."""

import math
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.domain.bounds import (
    BOUNDS,
    MOST_SCALE,
    MOST_SECONDS,
    REFERENCE_SECONDS,
    USUAL,
    Bounds,
    Speed,
    scale,
)

SECONDS = st.floats(0, MOST_SECONDS, exclude_min=True)
TIMES = st.floats() | st.floats(0, 10 * REFERENCE_SECONDS)


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize(
    "seconds", [0, -1, math.nan, math.inf, -math.inf, MOST_SECONDS + 0.5, 1e300]
)
def test_what_is_no_time_to_wait_is_refused_by_name(name, seconds) -> None:
    with pytest.raises(
        ValueError, match=f"^{name}: expected seconds above 0 and at most 600, found "
    ):
        replace(USUAL, **{name: seconds})


def test_every_wait_follows_from_the_five_bounds() -> None:
    waits = {
        "tree_seconds": 10, "keep_seconds": 2.5, "travel_seconds": 5, "act_seconds": 8, "control_step_seconds": 2,
        "control_look_seconds": 0.5, "close_seconds": 15, "line_seconds": 60,
    }  # fmt: skip
    assert {name: getattr(USUAL, name) for name in waits} == waits
    assert {name: getattr(USUAL.scaled(2), name) for name in waits} == {
        name: 2 * usual for name, usual in waits.items()
    }


@given(st.builds(Bounds, *[SECONDS] * len(BOUNDS)), st.builds(Speed, TIMES, TIMES))
def test_a_machines_speed_makes_no_bound_shorter_and_none_endless(bounds, speed) -> None:
    factor = scale(speed)
    assert 1 <= factor <= MOST_SCALE
    for name, seconds in asdict(bounds.scaled(factor)).items():
        assert getattr(bounds, name) <= seconds <= MOST_SECONDS


@pytest.mark.parametrize(
    ("processor", "wall", "times"),
    [
        (0.1, 0.1, 1),
        (1, 1, 1),
        (1.5, 1.5, 1.5),
        (1, 3, 3),
        (3, 1, 3),
        (9, 9, 4),
        (math.inf, math.inf, 4),
        (-1, -1, 1),
        (math.nan, math.nan, 1),
    ],
)
def test_a_slow_processor_and_a_busy_machine_are_waited_for_alike(processor, wall, times) -> None:
    assert scale(Speed(processor * REFERENCE_SECONDS, wall * REFERENCE_SECONDS)) == pytest.approx(
        times
    )
