"""A judge that dies each time it is asked: no answer is a no, asked for again and then left to a
person."""

from typing import Never

from harness.domain.errors import ValidatorError
from harness.domain.lifecycle import State
from harness.domain.plain import plain
from tests.factory.world import World
from tests.fakes.people import FakeValidator


class Dying(FakeValidator):
    """Authors as ever; whoever asks it to judge finds it dead, as a launcher killed at work is."""

    def judge(self, request, out) -> Never:
        self.requests.append(plain(request))
        raise ValidatorError("the validator could not run (exit -9): ")


def test_a_change_whose_judge_is_killed_each_time_is_a_persons_and_never_merged(tmp_path) -> None:
    world = World(tmp_path, validator=Dying())
    issue = world.file()
    while world.tick():
        pass
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.git.landings == []
    assert world.ledger.entries(kind="verdict") == ()
    assert sum("candidate" in request for request in world.validator.requests) == 3
