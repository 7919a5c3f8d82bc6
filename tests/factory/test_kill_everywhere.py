"""Killed before and after every effect on the world, and started again: the same end state, one of
each.

`make test` kills at a sample of the effects, `make soak` at each. What only a recovery does is
killed in neither: `scenarios/test_kill_points` comes to that."""

import pytest

from harness.domain.lifecycle import State
from tests.factory.kills import effects, killing, tick_until_killed
from tests.factory.world import World

SAMPLE = 6


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_effect_it_converges(tmp_path, after, draw) -> None:
    calm = World(tmp_path / "calm")
    calm.file()
    at_each = effects(calm)
    assert len(at_each) > 40
    for at in draw.of(at_each, SAMPLE):
        world = World(tmp_path / f"{after}-{at}")
        issue = world.file()
        killing(world, at, after=after)
        assert tick_until_killed(world)[0], f"nothing was killed at {at}"
        world.tick()
        history = world.history(issue)
        assert history.state is State.MERGED, at
        assert world.git.landings == [world.remote["main"]], at
        assert [what for what, _ in world.forge.writes].count("open_pull_request") == 1, at
        assert len(world.forge.comments(issue)) == 1, at
        assert world.ledger.fault() is None, at


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_effect_whoever_was_refused_is_notified(tmp_path, after, draw) -> None:
    """Killed between a decision and its comment, the factory had nothing more to do with the issue,
    and never said why."""
    calm = World(tmp_path / "calm")
    calm.file("Pay by card", "Please add card payments.")
    at_each = effects(calm)
    assert len(at_each) > 10
    for at in draw.of(at_each, SAMPLE):
        world = World(tmp_path / f"{after}-{at}")
        issue = world.file("Pay by card", "Please add card payments.")
        killing(world, at, after=after)
        assert tick_until_killed(world)[0], f"nothing was killed at {at}"
        tick_until_killed(world)  # the effect that is killed may be the first of this one
        world.tick()
        assert world.history(issue).state is State.REJECTED, at
        assert [comment.body.count("M-NOPAY") > 0 for comment in world.forge.comments(issue)] == [
            True
        ], at
        assert world.forge.issue(issue).labels == ("factory:rejected",), at
