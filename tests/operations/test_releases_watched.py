"""A release under `factory up`: watched between the polls, while the forge is away, and after the
owner's stop."""

from datetime import UTC, timedelta
from itertools import pairwise

import pytest

from harness.domain.deployment import Health
from harness.domain.errors import ForgeError, Interrupted
from harness.domain.events import HealthSeen, Switched
from harness.factory.run.signs import SignsOfLife
from harness.log import Log
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.outage import WATCHED_SECONDS, Outages
from harness.ports.ledger import recorded
from harness.store.systemd import Notifier
from tests.factory.releasing import PRODUCTION, STAGING, ReleaseWorld, releasing
from tests.fakes.log import LogEntries
from tests.operations.daemon_run import DaemonRun, RequestedShutdown, with_home

POLL = 60.0
"""Seconds, of which a test waits a few."""


class Rests(SignsOfLife):
    """Signs of life that keep how long each rest is said to be."""

    def __init__(self) -> None:
        super().__init__()
        self.rested = []

    def rests(self, doing, *, seconds) -> None:
        self.rested.append(seconds)


@pytest.fixture
def world(tmp_path) -> ReleaseWorld:
    """The second release is live in staging, and healthy."""
    world = releasing(tmp_path, "done")
    with_home(tmp_path)
    world.release(1)
    assert (world.states[-1], world.deployer.served[STAGING]) == ("soak", world.second)
    return world


@pytest.fixture
def in_production(world) -> ReleaseWorld:
    """The second release is live in production, and healthy."""
    world.release(2)
    assert (world.states[-1], world.deployer.served[PRODUCTION]) == ("watched", world.second)
    return world


def test_between_two_polls_its_health_is_asked_every_ten_seconds_and_it_is_back_within_a_minute(
    in_production,
) -> None:
    world, run, asked = in_production, None, []

    def health(place) -> Health:
        asked.append(world.ledger.clock.at)
        return Health(False, "500 Internal Server Error")

    calm = world.deployer

    def switch(order):
        run.shutdown.request()
        return calm.switch(order)

    world.decorate("health", health=health)
    world.decorate("deployer", switch=switch)
    run = DaemonRun(world, interval=POLL, looks=2)
    run.work()
    (back,) = [one.event for one in recorded(world.ledger, Switched) if one.event.is_rollback]
    assert (back.commit, calm.served[PRODUCTION]) == (world.first, world.first)
    assert len(asked) == 3
    assert all(10 <= gap.total_seconds() < 20 for gap in gaps(asked))
    assert world.ledger.clock.at - asked[0] < timedelta(seconds=60)


def gaps(moments):
    return [later - earlier for earlier, later in pairwise(moments)]


def test_a_soak_that_is_over_goes_on_before_the_next_poll(world) -> None:
    calm, run = world.deployer, None

    def switch(order):
        run.shutdown.request()
        return calm.switch(order)

    world.decorate("deployer", switch=switch)
    run = DaemonRun(world, interval=POLL, looks=3)
    run.work()
    assert calm.served[PRODUCTION] == world.second
    seen = [one.event for one in recorded(world.ledger, HealthSeen) if one.event.number == 2]
    assert sum(one.well for one in seen if one.environment == STAGING) == 3


def test_while_the_forge_is_away_what_is_live_is_still_looked_at_and_taken_back(
    in_production,
) -> None:
    world = in_production
    world.health.ill.add(world.second)

    def check() -> None:
        world.ledger.clock.at += timedelta(seconds=WATCHED_SECONDS)
        raise ForgeError("it does not answer", retryable=True)

    for _ in range(3):
        world.ledger.clock.at += timedelta(seconds=WATCHED_SECONDS)
        with pytest.raises(ForgeError):
            DaemonRun(world, check=check).loop.work()
    assert world.deployer.served[PRODUCTION] == world.first


def test_an_outage_is_not_waited_out_for_longer_than_the_next_look(in_production) -> None:
    signs, shutdown = Rests(), RequestedShutdown(1)
    shutdown.request()
    context = DaemonContext(
        in_production.work, 1, Log(LogEntries()), shutdown, Notifier({}), UTC, signs=signs
    )
    outages = Outages(context, in_production.ledger)
    for _ in range(9):
        with pytest.raises(Interrupted):
            outages.wait_out(ForgeError("away", retryable=True))
    limited = ForgeError("slow", retryable=True, again_at=context.now() + timedelta(hours=1))
    with pytest.raises(Interrupted):
        outages.wait_out(limited)
    assert signs.rested == [1.0, 2.0, 4.0, 8.0, *[WATCHED_SECONDS] * 6]


def test_after_the_owners_stop_a_paused_daemon_finishes_the_rollback_that_has_begun(
    in_production,
) -> None:
    world, calm = in_production, in_production.deployer
    world.health.ill.add(world.second)

    def dies(order):
        world.services().places.stop_flag.touch()
        raise KeyboardInterrupt

    world.decorate("deployer", switch=dies)
    with pytest.raises(KeyboardInterrupt):
        world.release(4)
    world.deployer = calm
    assert calm.served[PRODUCTION] == world.second
    DaemonRun(world, until=("paused",)).work()
    assert (world.states[-1], calm.served[PRODUCTION]) == ("rolled-back", world.first)


def test_after_the_owners_stop_a_paused_daemon_begins_no_rollback(in_production) -> None:
    world = in_production
    world.health.ill.add(world.second)
    world.release(2)
    world.services().places.stop_flag.touch()
    world.ledger.clock.at += timedelta(seconds=61)
    DaemonRun(world, until=("paused",)).work()
    assert (world.states[-1], world.deployer.served[PRODUCTION]) == ("watched", world.second)
