"""The deployer of a home chooses the adapter by the environment, and loads no other."""

import subprocess
import sys
from dataclasses import replace

import pytest

from harness.deployers.local import LocalDeployer
from harness.domain.deployment import DeployKind, Environment
from harness.domain.errors import ConfigError, DeployError
from harness.domain.facts import UNKNOWN
from harness.forge.connection import Access
from harness.home.document import SQLITE, HomeFile, write_home
from harness.home.error_intake import new_dsn, set_intake
from harness.home.places import FOLDER, HomeDeployer, local_places, stop_place
from tests.deployers.worlds import APP_LOGIN, FIRST, Trees, ask, environment, github_world, order

PLACE = Environment("staging", DeployKind.COMMAND, "http://localhost:9")
COMMIT = "a" * 40


def deployer_of(tmp_path):
    access = Access("tidehouse/seaside", "token", api="http://localhost:9")
    return HomeDeployer(tmp_path, lambda tree, folder: None, lambda: access)


def test_an_environment_of_the_operators_is_asked_by_his_program(tmp_path):
    file = tmp_path / "deployers.toml"
    file.touch(0o600)
    file.write_text(f'[staging]\ndeploy = ["/bin/true"]\nrunning = ["/bin/echo", "{COMMIT}"]\n')
    assert deployer_of(tmp_path).running(PLACE).commit == COMMIT


def test_a_home_that_names_no_command_knows_nothing_and_says_what_to_add(tmp_path):
    deployer = deployer_of(tmp_path)
    assert deployer.running(PLACE) is UNKNOWN
    with pytest.raises(DeployError, match=r"add \[staging\] to its deployers.toml"):
        deployer.retire(PLACE, (COMMIT,))


def test_an_environment_of_this_machine_serves_nothing_before_it_is_deployed(tmp_path):
    local = replace(PLACE, deploy=DeployKind.LOCAL, url="http://localhost:9")
    assert deployer_of(tmp_path).running(local) is None


@pytest.mark.parametrize(("env", "own"), [({}, False), ({"SENTRY_DSN": "their own"}, True)])
def test_an_app_of_this_machine_gets_the_homes_dsn_unless_it_has_its_own(tmp_path, env, own):
    write_home(
        tmp_path, HomeFile("acme", "shop", "embedded", 0, 1, "keys/forge.token", database=SQLITE)
    )
    set_intake(tmp_path, listen="8399", url="")
    key = new_dsn(tmp_path).partition("@")[0].removeprefix("http://")
    deployer, place = HomeDeployer(tmp_path, Trees().export, lambda: None), environment()
    try:
        deployer.switch(order(place, FIRST, folder=tmp_path, env=env))
        found = ask(place)["env"]
    finally:
        LocalDeployer(tmp_path / FOLDER, Trees().export).stop(place.name)
    wanted = "their own" if own else f"http://{key}@127.0.0.1:8400/1"
    assert (found["SENTRY_DSN"], found["SENTRY_RELEASE"]) == (wanted, FIRST)


def test_a_forge_that_cannot_be_reached_says_nothing_of_what_runs(tmp_path):
    assert deployer_of(tmp_path).running(replace(PLACE, deploy=DeployKind.GITHUB)) is UNKNOWN


def test_statuses_of_a_deployment_count_from_the_app_that_the_environment_names(tmp_path):
    with github_world(tmp_path) as world:
        world.deployer.switch(world.order(COMMIT))
        access = world.deployer.connection.access
        home = HomeDeployer(tmp_path, lambda tree, folder: None, lambda: access)
        place = replace(PLACE, deploy=DeployKind.GITHUB, app=APP_LOGIN)
        assert home.running(place).commit == COMMIT
        assert home.running(replace(place, app="helpful-app[bot]")) is UNKNOWN


def test_a_person_sees_and_stops_a_place_of_this_machine_and_a_deployment_serves_it_again(tmp_path):
    deployer, place = LocalDeployer(tmp_path / FOLDER, Trees().export), environment()
    assert local_places(tmp_path) == {}
    try:
        deployer.switch(order(place, FIRST, folder=tmp_path))
        assert local_places(tmp_path)["staging"].commit == FIRST
        visits = ask(place)["visits"]
        with pytest.raises(ConfigError, match="there is staging"):
            stop_place(tmp_path, "stagin")
        assert stop_place(tmp_path, "staging") is True
        assert (local_places(tmp_path), deployer.running(place)) == ({"staging": None}, None)
        assert stop_place(tmp_path, "staging") is False
        deployer.switch(order(place, FIRST, folder=tmp_path, key="again"))
        assert ask(place)["visits"] > visits
    finally:
        stop_place(tmp_path, "staging")


def test_no_adapter_is_loaded_before_it_is_needed():
    program = (
        "import harness.wiring, sys; print([one for one in sys.modules if 'deployers' in one])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"
