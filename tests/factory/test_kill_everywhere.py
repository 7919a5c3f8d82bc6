"""Killed before and after every effect on the world, and started again: the same end state, one of each."""

import pytest

from harness.domain.lifecycle import State
from tests.factory.world import World


class Killed(BaseException):
    """What a kill looks like from inside: nothing more happens."""


EFFECTS = ("push", "open_pull_request", "set_state_label", "upsert_comment", "land", "close_issue")


def killing(world: World, at: int, *, after: bool) -> None:
    """Make the `at`-th call of any effect die, before it or right after it."""
    count = iter(range(1, 10_000))
    for holder, name in [(world.git, "push"), (world.git, "land"), *((world.forge, name) for name in EFFECTS[1:4]),
                         (world.forge, "close_issue"), (world.ledger, "append")]:
        setattr(holder, name, _deadly(getattr(holder, name), count, at, after=after))


def _deadly(act, count, at, *, after):
    def call(*args, **kwargs):
        now = next(count)
        if now == at and not after:
            raise Killed
        result = act(*args, **kwargs)
        if now == at:
            raise Killed
        return result
    return call


def lap(world: World) -> tuple[bool, World]:
    try:
        world.tick()
    except Killed:
        return True, world
    return False, world


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
