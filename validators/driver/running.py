"""Performs one planned run, from a fresh stage to its evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from validators.domain.bounds import USUAL
from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import (
    ON_BASE,
    FaultFacts,
    FaultInjector,
    Identity,
    RunEvidence,
    RunKind,
    observed,
)
from validators.domain.journeys.data_at_stake import stakes
from validators.domain.journeys.journey import Journey, Regardless
from validators.domain.journeys.values import Draw, Values
from validators.driver.command_stage import CommandStage, save_transcript
from validators.driver.commands import RunCommands, other_values, terminal_size
from validators.driver.schedule import evidence_of
from validators.performance.journey_run import Patience, Watch, performed, walked
from validators.performance.plan import Plan, PlannedRun
from validators.performance.surroundings import Surroundings, device, surroundings

if TYPE_CHECKING:
    from validators.browser.chromium import Browsers
    from validators.browser.network.fault_injection import FaultInjection
    from validators.browser.stage import BrowserStage, Setting
    from validators.driver.call_stage import CallStage

# Distance between the seeds of people who do the same one after another. It is large, so that
# nobody's data equal those of another round, whose seeds are consecutive.
OTHERS_APART = 1_000_003


async def driven(
    plan: Plan,
    journeys: tuple[Journey, ...],
    *,
    opened: Browsers | None,
    out: Path,
    clocks: Path | None,
    ready: Callable[[int], Awaitable[None]],
    watch: Watch,
) -> tuple[RunEvidence, ...]:
    """The evidence of every run of the plan. A run begins when `ready` returns for the port of its
    app. `watch` is called with each step and look as it is done.

    Raises DocumentInvalid for a run of a journey that is not in the plan."""
    known = {journey.name: journey for journey in journeys}
    if strange := [run.id.journey for run in plan.runs if run.id.journey not in known]:
        raise DocumentInvalid(f"plan.runs: no journey {strange[0]!r} among plan.journeys")

    # Negative controls without an app of their own are looked for in the journey's own run.
    beside = {
        replace(run.id, kind=RunKind.JOURNEY)
        for run in plan.runs
        if run.id.kind is RunKind.NEGATIVE_CONTROL and not run.port
    }

    async def perform(run: PlannedRun, patience: Patience) -> tuple[RunEvidence, ...]:
        journey, negative_control = known[run.id.journey], run.id in beside
        return await _run(
            plan,
            run,
            journey,
            patience=patience,
            opened=opened,
            out=out,
            clocks=clocks,
            with_control=negative_control,
            watch=watch,
        )

    return await evidence_of(
        plan.runs,
        perform,
        seconds=plan.journey_seconds,
        bounds=plan.bounds,
        ready=ready,
        at_once=plan.at_once,
    )


async def _run(
    plan: Plan, run: PlannedRun, journey: Journey, *,
    patience: Patience, opened: Browsers | None, out: Path, clocks: Path | None, with_control: bool,
    watch: Watch,
) -> tuple[RunEvidence, ...]:  # fmt: skip
    began = monotonic()
    for number in range(run.others):
        await _another(plan, run, journey, number, patience=patience, opened=opened)
    values = values_of(plan, run, journey)
    fault = _fault(run, journey, values)
    place = Path(journey.name) / str(run.id)
    commands = commands_of(plan, run, journey, values)
    try:
        async with _stage(
            plan, run, journey, opened=opened, clocks=clocks, tamper=fault, commands=commands
        ) as on:
            evidence, *negative_control = await performed(
                run.id,
                journey,
                on,
                values=values,
                patience=patience,
                seconds=plan.journey_seconds,
                with_control=with_control,
                watch=watch,
            )
            files = await on.save_evidence(out / place)
            if not isinstance(on, CommandStage):
                files = (*files, *save_transcript(commands, out / place))
    except _broken(opened) as error:
        return (
            RunEvidence(run.id, app_ready=False, complete=False, errors=(observed(str(error)),)),
        )
    own = replace(
        evidence,
        fault=_facts(run, fault, commands, values),
        notes=tuple(on.notes),
        files=tuple(str(place / name) for name in files),
        millis=int((monotonic() - began) * 1000),
    )
    return own, *negative_control


@asynccontextmanager
async def _stage(
    plan: Plan,
    run: PlannedRun,
    journey: Journey,
    *,
    opened: Browsers | None,
    clocks: Path | None,
    tamper: FaultInjection | None,
    commands: RunCommands,
) -> AsyncIterator[BrowserStage | CallStage | CommandStage]:
    """The stage of a run: without a browser where the journey has no pages, and without a wire
    where it has commands alone. What a run does not use is not loaded: it is slow to import."""
    if not journey.needs_app:
        yield CommandStage(commands)
        return
    if opened is None or not journey.has_pages:
        from validators.browser.clock import Clocks
        from validators.driver.call_stage import call_stage

        own = clocks / str(run.port) if clocks and journey.travels else None
        async with call_stage(
            run.id.identity,
            plan.hostname,
            port=run.port,
            device=device(_seed(plan, run), journey.name),
            clocks=Clocks(own, run.ahead),
            commands=commands,
            tamper=tamper,
        ) as calling:
            yield calling
        return
    from validators.browser.stage import stage

    browser, setting = (
        await opened.of(run.id.identity),
        setting_of(plan, run, journey, clocks=clocks),
    )
    async with stage(browser, setting, port=run.port, tamper=tamper, commands=commands) as on:
        yield on


def commands_of(plan: Plan, run: PlannedRun, journey: Journey, values: Values) -> RunCommands:
    """The commands of a run, with the fault that is injected into it."""
    seed, masked = _seed(plan, run), run.id.identity is Identity.MASKED
    anywhere = masked and Regardless.TERMINAL in journey.regardless
    return RunCommands(
        journey,
        run.commands,
        factor=plan.bounds.step_seconds / USUAL.step_seconds,
        terminal=terminal_size(seed, journey.name) if anywhere else None,
        injector=run.id.injector,
        other=other_values(values, journey) if run.id.injector is FaultInjector.FROZEN else None,
    )


async def _another(
    plan: Plan,
    run: PlannedRun,
    journey: Journey,
    number: int,
    *,
    patience: Patience,
    opened: Browsers | None,
) -> None:
    """Let somebody else do the same before the visitor comes, with data and surroundings of their
    own."""
    theirs = replace(run, seed=_seed(plan, run) + OTHERS_APART * (number + 1))
    values = values_of(plan, theirs, journey)
    commands = commands_of(plan, theirs, journey, values)
    # A failure here is no evidence: the visitor's own run shows what the app does.
    with suppress(*_broken(opened)):
        async with _stage(
            plan, theirs, journey, opened=opened, clocks=None, tamper=None, commands=commands
        ) as on:
            await walked(
                journey, on, values=values, patience=patience, seconds=plan.journey_seconds
            )


def _fault(run: PlannedRun, journey: Journey, values: Values) -> FaultInjection | None:
    """What injects the run's fault into requests and answers."""
    if not run.id.injector or not journey.needs_app:
        return None
    from validators.browser.network.fault_injection import FaultInjection

    return FaultInjection(run.id.injector, lambda: stakes(journey, values))


