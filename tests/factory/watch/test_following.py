"""What people do to a landing in the days after it is read from the branch, and recorded once."""

from datetime import timedelta

import pytest

from harness.domain.events import LandingFollowed, PersonLanded, TipFollowed
from harness.domain.landing import Outcome
from harness.factory.trust.outcomes import followed
from harness.ports.ledger import recorded
from tests.factory.world import World

STORE = "tidebook/store.py"


@pytest.fixture
def world(tmp_path):
    """A factory whose first change has landed."""
    found = World(tmp_path)
    found.file()
    found.tick()
    return found


def text(world, commit, path=STORE):
    return world.git.read(commit, path)


def before_and_after(world):
    commit = world.history(1).landed.commit
    return text(world, world.git.parents_of(commit)[0]), text(world, commit)


def outcomes(world):
    return [entry.event for entry in recorded(world.ledger, LandingFollowed)]


def next_day(world):
    world.ledger.clock.at += timedelta(days=1)
    world.tick()


def test_what_nobody_touched_for_its_days_has_stayed(world) -> None:
    for _ in range(13):
        next_day(world)
    assert outcomes(world) == []
    next_day(world)
    next_day(world)
    landed = world.history(1).landed.commit
    assert outcomes(world) == [LandingFollowed(landed, Outcome.STAYED)]
    assert [one.outcome for one in followed(world.ledger.entries())] == [Outcome.STAYED]


def test_a_tip_is_compared_once_a_day(world) -> None:
    seen = len(recorded(world.ledger, TipFollowed))
    world.tick()
    world.tick()
    assert len(recorded(world.ledger, TipFollowed)) == seen == 1
    next_day(world)
    assert len(recorded(world.ledger, TipFollowed)) == 2


def test_a_person_who_takes_a_landed_line_out_amends_it(world) -> None:
    before, after = before_and_after(world)
    new = next(line for line in after.splitlines() if line not in before.splitlines())
    world.push_to_main(**{STORE: after.replace(new, new + b"  # and more")})
    world.tick()
    (found,) = outcomes(world)
    assert (found.outcome, found.by) == (Outcome.AMENDED, world.remote["main"])


def test_a_person_who_works_beside_it_amends_nothing(world) -> None:
    _, after = before_and_after(world)
    world.push_to_main(**{STORE: after + b"\nMORE = True\n", "NEWS": b"Revert everything\n"})
    world.tick()
    assert outcomes(world) == []


def test_a_revert_is_one_whatever_its_message_says(world) -> None:
    before, after = before_and_after(world)
    world.push_to_main(**{STORE: after + b"\nMORE = True\n"})
    world.push_to_main(**{STORE: before + b"\nMORE = True\n"})
    world.tick()
    assert [one.outcome for one in outcomes(world)] == [Outcome.REVERTED]


def test_a_branch_that_no_longer_holds_it_has_taken_it_back(world) -> None:
    world.remote["main"] = world.base
    world.push_to_main(NEWS=b"another way\n")
    world.tick()
    assert [one.outcome for one in outcomes(world)] == [Outcome.REVERTED]


def test_another_landing_of_the_factory_amends_nothing(world) -> None:
    before, after = before_and_after(world)
    new = next(line for line in after.splitlines() if line not in before.splitlines())

    def works(worktree) -> None:
        path = worktree / STORE
        path.write_bytes(path.read_bytes().replace(new, new + b"  # better"))

    world.agent.works = [works]
    other = world.file("Another", "The places are gone.")
    world.tick()
    world.tick()
    assert world.history(other).landed is not None
    assert outcomes(world) == []
    assert recorded(world.ledger, PersonLanded) == ()
