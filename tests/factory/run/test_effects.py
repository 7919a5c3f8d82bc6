"""Effects on the world: nothing after the owner's stop, and each once, whoever asks again."""

from contextlib import nullcontext

import pytest

from harness.domain.errors import Stopped
from harness.domain.events import IssueClosed
from harness.factory.run.effects import effect, write_projection


def test_after_the_stop_nothing_is_begun_and_nothing_is_shown(world) -> None:
    services, acts = world.services(), []
    services.places.stop_flag.touch()
    with pytest.raises(Stopped):
        effect(
            services,
            IssueClosed,
            "run/close",
            lambda: acts.append("close") or IssueClosed(1),
            issue=1,
            run="run",
        )
    with pytest.raises(Stopped):
        write_projection(services, lambda: acts.append("label"))
    assert (acts, world.ledger.written) == ([], [])


def test_an_effect_that_was_confirmed_is_not_made_again_and_one_that_was_cut_off_is(world) -> None:
    services, acts = world.services(), []

    def act():
        acts.append("close")
        if len(acts) == 1:
            raise KeyboardInterrupt
        return IssueClosed(len(acts))

    def close():
        return effect(services, IssueClosed, "run/close", act, issue=1, run="run")

    with pytest.raises(KeyboardInterrupt):
        close()
    assert close() == close() == IssueClosed(2)
    assert [entry.kind for entry in world.ledger.written] == ["intent", "done"]


@pytest.mark.parametrize(
    ("had_begun", "finishes", "made"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_after_the_stop_only_what_had_begun_and_must_be_finished_is(
    world, had_begun, finishes, made
) -> None:
    """Half a deployment would be worse than a whole one; half a comment is not."""
    services, acts = world.services(), []

    def close(*, cut_off: bool = False) -> None:
        def act():
            if cut_off:
                raise KeyboardInterrupt
            acts.append("close")
            return IssueClosed(1)

        # an effect that does not speak of it is one that need not be finished
        how = {"finishes": True} if finishes else {}
        effect(services, IssueClosed, "run/close", act, issue=1, run="run", **how)

    if had_begun:
        with pytest.raises(KeyboardInterrupt):
            close(cut_off=True)
    services.places.stop_flag.touch()
    with nullcontext() if made else pytest.raises(Stopped):
        close()
    assert acts == ["close"] * made
