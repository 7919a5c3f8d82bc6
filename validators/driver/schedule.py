"""Schedules runs: first a journey plain and masked, side by side; then, if both passed, its
controls.

A control waits only a little longer than the real run needed, because it is meant to fail. Waiting
out the whole bound of a step for each of six controls would be so slow that people would switch
controls off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import groupby

from validators.domain.bounds import Bounds
from validators.domain.evidence import ON_BASE, RunEvidence, RunId, RunKind
from validators.domain.run_result import Result, result
from validators.performance.journey_run import Patience
from validators.performance.plan import AT_ONCE, PlannedRun

CONTROL_FACTOR = 3
# So many steps may wait out their bound before the time of a journey is up.
STEPS_A_JOURNEY = 6

Perform = Callable[[PlannedRun, Patience], Awaitable[tuple[RunEvidence, ...]]]


async def evidence_of(
    runs: Iterable[PlannedRun],
    perform: Perform,
    *,
    seconds: float,
    bounds: Bounds,
    ready: Callable[[int], Awaitable[None]],
    at_once: int = AT_ONCE,
) -> tuple[RunEvidence, ...]:
    """The evidence of every run of a plan, in the plan's order. `seconds` is the time for one
    journey; `at_once` are performed at a time.

    Performing a run may also return the evidence of a negative control without an app of its own.
    `ready` returns when the app at a port answers; it is called only for runs that are
    performed."""
    gate = asyncio.Semaphore(at_once)
    planned = tuple(runs)

    async def gated(run: PlannedRun, patience: Patience) -> tuple[RunEvidence, ...]:
        await ready(run.port)
        async with gate:
            return await perform(run, patience)

    def group(run: PlannedRun) -> tuple[str, int]:
        return run.id.journey, run.id.attempt

    groups = [tuple(members) for _, members in groupby(sorted(planned, key=group), key=group)]
    longest = min(bounds.step_seconds, seconds / STEPS_A_JOURNEY)
    evidence = await asyncio.gather(
        *(_performed(members, gated, longest=longest, bounds=bounds) for members in groups)
    )
    known = {one.run: one for several in evidence for one in several}
    return tuple(known[run.id] for run in planned)


async def _performed(
    members: tuple[PlannedRun, ...],
    perform: Perform,
    *,
    longest: float,
    bounds: Bounds,
) -> list[RunEvidence]:
    slow = Patience(longest, longest)
    # On base, one expectation that is not met is enough: the journey is red there.
    once = replace(slow, stop_early=True)
    base = asyncio.ensure_future(
        _all(perform(run, once) for run in members if run.id.kind in ON_BASE)
    )
    evidence = await _all(perform(run, slow) for run in members if run.id.kind is RunKind.JOURNEY)
    own = [one for one in evidence if one.run.kind is RunKind.JOURNEY]
    negative_controls = [one for one in evidence if one.run.kind is RunKind.NEGATIVE_CONTROL]
    controls = [
        run
        for run in members
        if run.id.kind in (RunKind.NEGATIVE_CONTROL, RunKind.FAULT_INJECTION)
        and run.id not in {one.run for one in negative_controls}
    ]
    # Controls show what a green run is worth. A journey that did not pass needs none.
    if not all(result(one) is Result.PASSED for one in own):
        unneeded = (*(one.run for one in negative_controls), *(run.id for run in controls))
        return own + [_skipped(run) for run in unneeded] + await base
    pace = _pace(own, longest=longest, bounds=bounds)
    return own + negative_controls + await _all(perform(run, pace) for run in controls) + await base


async def _all(performing: Iterable[Awaitable[tuple[RunEvidence, ...]]]) -> list[RunEvidence]:
    return [one for several in await asyncio.gather(*performing) for one in several]


def _pace(evidence: Iterable[RunEvidence], *, longest: float, bounds: Bounds) -> Patience:
    steps = [step.millis for one in evidence for step in one.steps]
    looks = [look.millis for one in evidence for look in one.expectations]
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
