"""The parts of `factory demo --production`. tests/scenarios/test_production.py runs all of it."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from harness.deployers.local import LocalDeployer
from harness.domain.deployment import DeployKind, Environment
from harness.domain.errors import DeployError
from harness.domain.events import ReleaseBegan, ReleaseMoved
from harness.domain.release import ReleaseEvent
from harness.factory.records.releases import Release, ReleaseIndex
from harness.factory.settings.config import read_config
from harness.home.places import FOLDER
from harness.operations.production_demo.example import free_ports, settings
from harness.operations.production_demo.story import BrokenPromise, end_places, performed
from harness.operations.production_demo.timeline import timeline
from tests.deployers.worlds import FIRST, Trees, environment, order
from tests.fakes.ledger import FakeLedger

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PLACES = tuple(
    Environment(name, DeployKind.LOCAL, "http://localhost:1") for name in ("staging", "production")
)


def release(*moves: tuple[float, str, str]) -> Release:
    """One that began just now, and its moves: the seconds since, the event, the place."""
    ledger = FakeLedger()
    began = ledger.clock.at
    ledger.append(ReleaseBegan(1, FIRST, FIRST, PLACES, (1,)), "release/1")
    for number, (seconds, event, place) in enumerate(moves, 1):
        # The clock of a fake ledger goes on by a second at each look.
        ledger.clock.at = began + timedelta(seconds=seconds)
        moved = ReleaseMoved(1, ReleaseEvent(event), place)
        ledger.append(moved, f"release/1/move-{number}")
    return ReleaseIndex(ledger).all()[0]


def test_the_time_of_each_state_is_between_two_moves_and_a_smoke_that_is_done_again_is_shown() -> (
    None
):
    found = release(
        (1, "staged", "staging"),
        (3.5, "live", "staging"),
        (5, "smoke-unclear", "staging"),
        (8, "smoke-passed", "staging"),
        (12, "promoted", "production"),
        (13, "live", "production"),
        (14, "turned-red", "production"),
        (14.2, "taken-back", "production"),
    )
    assert timeline(found) == (
        "staging: deployed 2.5 s, smoke 1.5 s, smoke 3.0 s, soak 4.0 s;"
        " production: deployed 1.0 s, smoke 1.0 s, switched back 0.2 s"
    )
    assert timeline(release()) == ""


def test_the_apps_settings_are_tidebooks_with_two_environments_at_free_ports() -> None:
    tidebook = (EXAMPLES / "tidebook" / "factory.toml").read_text()
    environments = (EXAMPLES / "production" / "environments.toml").read_text()
    ports = free_ports(2)
    text = settings(tidebook, environments, ports)
    found = read_config(text)
    assert [one.url for one in found.environments] == [f"http://localhost:{one}" for one in ports]
    assert {one.smoke for one in found.environments} == {("M-BOOK",)}
    assert found.app.ready == found.environments[0].health == "/healthz"
    same = {**tomllib.loads(text), "app": tomllib.loads(tidebook)["app"]}
    assert {**tomllib.loads(tidebook), "environments": same["environments"]} == same
    with pytest.raises(ValueError, match="expected the line"):
        settings(tidebook.replace("/health", "/up"), environments, ports)


def test_the_first_step_that_does_not_hold_ends_the_story_whatever_it_raises() -> None:
    done: list[str] = []

    def breaks(error: Exception) -> Any:
        def act(story: Any) -> str:
            raise error

        return act

    def holds(story: Any) -> str:
        done.append("held")
        return "seen"

    nobody = cast(Any, None)
    for error in (BrokenPromise("no"), DeployError("no"), OSError("no")):
        steps = tuple(performed(nobody, (("a", holds), ("b", breaks(error)), ("c", holds))))
        assert [(one.title, one.seen, one.holds) for one in steps] == [
            ("a", "seen", True),
            ("b", "no", False),
        ]
    assert len(done) == 3


def test_at_the_end_no_place_is_left(tmp_path: Path) -> None:
    place = environment()
    deployer = LocalDeployer(tmp_path / FOLDER, Trees().export)
    try:
        deployer.switch(order(place, FIRST, folder=tmp_path))
        assert deployer.running(place) is not None
        end_places(tmp_path)
        assert deployer.running(place) is None
    finally:
        deployer.stop(place.name)
    end_places(tmp_path / "without places")
