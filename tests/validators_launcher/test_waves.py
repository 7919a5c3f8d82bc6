"""How many apps are up at once: runs are performed in parts, and no journey is cut in two."""

import pytest

from validators.domain.evidence import RunKind
from validators.launcher.proving import MOST_APPS, waves
from validators.performance.plan import base_runs, judgement_runs, retry_runs, suite_runs

TWENTY = [f"journey-{number:02}" for number in range(20)]


def test_twenty_journeys_are_performed_a_few_at_a_time_each_of_them_whole() -> None:
    runs = judgement_runs(TWENTY)
    parts = list(waves(runs))
    assert [run for part in parts for run in part] == list(runs)
    assert max(map(len, parts)) == MOST_APPS
    assert sum(len({run.journey for run in part}) for part in parts) == len(TWENTY)


def test_few_runs_are_one_performance_and_none_is_none() -> None:
    assert list(waves(judgement_runs(TWENTY[:5]))) == [judgement_runs(TWENTY[:5])]
    assert [len(part) for part in waves(base_runs(TWENTY))] == [40]
    assert list(waves(())) == []


def test_a_journey_that_alone_is_too_many_is_not_cut() -> None:
    assert [len(part) for part in waves(judgement_runs(TWENTY[:2]), most=3)] == [8, 8]


RUNS = [
    "journey-plain-1",
    "journey-masked-1",
    "twin-plain-1",
    "sabotage-drop-row-plain-1",
    "sabotage-stale-plain-1",
    "sabotage-error-500-plain-1",
    "sabotage-swap-text-plain-1",
    "sabotage-frozen-plain-1",
]


@pytest.mark.parametrize(
    ("runs", "attempt", "names"),
    [
        (judgement_runs, {}, RUNS),
        (retry_runs, {}, ["journey-plain-2", "journey-masked-2"]),
        (base_runs, {}, ["base-plain-1", "base-masked-1"]),
        (base_runs, {"attempt": 2}, ["base-plain-2", "base-masked-2"]),
    ],
)
def test_each_journey_is_performed_plain_and_masked_and_each_control_of_its_own(
    runs, attempt, names
) -> None:
    found = runs(["a"], **attempt)
    assert [str(run) for run in found] == names
    assert {run.journey for run in found} == {"a"}
    assert all((run.injector is None) is (run.kind is not RunKind.FAULT_INJECTION) for run in found)


def test_a_regression_journey_is_performed_masked_and_its_control_with_whoever_comes_first() -> (
    None
):
    assert [str(run) for run in suite_runs("a", plain=True)] == RUNS[:3]
    assert [str(run) for run in suite_runs("a", plain=False)] == [
        "journey-masked-1",
        "twin-masked-1",
    ]
