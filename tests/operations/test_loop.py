"""The daemon's loop over fakes: hours that come, hours that were missed, the owner's stop, and
the digest."""

import re
from datetime import UTC, datetime, timedelta
from typing import Never

import pytest

from harness.domain.errors import ForgeError
from harness.domain.lifecycle import State
from harness.factory.pipeline.schedule import SCHEDULE
from harness.shipped import shipped
from tests.events import event_of
from tests.factory.pauses import Purse, paused
from tests.factory.world import World, fixes
from tests.operations.daemon_run import DaemonRun, with_home


@pytest.fixture
def world(tmp_path):
    return World(with_home(tmp_path))


def triage_waits_for_its_hour(world, line="17 2 * * *") -> None:
    """The repository's own triage names an hour, and no event."""
    ours = (shipped("workflows") / "triage.yaml").read_text("utf-8")
    theirs = re.sub(r"^on: .*$", f'on: {{schedule: "{line}"}}', ours, flags=re.MULTILINE)
    world.push_to_main(**{"workflows/triage.yaml": theirs.encode()})


def test_an_issue_is_moved_as_far_as_it_goes_and_that_is_said_once(world) -> None:
    number = world.file()
    assert DaemonRun(world).work() == [("pass", f"moved #{number}")]
    assert world.history(number).state is State.MERGED


def test_an_outage_ends_the_loop_before_anything_is_done(world) -> None:
    world.file()

    def check() -> Never:
        raise ForgeError("the local forge does not answer", retryable=True)

    run = DaemonRun(world, check=check)
    with pytest.raises(ForgeError):
        run.loop.work()
    assert (run.said, run.successes) == ([], 0)


def test_what_waits_for_its_hour_is_left_until_then(world) -> None:
    """It is 02:17 on the 4th when the factory first sees the issue; the next 02:17 is
    tomorrow's."""
    triage_waits_for_its_hour(world)
    number = world.file()
    world.tick(states=frozenset())
    assert DaemonRun(world).work() == []
    assert world.history(number).state is State.UNTRIAGED
    world.ledger.clock.at = datetime(2030, 5, 5, 2, 16, tzinfo=UTC)
    assert DaemonRun(world).work() == []
    world.ledger.clock.at = datetime(2030, 5, 5, 2, 17, tzinfo=UTC)
    said = DaemonRun(world).work()
    assert [kind for kind, _ in said] == ["pass", "schedule", "digest", "swept"]
    assert world.history(number).state is State.MERGED


def test_an_hour_that_was_missed_is_made_up_for_once(world) -> None:
    triage_waits_for_its_hour(world)
    world.file()
    world.tick(states=frozenset())
    world.ledger.clock.at += timedelta(days=9)
    assert ("schedule", "triage of 02:17 is done") in DaemonRun(world, looks=6).work()
    assert len(world.ledger.entries(kind=SCHEDULE)) == 1
    assert DaemonRun(world).work() == []


def test_the_digest_is_written_once_a_day(world) -> None:
    triage_waits_for_its_hour(world)
    world.file()
    world.tick(states=frozenset())
    for _ in range(2):
        world.ledger.clock.at += timedelta(days=1)
        DaemonRun(world).work()
    assert [path.name for path in sorted((world.work / "digests").iterdir())] == [
        "2030-05-05.md",
        "2030-05-06.md",
    ]
    first, second = sorted((world.work / "digests").iterdir())
    assert "1 merged" in first.read_text()
    assert "Nothing happened" in second.read_text(), "it tells what came after the first"
    assert "http://localhost:8300/tidehouse/tidebook/pull/" in first.read_text()
    assert first.stat().st_mode & 0o777 == 0o600


def test_a_day_with_many_hours_has_one_digest(world) -> None:
    triage_waits_for_its_hour(world, "17 * * * *")
    world.file()
    world.tick(states=frozenset())
    said = []
    for _ in range(3):
        world.ledger.clock.at += timedelta(hours=2)
        said += [kind for kind, _ in DaemonRun(world).work()]
    assert (said.count("schedule"), said.count("digest"), said.count("swept")) == (3, 1, 1)


def test_the_owners_stop_is_reported_once_and_work_continues_when_it_is_lifted(world) -> None:
    number = world.file()
    world.services().places.stop_flag.touch()
    assert [kind for kind, _ in DaemonRun(world, lift_after=0.3).work()] == [
        "paused",
        "resumed",
        "pass",
    ]
    assert world.history(number).state is State.MERGED


def test_a_stop_in_the_middle_of_a_pass_leaves_the_rest_for_after_it(world) -> None:
    """The flag appears while the first issue is moved: nothing more happens, and all of it happens
    later."""
    numbers = [world.file(), world.file("Another one")]
    world.agent.works = [
        lambda worktree: (world.services().places.stop_flag.touch(), fixes(worktree))[1]
    ]
    run = DaemonRun(world, until=("paused",))
    assert [kind for kind, _ in run.work()] == ["paused"]
    assert all(world.history(number).state is not State.MERGED for number in numbers)
    world.services().places.stop_flag.unlink()
    world.ledger.append(event_of("command", {"command": "resume"}), "command/0/resume")
    world.agent.works = [fixes]
    DaemonRun(world).work()
    assert all(world.history(number).state is State.MERGED for number in numbers)


def test_a_pause_is_said_once_and_so_is_its_end_and_what_waited_goes_on(world) -> None:
    clock = world.ledger.clock
    world.broker = Purse(clock, until=clock.at + timedelta(seconds=100))
    number = world.file()
    said = DaemonRun(world, looks=60).work()
    assert [kind for kind, _ in said if kind in ("paused", "resumed")] == ["paused", "resumed"]
    assert "no model is asked until" in dict(said)["paused"]
    assert "tries again by itself" in dict(said)["paused"]
    assert world.history(number).state is State.MERGED
    assert world.broker.refused == ["triage"]


def test_a_pause_that_begins_again_and_again_for_the_same_reason_is_said_once(world) -> None:
    """A wrong key: each time that its pause is over it is tried in vain."""

    class Wrong(Purse):
        """A broker that answers nobody, each time for 100 seconds more."""

        def open(self, request):
            self._until = self._clock.at + timedelta(seconds=100)
            return super().open(request)

    world.broker = Wrong(world.ledger.clock, cause="provider")
    number = world.file()

    def later() -> None:
        world.ledger.clock.at += timedelta(seconds=40)

    run = DaemonRun(world, looks=16, check=later)
    said = run.work()
    assert len(world.broker.refused) > 2
    assert [kind for kind, _ in said if kind in ("paused", "resumed")] == ["paused"]
    assert world.history(number).state is State.UNTRIAGED


def test_an_issue_that_came_in_a_pause_is_begun_when_it_is_over(world) -> None:
    """Until then there is nothing that a pass could move."""
    paused(world, cause="provider", until=world.ledger.clock.at + timedelta(seconds=100))
    number = world.file()
    said = DaemonRun(world, looks=60).work()
    assert [kind for kind, _ in said] == ["paused", "resumed", "pass"]
    assert world.history(number).state is State.MERGED
