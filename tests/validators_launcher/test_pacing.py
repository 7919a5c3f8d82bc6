"""A scene waits as its request asks, and longer where the machine is slow; whoever looks can see
how long."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.world import AMPLE, PATIENT, World
from validators.authoring.local_request import bounds_in
from validators.domain.bounds import REFERENCE_SECONDS, USUAL, Bounds, Speed
from validators.domain.journeys.values import words_of
from validators.domain.stops import UsageError
from validators.launcher.pacing import PACING, scene_of
from validators.launcher.perform import plan_of
from validators.launcher.speed import measured


def test_a_plan_has_the_requests_bounds_times_the_scale_in_the_log(world: World) -> None:
    context, keep = (
        world.context(world.request(*world.merge(seaside.BASE, seaside.FIXED))),
        world.home / "kept",
    )
    scene = scene_of(
        context, seed=7, keep=keep, measure=lambda: Speed(REFERENCE_SECONDS, 2 * REFERENCE_SECONDS)
    )
    plan, facts = plan_of(scene, (), ()), json.loads((keep / PACING).read_text())
    assert plan.avoided >= words_of(context.request.issue.body)
    assert plan.bounds == Bounds(**PATIENT).scaled(2)
    assert plan.journey_seconds == 2 * AMPLE["journey_seconds"]
    assert (facts["scale"], facts["bounds"], facts["journey_seconds"]) == (
        2,
        asdict(plan.bounds),
        plan.journey_seconds,
    )
    assert (
        context.phases.lines()[-1]
        == "bounds times 2.00: the timed work took 50 ms, 25 of a processor's"
    )


def test_this_machine_can_be_measured() -> None:
    speed = measured()
    assert speed.processor > 0
    assert speed.wall > 0


def test_a_factory_toml_sets_how_long_the_judge_waits_for_its_app(tmp_path: Path) -> None:
    assert bounds_in(tmp_path) == USUAL
    (tmp_path / "factory.toml").write_text("schema = 1\n[judge]\nstep_seconds = 9\n")
    assert bounds_in(tmp_path).step_seconds == 9
    (tmp_path / "factory.toml").write_text("schema = 1\n[judge]\nstep = 9\n")
    with pytest.raises(UsageError, match=r"judge\.step: "):
        bounds_in(tmp_path)
