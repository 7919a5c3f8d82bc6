"""A scene waits as its request says, and longer where the machine is slow; whoever looks can see how long."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.world import PATIENT, World
from validators.domain.bounds import BOUNDS, USUAL, Speed, scale
from validators.domain.stops import UsageError
from validators.launcher.ground import bounds_in
from validators.launcher.pacing import PACING, scene_of
from validators.launcher.perform import plan_of


def test_a_plan_has_the_requests_bounds_times_the_scale_that_is_told(world: World) -> None:
    desk = world.desk(world.request(*world.merge(seaside.BASE, seaside.FIXED)))
    scene = scene_of(desk, seed=7, keep=world.home / "kept")
    told = json.loads((world.home / "kept" / PACING).read_text())
    bounds = asdict(plan_of(scene, (), ()).bounds)
    assert (told["bounds"], told["journey_seconds"]) == (bounds, scene.journey_seconds)
    factor = scale(Speed(told["processor_seconds"], told["wall_seconds"]))
    assert told["scale"] == pytest.approx(factor, abs=0.02)
    assert bounds == pytest.approx({name: factor * PATIENT.get(name, getattr(USUAL, name)) for name in BOUNDS}, rel=0.02)
    (note,) = (line for line in desk.phases.lines() if not line.startswith("phase "))
    assert re.fullmatch(rf"bounds times {told['scale']:.2f}: the timed work took \d+ ms, \d+ of a processor's", note)


def test_a_folder_says_in_its_factory_toml_how_long_its_app_is_waited_for(tmp_path: Path) -> None:
    assert bounds_in(tmp_path) == USUAL
    (tmp_path / "factory.toml").write_text("schema = 1\n[judge]\nstep_seconds = 9\n")
    assert bounds_in(tmp_path).step_seconds == 9
    (tmp_path / "factory.toml").write_text("schema = 1\n[judge]\nstep = 9\n")
    with pytest.raises(UsageError, match=r"judge\.step: "):
        bounds_in(tmp_path)
