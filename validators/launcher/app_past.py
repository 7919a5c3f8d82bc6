"""What lies behind the app of a run when its visitor comes, drawn from the judgement's seed.

The masked visitor's has a past and the plain one's has none, so an app that is right only while it
is young, empty or early answers the two differently. They are compared anyway, so that costs no
run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from validators.app.clock_library import clock_can_be_ahead
from validators.app.instances import InstanceSpec
from validators.domain.evidence import Identity, Kind, RunId
from validators.domain.journeys.journey import Journey, Regardless
from validators.performance.plan import PlannedRun

ANSWERED, ANSWERED_LONG, LONG_SHARE = range(16, 32), range(200, 400), 0.25
OTHERS = (2, 6)
RESTARTED_SHARE = 1 / 3
AHEAD = (86_400, 31 * 86_400, 366 * 86_400)


@dataclass(frozen=True, slots=True)
class Past:
    """So many requests `answered`, `others` who did the same, a restart on its data; by how many
    seconds its clock is `ahead`; and whether its box is to look `otherwise` than the plain
    visitor's."""

    answered: int = 0
    others: int = 0
    restarted: bool = False
    ahead: int = 0
    otherwise: bool = False


def past(run: RunId, journey: Journey, *, seed: int, clock: bool) -> Past:
    """The past of a run's app. Others and a later day only where the journey says that they make no
    difference; a later day only where the app has a `clock` to set, or can be given one. A second
    attempt meets the same again."""
    if run.kind is not Kind.JOURNEY or run.identity is not Identity.MASKED:
        return Past()
    drawn = random.Random(f"past {run.journey} {seed}")  # noqa: S311
    answered = drawn.choice(ANSWERED_LONG if drawn.random() < LONG_SHARE else ANSWERED)
    others, restarted, ahead = (
        drawn.choice(OTHERS),
        drawn.random() < RESTARTED_SHARE,
        drawn.choice(AHEAD),
    )
    return Past(
        answered,
        others if Regardless.OTHERS in journey.regardless else 0,
        restarted,
        ahead if Regardless.DATE in journey.regardless and (clock or clock_can_be_ahead()) else 0,
        otherwise=True,
    )


def planned_run(
    run: RunId, journey: Journey, been: Past, *, port: int, seed: int | None
) -> PlannedRun:
    """The run as the driver is told of it."""
    if run.kind is Kind.TWIN and not journey.twin_apart:
        return PlannedRun(run, 0, seed)
    return PlannedRun(run, port, seed, others=been.others, ahead=been.ahead)


def instance_spec(run: PlannedRun, been: Past, *, port: int, clock: Path | None) -> InstanceSpec:
    """The instance of the app that the run needs, which listens at `port` in its box."""
    return InstanceSpec(
        str(run.port),
        run.port,
        port,
        clock,
        been.answered,
        been.restarted,
        been.ahead,
        been.otherwise,
    )
