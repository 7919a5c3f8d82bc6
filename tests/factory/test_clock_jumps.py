"""The clock is set while the factory works: an hour back, a year ahead, to and fro. What is decided
is what would have been."""

from datetime import timedelta

import pytest

from harness.domain.lifecycle import State
from tests.factory.world import World, fixes
from tests.fakes.people import FakeAgent

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)
JUMPS = {
    "an hour back": (-HOUR,),
    "a year ahead": (YEAR,),
    "to and fro": (YEAR, -YEAR - HOUR, HOUR),
}


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS)
def test_a_clock_that_is_set_in_the_middle_of_a_run_changes_nothing_of_its_end(
    tmp_path, jumps
) -> None:
    def works(worktree) -> None:
        for jump in jumps:
            world.ledger.clock.at += jump
        fixes(worktree)

    world = World(tmp_path, agent=FakeAgent(works))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert world.ledger.fault() is None
    assert [what for what, _ in world.forge.writes].count("open_pull_request") == 1
    assert len(world.forge.ours(issue)) == 1


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS)
def test_a_clock_that_is_set_before_every_entry_of_the_ledger_breaks_no_chain_and_loses_no_issue(
    tmp_path, jumps
) -> None:
    world = World(tmp_path)
    issue, append, turns = world.file(), world.ledger.append, iter(jumps * 500)

    def jumping(*arguments, **named):
        world.ledger.clock.at += next(turns)
        return append(*arguments, **named)

    world.decorate("ledger", append=jumping)
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert world.ledger.fault() is None


def test_a_year_that_passes_over_an_open_appeal_closes_it_once_and_the_way_back_opens_nothing(
    tmp_path,
) -> None:
    world = World(tmp_path)
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    world.ledger.clock.at += YEAR
    world.tick()
    assert not world.forge.issue(issue).open
    history = len(world.history(issue).transitions)
    world.ledger.clock.at -= YEAR + HOUR
    world.tick()
    assert (world.forge.issue(issue).open, len(world.history(issue).transitions)) == (
        False,
        history,
    )
