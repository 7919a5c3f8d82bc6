"""How many apps are up at once: runs are performed in parts, and no journey is cut in two."""

from validators.judge.plan import base_runs, judgement_runs
from validators.launcher.proving import MOST_APPS, waves

TWENTY = [f"journey-{number:02}" for number in range(20)]


def test_twenty_journeys_are_performed_a_few_at_a_time_each_of_them_whole() -> None:
    runs = judgement_runs(TWENTY)
    parts = list(waves(runs))
    assert [run for part in parts for run in part] == list(runs)
    assert max(map(len, parts)) == MOST_APPS
    assert sum(len({run.journey for run in part}) for part in parts) == len(TWENTY)


def test_few_runs_are_one_performance_and_none_is_none() -> None:
    assert list(waves(judgement_runs(TWENTY[:5]))) == [judgement_runs(TWENTY[:5])]
    assert [len(part) for part in waves(base_runs(TWENTY))] == [34, 6]
    assert list(waves(())) == []


def test_a_journey_that_alone_is_too_many_is_not_cut() -> None:
    assert [len(part) for part in waves(judgement_runs(TWENTY[:2]), most=3)] == [7, 7]