def _facts(
    run: PlannedRun, fault: FaultInjection | None, commands: RunCommands, values: Values
) -> FaultFacts | None:
    if not run.id.injector:
        return None
    own = commands.facts(values)
    return together(fault.facts, own) if fault else own


def _broken(opened: Browsers | None) -> tuple[type[Exception], ...]:
    """What a stage raises when it breaks. Without a browser the library is not there."""
    if opened is None:
        return (OSError,)
    from playwright.async_api import Error

    return (Error, OSError)


def together(first: FaultFacts, second: FaultFacts) -> FaultFacts:
    """What one fault has done in two places."""
    return FaultFacts(
        first.changed + second.changed,
        first.touched or second.touched,
        put_in=first.put_in or second.put_in,
        reached=first.reached or second.reached,
    )


def _seed(plan: Plan, run: PlannedRun) -> int:
    return plan.seed if run.seed is None else run.seed


def values_of(plan: Plan, run: PlannedRun, journey: Journey) -> Values:
    """The values at the beginning of a run: none, and the source of its random data."""
    today = plan.today + timedelta(seconds=run.ahead)
    return Values(Draw(_seed(plan, run), journey.name, today, plan.avoided))


def setting_of(plan: Plan, run: PlannedRun, journey: Journey, *, clocks: Path | None) -> Setting:
    """The setting of a run's stage."""
    from validators.browser.stage import Setting

    # Only a plain visitor is traced: recording leaves marks that a page can see.
    traced = run.id.identity is Identity.PLAIN and run.id.kind in (RunKind.JOURNEY, *ON_BASE)
    around = (
        Surroundings(plan.locale, plan.timezone, plan.viewport)
        if run.seed is None
        else surroundings(run.seed)
    )
    return Setting(
        identity=run.id.identity,
        host=plan.hostname,
        locale=around.locale,
        timezone=around.timezone,
        viewport=around.viewport,
        traced=traced,
        downloads=journey.downloads,
        device=device(plan.seed if run.seed is None else run.seed, journey.name),
        clock=clocks / str(run.port) if clocks and journey.travels else None,
        ahead=run.ahead,
        bounds=plan.bounds,
    )
