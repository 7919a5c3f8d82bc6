"""Killed before and after every effect on the world, and started again: the same end state, one of each."""

import pytest

from harness.domain.lifecycle import State
from tests.factory.kills import killing, lap
from tests.factory.world import World


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_effect_it_converges(tmp_path, after) -> None:
    at, killed = 0, True
    while killed:
        at += 1
        world = World(tmp_path / f"{after}-{at}")
        issue = world.file()
        killing(world, at, after=after)
        killed, _ = lap(world)
        world.tick()
        told = world.history(issue)
        assert told.state is State.MERGED, at
        assert world.git.landings == [world.remote["main"]], at
        assert [what for what, _ in world.forge.writes].count("open_pull_request") == 1, at
        assert len(world.forge.comments(issue)) == 1, at
        assert world.ledger.fault() is None, at
    assert at > 40


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_effect_whoever_was_refused_is_told(tmp_path, after) -> None:
    """Killed between a decision and its comment, the factory had nothing more to do with the issue, and never said why."""
    at, killed = 0, True
    while killed:
        at += 1
        world = World(tmp_path / f"{after}-{at}")
        issue = world.file("Pay by card", "Please add card payments.")
        killing(world, at, after=after)
        killed, _ = lap(world)
        lap(world)   # the effect that is killed may be the first of this one
        world.tick()
        assert world.history(issue).state is State.REJECTED, at
        assert [comment.body.count("M-NOPAY") > 0 for comment in world.forge.comments(issue)] == [True], at
        assert world.forge.issue(issue).labels == ("factory:rejected",), at
    assert at > 10
