"""Worlds that release what has landed."""

import pytest

from tests.factory.releasing import ReleaseWorld


@pytest.fixture
def world(tmp_path):
    return ReleaseWorld(tmp_path)


@pytest.fixture
def released(world):
    """A world whose first release is done."""
    world.first = world.land("first")
    world.pass_time(9)
    assert world.states == ["done"]
    return world
