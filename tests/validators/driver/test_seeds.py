"""A run that has a seed of its own has other data and other surroundings than the rest of its
plan."""

from dataclasses import replace
from datetime import date

from validators.domain.bounds import Bounds
from validators.domain.evidence import RunId, RunKind
from validators.domain.journeys.journey import Fill
from validators.driver.running import setting_of, values_of
from validators.language.reader import read
from validators.performance.plan import Plan, PlannedRun
from validators.performance.surroundings import surroundings

JOURNEY = read("""journey: book
promise: issue
steps:
  - open: /
  - fill: {label: Name, value: "{{ any.name }}"}
expect:
  - text: {role: status, contains: "{{ filled.name }}"}
""")
RUNS = (
    PlannedRun(RunId("book", kind=RunKind.BASE), 1),
    PlannedRun(RunId("book", kind=RunKind.BASE, attempt=2), 2, seed=8),
)


def plan(seed: int) -> Plan:
    around = surroundings(seed)
    return Plan(
        (JOURNEY.source,),
        RUNS,
        seed,
        date(2026, 1, 2),
        locale=around.locale,
        timezone=around.timezone,
        viewport=around.viewport,
    )


def drawn(run: PlannedRun, *, seed: int) -> tuple[object, ...]:
    name = next(step.value for step in JOURNEY.steps if isinstance(step, Fill))
    setting = setting_of(plan(seed), run, JOURNEY, clocks=None)
    return (
        values_of(plan(seed), run, JOURNEY).text(name),
        setting.locale,
        setting.timezone,
        setting.viewport,
    )


def test_what_is_drawn_follows_the_runs_own_seed_before_the_plans() -> None:
    first, second = RUNS
    assert drawn(second, seed=7) == drawn(second, seed=3) == drawn(first, seed=8)
    assert drawn(first, seed=7) != drawn(first, seed=8)


def test_every_stage_has_the_bounds_of_its_plan_whoevers_seed_it_has() -> None:
    longer = replace(plan(7), bounds=Bounds(read_seconds=9))
    assert {setting_of(longer, run, JOURNEY, clocks=None).bounds for run in RUNS} == {longer.bounds}
