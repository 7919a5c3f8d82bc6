"""A smoke: perform chosen journeys of the mission on a living place, where nothing is started.

What a smoke shows: these promises held, or did not, at this address, for two visitors with data of
their own. What it cannot show: that the place runs the commit that is claimed, and that the journey
could fail there; nobody breaks a living place to find that out.

The maintainers name promises. Only the mission's own journeys count, because a person put each of
them into the store: one that an author wrote for an issue may leave something behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from validators.app.sandboxes import SandboxResult
from validators.domain.evidence import RunEvidence, RunId
from validators.domain.standing import Standing, is_green, standing
from validators.domain.stops import Inconclusive
from validators.launcher.context import Context
from validators.launcher.living import Address, performed_at, refuse_on_living_place
from validators.launcher.pacing import scene_of
from validators.launcher.perform import FIRST, PerformanceBench
from validators.launcher.proving import AGAIN
from validators.launcher.regression_suite import (
    MISSION,
    RegressionJourney,
    RegressionSuite,
    named_apart,
)
from validators.performance.plan import base_runs

# A place that others use is asked by one visitor at a time.
AT_ONCE = 1


def smoke_suite(context: Context, *, promises: Sequence[str]) -> RegressionSuite:
    """The mission's journeys in force that keep these promises. Raises Inconclusive for a promise
    that none keeps, and for a journey that cannot be performed on a living place."""
    taken, chosen = set[str](), list[RegressionJourney]()
    for entry in sorted(context.journey_store.in_force(), key=lambda entry: entry.digest):
        if entry.issue != MISSION:
            continue
        journey = named_apart(context.journey_store.journey(entry), taken)
        if journey.promise in promises:
            taken.add(journey.name)
            chosen.append(RegressionJourney(entry, journey, inject_faults=False))
    kept = {one.journey.promise for one in chosen}
    if missing := [promise for promise in promises if promise not in kept]:
        raise Inconclusive(
            f"no journey of the mission is sealed for the promise {missing[0]!r}, which `smoke`"
            " names: seal one that cleans up after itself or only reads, or take it off the list"
        )
    refuse_on_living_place(one.journey for one in chosen)
    return RegressionSuite(tuple(one.entry.digest for one in chosen), tuple(chosen))


def smoked(
    context: Context,
    suite: RegressionSuite,
    address: Address,
    *,
    folder: Path,
    keep: Path,
    seed: int,
) -> tuple[dict[str, Standing], tuple[RunEvidence, ...], tuple[SandboxResult, ...]]:
    """What each journey shows at the address, by its name. One that is not green at once is
    performed again. Each visitor has data of its own: on a place that they share, equal data would
    be in each other's way."""
    scene = scene_of(context, seed=seed, keep=keep)
    sandboxes = context.sandboxes(folder / "sandboxes")
    bench = PerformanceBench(scene, sandboxes, folder, keep, context.phases)
    journeys = {one.journey.name: one.journey for one in suite.chosen}

    evidence: tuple[RunEvidence, ...] = ()
    results: tuple[SandboxResult, ...] = ()

    def performed(label: str, runs: tuple[RunId, ...], first: int) -> None:
        nonlocal evidence, results
        seeds = {run: first + number for number, run in enumerate(runs)}
        needed = [journeys[name] for name in dict.fromkeys(run.journey for run in runs)]
        done = performed_at(
            address, bench, runs, label=label, journeys=needed, seeds=seeds, at_once=AT_ONCE
        )
        evidence, results = evidence + done.evidence, results + done.sandboxes

    first = base_runs(journeys)
    performed(FIRST, first, seed)
    if doubted := [name for name in journeys if not is_green(name, evidence)]:
        performed(AGAIN, base_runs(doubted, attempt=2), seed + len(first))
    return {name: standing(name, evidence) for name in journeys}, evidence, results
