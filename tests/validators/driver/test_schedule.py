"""Which run when, and with how much patience: the driver's order, performed by nobody."""

import asyncio
from dataclasses import replace

from tests.validators.runs import FAILED_LOOK, run
from validators.domain.bounds import USUAL, Bounds
from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.domain.run_result import Result, result
from validators.driver.schedule import evidence_of
from validators.performance.journey_run import Patience
from validators.performance.plan import PlannedRun, base_runs, judgement_runs, retry_runs


class Performer:
    """Returns a good run, or a red one for the kinds that are to fail; remembers what it was
    asked, in order."""

    def __init__(self, *red: RunKind, millis: int = 100, with_controls: bool = False) -> None:
        self.red, self.millis, self.with_controls = red, millis, with_controls
        self.asked: list[tuple[str, Patience]] = []
        self.at_once = self.most_at_once = 0
        self.readied: list[int] = []

    async def __call__(self, planned: PlannedRun, patience: Patience) -> tuple[RunEvidence, ...]:
        self.asked.append((str(planned.id), patience))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        good = replace(run(), run=planned.id)
        good = replace(good, steps=tuple(replace(step, millis=self.millis) for step in good.steps))
        found = replace(good, expectations=FAILED_LOOK) if planned.id.kind in self.red else good
        negative_control = self.with_controls and planned.id == RunId(planned.id.journey)
        return (
            (found, replace(good, run=RunId(planned.id.journey, kind=RunKind.NEGATIVE_CONTROL)))
            if negative_control
            else (found,)
        )


def evidence(
    runs, perform: Performer, *, seconds: float = 30, bounds: Bounds = USUAL
) -> tuple[RunEvidence, ...]:
    planned = tuple(PlannedRun(one, 5000 + index) for index, one in enumerate(runs))

    async def ready(port: int) -> None:
        perform.readied.append(port)

    return asyncio.run(evidence_of(planned, perform, seconds=seconds, bounds=bounds, ready=ready))


def test_evidence_comes_in_the_plans_order_whatever_the_order_of_performing() -> None:
    runs = (*judgement_runs(["b", "a"]), *base_runs(["c"]), *retry_runs(["a"]))
    assert [one.run for one in evidence(runs, Performer())] == list(runs)


def test_a_negative_control_that_the_journeys_own_run_tells_of_is_not_performed_and_is_believed_of_a_journey_that_passed() -> (
    None
):
    good, bad = Performer(with_controls=True), Performer(RunKind.JOURNEY, with_controls=True)
    runs = judgement_runs(["a"])
    assert [one.run for one in evidence(runs, good)] == list(runs)
    assert not any("twin" in name for name, _ in (*good.asked, *bad.asked))
    assert [bool(one.skipped) for one in evidence(runs, bad)] == [False, False, *[True] * 6]


def test_controls_come_after_the_journey_and_with_its_pace() -> None:
    perform = Performer(millis=200)
    evidence(judgement_runs(["a"]), perform)
    assert {name for name, _ in perform.asked[:2]} == {"journey-plain-1", "journey-masked-1"}
    assert {patience for _, patience in perform.asked[:2]} == {
        Patience(USUAL.step_seconds, USUAL.step_seconds)
    }
    (pace,) = {patience for _, patience in perform.asked[2:]}
    assert pace.stop_early
    assert pace.step > 3 * 0.2
    assert pace.look < USUAL.step_seconds


def test_a_run_waits_for_its_own_app_and_what_is_not_performed_for_none() -> None:
    good, bad = Performer(), Performer(RunKind.JOURNEY)
    evidence(judgement_runs(["a"]), good)
    evidence(judgement_runs(["a"]), bad)
    assert sorted(good.readied) == list(range(5000, 5008))
    assert sorted(bad.readied) == [5000, 5001]


def test_a_run_whose_app_answers_is_not_held_up_by_those_whose_apps_do_not_yet() -> None:
    perform, runs = Performer(), [RunId(f"j{index}") for index in range(9)]

    async def played() -> None:
        last = asyncio.Event()

        async def ready(port: int) -> None:
            if port != 5008:
                await last.wait()

        async def tells(run: PlannedRun, patience: Patience) -> tuple[RunEvidence, ...]:
            found = await perform(run, patience)
            last.set()
            return found

        planned = tuple(PlannedRun(one, 5000 + index) for index, one in enumerate(runs))
        async with asyncio.timeout(60):
            await evidence_of(planned, tells, seconds=30, bounds=USUAL, ready=ready)

    asyncio.run(played())
    assert perform.asked[0][0] == str(runs[8])
    assert len(perform.asked) == 9


def test_base_runs_end_with_the_first_expectation_that_is_not_met() -> None:
    perform = Performer()
    evidence(base_runs(["a"]), perform)
    assert {patience for _, patience in perform.asked} == {
        Patience(USUAL.step_seconds, USUAL.step_seconds, stop_early=True)
    }


def test_no_pace_is_longer_than_the_journeys_own_time_allows() -> None:
    perform = Performer(millis=60_000)
    evidence(judgement_runs(["a"]), perform, seconds=6)
    assert max(max(patience.step, patience.look) for _, patience in perform.asked) == 1


def test_a_step_waits_as_long_as_the_plan_allows() -> None:
    perform = Performer(millis=0)
    evidence(judgement_runs(["a"]), perform, seconds=120, bounds=Bounds(step_seconds=20))
    own, pace = perform.asked[0][1], perform.asked[2][1]
    assert (own, pace) == (Patience(20, 20), Patience(8, 2, stop_early=True))


def test_a_journey_that_failed_has_no_controls() -> None:
    perform = Performer(RunKind.JOURNEY)
    found = evidence(judgement_runs(["a"]), perform)
    assert len(perform.asked) == 2
    assert [result(one) for one in found] == [Result.FAILED] * 2 + [Result.INCONCLUSIVE] * 6


def test_a_red_base_is_what_is_wanted_and_stops_nothing() -> None:
    perform = Performer(RunKind.BASE)
    found = evidence((*judgement_runs(["a"]), *base_runs(["a"])), perform)
    assert len(perform.asked) == 10
    assert not any(one.skipped for one in found)


def test_journeys_do_not_wait_for_each_other_and_do_not_crowd_the_machine() -> None:
    perform = Performer()
    evidence(judgement_runs([f"j{index}" for index in range(6)]), perform)
    assert 2 < perform.most_at_once <= 5
