"""Effects on the world: nothing after the owner's stop, and each once, whoever asks again."""

from dataclasses import replace

import pytest

from harness.domain.errors import Stopped
from harness.factory.effects import effect, is_stopped, say, stop_if_told
from harness.factory.plant import Places


def test_a_stop_flag_that_cannot_be_read_counts_as_set(world, tmp_path) -> None:
    longer_than_names_are = tmp_path / ("x" * 300)
    unreadable = replace(world.plant(), places=Places(longer_than_names_are, "tidebook"))
    assert is_stopped(unreadable) is None
    with pytest.raises(Stopped):
        stop_if_told(unreadable)


def test_after_the_stop_nothing_is_begun_and_nothing_is_shown(world) -> None:
    plant, acts = world.plant(), []
    assert is_stopped(plant) is False
    plant.places.stop_flag.touch()
    with pytest.raises(Stopped):
        effect(plant, "close", "run/close", lambda: acts.append("close") or {}, issue=1, run="run")
    with pytest.raises(Stopped):
        say(plant, lambda: acts.append("label"))
    assert (acts, world.ledger.written) == ([], [])


def test_an_effect_that_was_confirmed_is_not_made_again_and_one_that_was_cut_off_is(world) -> None:
    plant, acts = world.plant(), []

    def act():
        acts.append("close")
        if len(acts) == 1:
            raise KeyboardInterrupt
        return {"closed": len(acts)}

    def close():
        return effect(plant, "close", "run/close", act, issue=1, run="run")

    with pytest.raises(KeyboardInterrupt):
        close()
    assert close() == close() == {"closed": 2}
    assert [entry.kind for entry in world.ledger.written] == ["intent", "done"]
