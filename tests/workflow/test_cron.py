from __future__ import annotations

import itertools
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from harness.domain.errors import ConfigError
from harness.workflow.cron import first_after, local_zone

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = "17 2 * * *"


def hours(line, start, count):
    """The next `count` moments, as local day, time and offset."""
    moments = itertools.accumulate(range(count), lambda at, _: first_after(line, at), initial=start)
    return [f"{at:%m-%d %H:%M %z}" for at in list(moments)[1:]]


def test_a_line_comes_due_at_its_time_each_day() -> None:
    assert hours(NIGHTLY, datetime(2030, 5, 4, 2, 17, tzinfo=BERLIN), 2) == [
        "05-05 02:17 +0200",
        "05-06 02:17 +0200",
    ]


def test_the_minute_before_it_is_due_it_is_due_within_the_minute() -> None:
    assert hours(NIGHTLY, datetime(2030, 5, 4, 2, 16, 59, 999999, tzinfo=BERLIN), 1) == [
        "05-04 02:17 +0200"
    ]


def test_a_night_without_that_hour_has_it_once_at_its_end() -> None:
    """31 March 2030: at 02:00 clocks in Berlin go to 03:00."""
    assert hours(NIGHTLY, datetime(2030, 3, 30, 12, tzinfo=BERLIN), 2) == [
        "03-31 03:00 +0200",
        "04-01 02:17 +0200",
    ]


def test_a_night_with_that_hour_twice_has_it_once() -> None:
    """27 October 2030: at 03:00 clocks in Berlin go back to 02:00."""
    assert hours(NIGHTLY, datetime(2030, 10, 26, 12, tzinfo=BERLIN), 2) == [
        "10-27 02:17 +0200",
        "10-28 02:17 +0100",
    ]


def test_the_same_line_means_another_moment_in_another_zone() -> None:
    moment = datetime(2030, 5, 4, 12, tzinfo=ZoneInfo("UTC"))
    there = first_after(NIGHTLY, moment.astimezone(ZoneInfo("Asia/Tokyo")))
    assert there.astimezone(ZoneInfo("UTC")) == datetime(2030, 5, 4, 17, 17, tzinfo=ZoneInfo("UTC"))


@pytest.mark.parametrize("line", ["61 2 * * *", "0 0 31 2 *", "17 2 * *", "* * * * * 2 3 4"])
def test_a_line_that_never_comes_due_is_named(line) -> None:
    with pytest.raises(ConfigError) as caught:
        first_after(line, datetime(2030, 5, 4, tzinfo=BERLIN))
    assert line in str(caught.value)
    assert "17 2 * * *" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "name"),
    [("Europe/Berlin", "Europe/Berlin"), (":Asia/Tokyo", "Asia/Tokyo"), ("", "UTC")],
)
def test_tz_names_the_zone(said, name) -> None:
    assert local_zone({"TZ": said}) == ZoneInfo(name)


@pytest.mark.parametrize("said", ["Europe/Berln", "CET-1CEST,M3.5.0,M10.5.0/3", "../etc/passwd"])
def test_a_zone_that_is_not_known_is_named(said) -> None:
    with pytest.raises(ConfigError) as caught:
        local_zone({"TZ": said})
    assert said in str(caught.value)


def test_without_tz_it_is_the_machines_own() -> None:
    moment = datetime(2030, 7, 1, 12, tzinfo=ZoneInfo("UTC"))
    assert moment.astimezone(local_zone({})).utcoffset() == moment.astimezone().utcoffset()
