"""An issue on which the forge refuses something for good holds up no other one."""

from datetime import timedelta

import pytest

from harness.domain.errors import ForgeError
from harness.domain.events import Projected
from harness.domain.issue import Permission
from harness.domain.lifecycle import State

LOCKED = "403 Unable to create comment because issue is locked."


class Locks:
    """Issues on which the forge takes no comment, as after a bot has locked them."""

    def __init__(self, world, *issues) -> None:
        self.locked, self._forge = set(issues), world.forge
        world.decorate("forge", upsert_comment=self._upsert)

    def _upsert(self, number, marker, body) -> None:
        if number in self.locked:
            raise ForgeError(f"the forge failed at commenting on #{number}: {LOCKED}", status=403)
        self._forge.upsert_comment(number, marker, body)


def test_an_issue_that_takes_no_comment_holds_up_no_other(world) -> None:
    locked, other = world.file(), world.file("Walks have no date", "The places are gone.")
    Locks(world, locked)
    world.tick()
    world.tick()
    assert world.history(other).state is State.MERGED
    assert world.history(locked).state is State.MERGED


def test_what_was_refused_is_recorded_and_told_once(world) -> None:
    locked = world.file()
    Locks(world, locked)
    for _ in range(3):
        world.tick()
    assert all(LOCKED in entry.event.fault for entry in world.history(locked).of(Projected))
    told = world.log.of("issue-failed")
    assert [(entry.issue, LOCKED in entry.message) for entry in told] == [(locked, True)]


def test_it_is_shown_once_the_issue_changes(world) -> None:
    locked = world.file()
    locks = Locks(world, locked)
    world.tick()
    assert world.forge.ours(locked) == ()
    locks.locked.clear()
    world.forge.edit_issue(locked)
    world.tick()
    assert "It landed as" in world.forge.ours(locked)[0].body
    entries = len(world.ledger.written)
    world.forge.edit_issue(locked)
    world.tick()
    assert len(world.ledger.written) == entries


def test_its_label_is_put_on_all_the_same(world) -> None:
    locked = world.file()
    Locks(world, locked)
    world.tick()
    assert "factory:merged" in world.forge.issue(locked).labels


def test_a_label_that_cannot_be_put_back_holds_up_no_other_issue(world) -> None:
    odd = world.file()
    world.tick()
    world.forge.edit_issue(odd, labels=())
    world.forge.fail("set_state_label", retryable=False, message="422")
    other = world.file("Walks have no date", "The places are gone.")
    world.tick()
    assert world.history(other).state is State.MERGED
    world.tick()
    assert "factory:merged" in world.forge.issue(odd).labels


def test_an_issue_that_cannot_be_closed_in_time_holds_up_no_other(world) -> None:
    refused = world.file("Pay by card", "Please add card payments.")
    world.tick()
    world.ledger.clock.at += timedelta(days=30)
    world.forge.fail("close_issue", retryable=False, message="403")
    other = world.file()
    world.tick()
    assert world.history(other).state is State.MERGED
    world.tick()
    assert not world.forge.issue(refused).open


def test_a_forge_that_is_away_is_waited_for(world) -> None:
    world.file()
    world.forge.fail("upsert_comment")
    with pytest.raises(ForgeError):
        world.tick()


def test_a_key_that_the_forge_does_not_know_any_more_is_no_issues_fault(world) -> None:
    world.file()

    def refused(number, marker, body) -> None:
        raise ForgeError("the forge failed: 401 Bad credentials", status=401)

    world.decorate("forge", upsert_comment=refused)
    with pytest.raises(ForgeError, match="401"):
        world.tick()


def test_commands_on_a_locked_issue_are_obeyed(world) -> None:
    locked = world.file("Pay by card", "Please add card payments.")
    Locks(world, locked)
    world.tick()
    world.forge.person("maya", Permission.MAINTAIN)
    world.forge.say(locked, "/factory appeal", author="maya")
    world.tick()
    assert world.history(locked).state is State.NEEDS_HUMAN
