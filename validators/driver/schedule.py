"""Which run when: a journey plain and masked at once, and only if both passed its controls, which
need their pace.

A control waits a little longer than the real run needed, and no longer: it is there to fail, and a
failure that is waited out for a step's whole bound, five times over, is what makes people switch
controls off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import groupby

from validators.domain.bounds import Bounds
from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.domain.fold import Result, result
from validators.performance.journey_run import Patience
from validators.performance.plan import AT_ONCE, PlannedRun

CONTROL_FACTOR = 3
STEPS_A_JOURNEY = 6  # that are waited out in vain, and still its time is not up

Perform = Callable[[PlannedRun, Patience], Awaitable[tuple[RunEvidence, ...]]]


async def evidence_of(
    runs: Iterable[PlannedRun],
    perform: Perform,
    *,
    seconds: float,
    bounds: Bounds,
    ready: Callable[[int], Awaitable[None]],
) -> tuple[RunEvidence, ...]:
    """The evidence of every run of a plan, in the plan's order. `seconds` is the time one journey
    may take.

    To perform a run may tell of another as well: of a twin that has no app of its own. `ready`
    returns once the app at a port answers; it is not asked for what is not performed."""
    gate = asyncio.Semaphore(AT_ONCE)
    planned = tuple(runs)

    async def gated(run: PlannedRun, patience: Patience) -> tuple[RunEvidence, ...]:
        await ready(run.port)
        async with gate:
            return await perform(run, patience)

    def group(run: PlannedRun) -> tuple[str, int]:
        return run.id.journey, run.id.attempt

    groups = [tuple(members) for _, members in groupby(sorted(planned, key=group), key=group)]
    longest = min(bounds.step_seconds, seconds / STEPS_A_JOURNEY)
    told = await asyncio.gather(
        *(_performed(members, gated, longest=longest, bounds=bounds) for members in groups)
    )
    known = {one.run: one for several in told for one in several}
    return tuple(known[run.id] for run in planned)


async def _performed(
    members: tuple[PlannedRun, ...],
    perform: Perform,
    *,
    longest: float,
    bounds: Bounds,
) -> list[RunEvidence]:
    slow = Patience(longest, longest)
    once = replace(
        slow, stop_early=True
    )  # one expectation that is not met is red; the rest has nothing to add
    base = asyncio.ensure_future(
        _all(perform(run, once) for run in members if run.id.kind is RunKind.BASE)
    )
    told = await _all(perform(run, slow) for run in members if run.id.kind is RunKind.JOURNEY)
    own = [one for one in told if one.run.kind is RunKind.JOURNEY]
    negative_controls = [one for one in told if one.run.kind is RunKind.NEGATIVE_CONTROL]
    controls = [
        run
        for run in members
        if run.id.kind in (RunKind.NEGATIVE_CONTROL, RunKind.FAULT_INJECTION)
        and run.id not in {one.run for one in negative_controls}
    ]
    if not all(result(one) is Result.PASSED for one in own):
        return (
            own
            + [
                _skipped(run)
                for run in (*(one.run for one in negative_controls), *(run.id for run in controls))
            ]
            + await base
        )
    pace = _pace(own, longest=longest, bounds=bounds)
    return own + negative_controls + await _all(perform(run, pace) for run in controls) + await base


async def _all(performing: Iterable[Awaitable[tuple[RunEvidence, ...]]]) -> list[RunEvidence]:
    return [one for several in await asyncio.gather(*performing) for one in several]


def _pace(told: Iterable[RunEvidence], *, longest: float, bounds: Bounds) -> Patience:
    steps = [step.millis for one in told for step in one.steps]
    looks = [look.millis for one in told for look in one.expectations]
    return Patience(
        step=min(
            longest, bounds.control_step_seconds + CONTROL_FACTOR * max(steps, default=0) / 1000
        ),
        look=min(
            longest, bounds.control_look_seconds + CONTROL_FACTOR * max(looks, default=0) / 1000
        ),
        stop_early=True,
    )


def _skipped(run: RunId) -> RunEvidence:
    reason = "the journey itself did not pass, so its controls could show nothing"
    return RunEvidence(run, app_ready=False, complete=False, skipped=reason)
