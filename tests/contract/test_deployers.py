"""What every deployer keeps, whatever world it works in."""

from contextlib import AbstractContextManager

import pytest

from tests.deployers.worlds import (
    FIRST,
    SECOND,
    DeployWorld,
    command_world,
    fake_world,
    github_world,
    local_world,
)

WORLDS = {
    "local": local_world,
    "command": command_world,
    "github": github_world,
    "fake": fake_world,
}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path):
    opened: AbstractContextManager[DeployWorld] = WORLDS[request.param](tmp_path)
    with opened as found:
        yield found


def test_a_release_goes_live_another_is_prepared_beside_it_and_the_first_comes_back(
    world: DeployWorld,
) -> None:
    deployer = world.deployer
    assert world.commit() is None
    deployer.prepare(world.order(FIRST))
    deployer.switch(world.order(FIRST))
    assert world.commit() == FIRST
    deployer.prepare(world.order(SECOND))
    assert world.commit() == FIRST
    deployer.switch(world.order(SECOND))
    assert world.commit() == SECOND
    made = world.count()
    # The same decision again makes nothing.
    deployer.switch(world.order(SECOND))
    assert (world.commit(), world.count()) == (SECOND, made)
    deployer.switch(world.order(FIRST, key="staging/rollback"))
    assert world.commit() == FIRST
    deployer.retire(world.place, ())
    assert world.commit() == FIRST


def test_a_release_that_nobody_prepared_can_be_switched_to(world: DeployWorld) -> None:
    world.deployer.switch(world.order(FIRST))
    assert world.commit() == FIRST
