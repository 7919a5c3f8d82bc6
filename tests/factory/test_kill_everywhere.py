"""Killed before and after every effect on the world, and started again: the same end state, one of
each.

`make test` kills at a sample of the effects, `make soak` at each. What only a recovery does is
killed in neither: `scenarios/test_kill_points` comes to that."""

import pytest

from harness.domain.events import (
    Prepared,
    RegressionAnswered,
    RegressionFiled,
    RegressionTraced,
    ReleaseBegan,
    ReleaseIssueFiled,
    ReleaseMoved,
    Switched,
    TransitionRecorded,
)
from harness.domain.lifecycle import Event, State
from harness.factory.records.regressions import broken
from tests.factory.kills import Killed, effects, killing, tick_until_killed
from tests.factory.regressing import regressing
from tests.factory.releasing import releasing
from tests.factory.world import World

SAMPLE = 3


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


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["fix", "revert", "push"])
def test_killed_at_every_effect_of_the_watch_each_landing_is_answered_once(
    tmp_path, kind, after, draw
) -> None:
    at_each = effects(regressing(tmp_path / "calm", kind))
    assert len(at_each) > 8
    for at in draw.of(at_each, SAMPLE):
        world = regressing(tmp_path / f"{after}-{at}", kind)
        killing(world, at, after=after)
        assert tick_until_killed(world)[0], f"nothing was killed at {at}"
        for _ in range(4):
            world.tick()
        events = [entry.event for entry in world.ledger.written]
        assert sum(isinstance(one, RegressionAnswered) for one in events) == 1, at
        assert sum(isinstance(one, RegressionTraced) for one in events) == 1, at
        moves = [one.event for one in events if isinstance(one, TransitionRecorded)]
        assert moves.count(Event.REGRESSED) == (kind == "fix"), at
        assert moves.count(Event.REVERTED) == (kind == "revert"), at
        filed = [one for one in world.forge.issues() if "This worked before" in one.body]
        done = [one for one in events if isinstance(one, RegressionFiled)]
        assert len(done) == (kind == "push"), at
        assert len(filed) == 0, f"{at}: what was filed is mended, and closed"
        assert broken(world.ledger) == (), at
        assert world.ledger.fault() is None, at


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("end", ["done", "held", "rolled-back", "failed"])
def test_killed_at_every_effect_of_a_release_each_decision_is_deployed_once(
    tmp_path, end, after, draw
) -> None:
    calm = releasing(tmp_path / "calm", end)
    at_each = effects(calm, calm.release)
    assert len(at_each) > 15
    for at in draw.of(at_each, SAMPLE):
        world = releasing(tmp_path / f"{after}-{at}", end)
        killing(world, at, after=after)
        with pytest.raises(Killed):
            world.release()
        # What a killed process had not recorded is asked again.
        world.release(14)
        assert deployed(world) == deployed(calm), at
        assert world.states == ["done", "held" if end == "failed" else end], at
        filed = [one for one in world.forge.issues() if "lights-out-factory:release:" in one.body]
        assert len(filed) == (end != "done"), at
        assert world.ledger.fault() is None, at


def deployed(world):
    """What was done to which place, in order: by the deployer's world, and by the ledger. What each
    place serves, and what stands ready there."""
    marks = {world.first: "first", world.second: "second"}
    events = [entry.event for entry in world.ledger.written]
    return (
        [(act, place, marks[commit]) for act, place, commit in world.deployer.acts],
        {place: marks[commit] for place, commit in world.deployer.served.items()},
        {place: {marks[one] for one in all} for place, all in world.deployer.ready.items()},
        [
            (one.number, one.environment, one.effect)
            for one in events
            if isinstance(one, Prepared | Switched)
        ],
        [
            (one.number, one.environment, one.event)
            for one in events
            if isinstance(one, ReleaseMoved)
        ],
        sum(isinstance(one, ReleaseBegan | ReleaseIssueFiled) for one in events),
    )
