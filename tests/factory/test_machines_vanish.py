"""A machine vanishes with all that it had, and the next one has only what was stored: at the last
effect at the latest, because each is stored as intended before it is made."""

import pytest

from harness.domain.lifecycle import State
from harness.factory.records.regressions import broken
from tests.factory.kills import Storage, effects, killing, tick_until_killed
from tests.factory.regressing import regressing
from tests.factory.world import World

SAMPLE = 6


def never_the_same_twice():
    """An agent whose second attempt at the same thing is another change."""
    made = []

    def works(worktree):
        made.append(worktree)
        path = worktree / "tidebook" / "store.py"
        path.write_text(path.read_text() + f"\nFIXED = {len(made)}\n")

    return works


def opened(folder) -> tuple[World, int, Storage]:
    world = World(folder)
    world.agent.works = [never_the_same_twice()]
    return world, world.file(), Storage(world)


def test_nothing_is_done_to_the_world_before_its_intent_is_stored(tmp_path) -> None:
    world, issue, storage = opened(tmp_path)
    done = storage.checks_each_effect()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert {"push", "land", "open_pull_request", "upsert_comment", "close_issue"} <= set(done)


@pytest.mark.parametrize(
    ("kind", "does"),
    [
        ("fix", {"reopen_issue", "land"}),
        ("revert", {"land"}),
        ("push", {"upsert_issue", "land"}),
    ],
)
def test_nothing_is_done_about_a_regression_before_its_intent_is_stored(
    tmp_path, kind, does
) -> None:
    world = regressing(tmp_path, kind)
    done = Storage(world).checks_each_effect()
    for _ in range(3):
        world.tick()
    assert does <= set(done)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_machines_vanish_at_every_effect_and_nothing_is_doubled(tmp_path, after, draw) -> None:
    calm, _, _ = opened(tmp_path / "calm")
    at_each = effects(calm)
    assert len(at_each) > 40
    for at in draw.of(at_each, SAMPLE):
        world, issue, storage = opened(tmp_path / f"{after}-{at}")
        killing(world, at, after=after)
        assert tick_until_killed(world)[0], f"nothing was killed at {at}"
        storage.take_machine_away()
        world.tick()
        assert world.history(issue).state is State.MERGED, at
        assert world.git.landings == [world.remote["main"]], at
        assert [what for what, _ in world.forge.writes].count("open_pull_request") == 1, at
        assert len(world.forge.comments(issue)) == 1, at
        assert world.ledger.fault() is None, at


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["fix", "revert", "push"])
def test_machines_vanish_while_a_regression_is_answered_and_nothing_is_doubled(
    tmp_path, kind, after, draw
) -> None:
    calm = regressing(tmp_path / "calm", kind)
    Storage(calm)
    for at in draw.of(effects(calm), SAMPLE // 2):
        world = regressing(tmp_path / f"{after}-{at}", kind)
        storage = Storage(world)
        killing(world, at, after=after)
        assert tick_until_killed(world)[0], f"nothing was killed at {at}"
        storage.take_machine_away()
        for _ in range(4):
            world.tick()
        assert broken(world.ledger) == (), at
        filed = [one for one in world.forge.issues() if "This worked before" in one.body]
        assert filed == [], at
        assert len(world.git.landings) == len(set(world.git.landings)), at
        assert world.ledger.fault() is None, at
