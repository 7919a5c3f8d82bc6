"""A machine vanishes with all that it had, and the next one has only what was stored: at the last
effect at the latest, because each is stored as intended before it is made."""

import pytest

from harness.domain.lifecycle import State
from tests.factory.kills import EFFECTS, effects, killing, tick_until_killed
from tests.factory.world import World

SAMPLE = 6


class Storage:
    """What is stored elsewhere of a world's factory: its ledger, and its engine's results."""

    def __init__(self, world: World) -> None:
        self._world, self.stores = world, 0
        world.before_effect = self.store
        self.store()

    def store(self) -> None:
        self.stores += 1
        self.entries, self._done = list(self._world.ledger.written), dict(self._world.done)

    def take_machine_away(self) -> None:
        self._world.ledger.written[:] = self.entries
        self._world.done = self._done


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
    done = []

    def watched(name, act):
        def call(*args, **kwargs):
            assert storage.entries == world.ledger.written, name
            done.append(name)
            return act(*args, **kwargs)

        return call

    for port in ("git", "forge"):
        own = getattr(world, port)
        names = (*EFFECTS[port], "set_check") if port == "forge" else (*EFFECTS[port], "remove")
        world.decorate(port, **{name: watched(name, getattr(own, name)) for name in names})
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert {"push", "land", "open_pull_request", "upsert_comment", "close_issue"} <= set(done)


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
