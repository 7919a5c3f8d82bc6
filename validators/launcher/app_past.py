"""Draw what an app has been through before its visitor comes, from the judgement's seed.

The masked visitor's app has a past, the plain visitor's has none. So an app that works only while
it is fresh, empty or on this day answers the two differently. The two are compared anyway: this
costs no run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from validators.app.clock_library import clock_can_be_ahead
from validators.app.instances import InstanceSpec
from validators.domain.evidence import Identity, RunId, RunKind
from validators.domain.journeys.journey import Journey, Regardless
from validators.launcher.command_worlds import command_world
from validators.performance.plan import PlannedRun

ANSWERED, ANSWERED_LONG, LONG_SHARE = range(16, 32), range(200, 400), 0.25
OTHERS = (2, 6)
RESTARTED_SHARE = 1 / 3
AHEAD = (86_400, 31 * 86_400, 366 * 86_400)


@dataclass(frozen=True, slots=True)
class Past:
    """What an app has been through: the number of requests `answered`, the number of `others` who
    did the same as the visitor, a restart on its data. `ahead`: the seconds by which its clock is
    ahead. `otherwise`: its sandbox should look different from the plain visitor's."""

    answered: int = 0
    others: int = 0
    restarted: bool = False
    ahead: int = 0
    otherwise: bool = False


def past(run: RunId, journey: Journey, *, seed: int, clock: bool) -> Past:
    """The past of a run's app. A second attempt gets the same.

    Others and a later day are drawn only where the journey states that they make no difference. A
    later day also needs an app with a `clock` to set, or a machine that can put one ahead."""
    if run.kind is not RunKind.JOURNEY or run.identity is not Identity.MASKED:
        return Past()
    drawn = random.Random(f"past {run.journey} {seed}")  # noqa: S311
    answered = drawn.choice(ANSWERED_LONG if drawn.random() < LONG_SHARE else ANSWERED)
    # All are drawn before any is left out: what one journey permits moves no other draw.
    others, restarted = drawn.choice(OTHERS), drawn.random() < RESTARTED_SHARE
    ahead = drawn.choice(AHEAD)
    any_day = Regardless.DATE in journey.regardless and (clock or clock_can_be_ahead())
    return Past(
        answered,
        others if Regardless.OTHERS in journey.regardless else 0,
        restarted,
        ahead if any_day else 0,
        otherwise=True,
    )


def planned_run(
    run: RunId, journey: Journey, before: Past, *, port: int, seed: int | None, commands: int = 0
) -> PlannedRun:
    """The run for the driver's plan. A negative control that is part of its journey's own run needs
    no app. `commands` is the port for its commands, 0 for a journey without any."""
    if run.kind is RunKind.NEGATIVE_CONTROL and not journey.negative_control_apart:
        return PlannedRun(run, 0, seed)
    return PlannedRun(run, port, seed, others=before.others, ahead=before.ahead, commands=commands)


def instance_spec(
    run: PlannedRun, before: Past, *, port: int, clock: Path | None, seed: int = 0
) -> InstanceSpec:
    """The app instance for the run, which listens at `port` in its sandbox. `seed` draws what its
    commands find there."""
    return InstanceSpec(
        name=str(run.port),
        dial=run.port,
        port=port,
        clock=clock,
        asked_before=before.answered,
        restarted=before.restarted,
        ahead=before.ahead,
        otherwise=before.otherwise and not run.commands,
        world=command_world(run.id, seed=seed) if run.commands else None,
        commands=run.commands,
    )
