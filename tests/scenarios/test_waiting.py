"""The clock of the promises about time cannot be talked into anything by a machine that is busy."""

import pytest

from tests.scenarios.waiting import SLOWEST, Stopwatch


@pytest.mark.parametrize(
    ("waited", "counted"), [(0, 120), (30, 90), (119, 120 / SLOWEST), (240, 120 / SLOWEST)]
)
def test_a_promise_can_be_broken_where_everybody_waits_too(waited, counted) -> None:
    """Two minutes, in which somebody waited for so many seconds: for a processor, and for a
    disk."""
    moments, waits = iter((1000, 1120)), iter((50, 50 + waited))
    assert Stopwatch(lambda: next(moments), lambda: next(waits)).seconds() == counted
