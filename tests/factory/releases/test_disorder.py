"""A deployer that lies or hangs, places that are others, clocks that jump: nobody's word counts, and a
soak counts answers."""

import threading
from datetime import timedelta

import pytest

from harness.domain.deployment import Health
from harness.domain.events import HealthSeen, ReleaseMoved
from harness.domain.release import ReleaseEvent
from harness.ports.ledger import recorded
from tests.factory.releasing import PRODUCTION, STAGING


def events(world, kind):
    return [entry.event for entry in recorded(world.ledger, kind)]


def issues_about_releases(world):
    return [one for one in world.forge.issues() if "lights-out-factory:release:" in one.body]


@pytest.mark.parametrize(
    ("wound", "served", "state"),
    [
        ("lies", False, "held"),
        ("hangs", False, "held"),
        ("blind", True, "needs-human"),
        ("says no", True, "soak"),
    ],
)
def test_no_deployer_is_believed(released, wound, served, state) -> None:
    """It says it did and did not, takes too long, cannot be looked at, or did and says it failed."""
    released.deployer.wounds = {wound}
    bad = released.land("next")
    if wound == "lies":
        assert released.deployer.served[STAGING] == released.first
    released.pass_time(1)
    for _ in range(4):
        if state != "soak":
            released.pass_time(1)
    assert (bad in released.deployer.switches(STAGING)) is served
    if state == "soak":
        assert released.states[1] in ("soak", "watched")
    else:
        assert released.states[1] == state
        assert bad not in released.deployer.switches(PRODUCTION)


def test_a_deployer_whose_look_lies_as_well_is_found_out_by_what_the_place_answers(
    released,
) -> None:
    released.deployer.wounds = {"lies", "looks away"}
    released.land("next")
    released.pass_time(3)
    assert released.deployer.served == {STAGING: released.first, PRODUCTION: released.first}
    assert released.states[1] == "held"
    assert f"it answers that it is '{released.first}'" in released.releases[1].fault


def test_every_order_has_an_end_and_a_rollback_has_a_minute(released) -> None:
    orders, calm = [], released.deployer

    def switch(order):
        orders.append((order.environment.name, order.commit, order.seconds))
        return calm.switch(order)

    released.decorate("deployer", switch=switch)
    bad = released.land("bad")
    released.health.ill.add((PRODUCTION, bad))
    released.pass_time(6)
    assert released.states[1] == "rolled-back"
    assert orders == [
        (STAGING, bad, 300),
        (PRODUCTION, bad, 300),
        (PRODUCTION, released.first, 60),
    ]


def test_while_the_tip_is_observed_the_release_before_it_is_watched_and_taken_back(
    released,
) -> None:
    """An observation takes minutes, and a rollback may take one."""
    bad = released.land("bad")
    released.pass_time(2)
    assert released.states[1] == "watched"
    calm, health, taken_back = released.validator, released.health, threading.Event()

    def asked(place):
        released.ledger.clock.at += timedelta(seconds=10)
        if released.deployer.served[place.name] == bad:
            return Health(False, "500 Internal Server Error")
        return health.health(place)

    def switch(order):
        done = deployer.switch(order)
        taken_back.set()
        return done

    def observe(*request):
        assert taken_back.wait(60)
        return calm.observe(*request)

    deployer = released.deployer
    released.decorate("health", health=asked)
    released.decorate("deployer", switch=switch)
    released.decorate("validator", observe=observe)
    released.push_to_main(**{"more.txt": b"more\n"})
    released.tick(states=frozenset(), hours={})
    assert (released.states[1], deployer.served[PRODUCTION]) == ("rolled-back", released.first)


def test_a_rollback_that_nobody_can_confirm_is_tried_three_times_and_then_a_persons(
    released,
) -> None:
    released.deployer.wounds = {"rolls nothing back"}
    released.health.ill.add(released.land("bad"))
    released.pass_time(8)
    assert released.states[1] == "needs-human"
    moves = [one.event for one in events(released, ReleaseMoved)]
    assert moves.count(ReleaseEvent.NOT_TAKEN_BACK) == 2
    assert "could not be taken back" in issues_about_releases(released)[0].body


def test_a_staging_that_answers_as_production_is_held_at_once(released) -> None:
    released.health.says[STAGING] = PRODUCTION
    released.land("next")
    assert released.states[1] == "held"
    assert "answers that it is 'production'" in released.releases[1].fault


def test_a_place_that_does_not_say_what_it_is_is_not_healthy(released) -> None:
    released.health.silent = True
    released.land("next")
    released.pass_time(3)
    assert released.states[1] == "held"
    assert "does not name" in released.releases[1].fault


def test_a_deployment_to_staging_that_changes_production_is_taken_back_there(released) -> None:
    released.deployer.wounds = {"changes production"}
    released.land("next")
    assert released.states[1] == "rolled-back"
    assert released.deployer.served[PRODUCTION] == released.first
    assert "changed production" in released.releases[1].fault


@pytest.mark.parametrize("jump", [timedelta(days=400), -timedelta(days=400)])
def test_a_clock_that_jumps_does_not_shorten_a_soak(world, jump) -> None:
    world.land()
    asked = len(world.health.asked)
    world.ledger.clock.at += jump
    world.tick()
    assert world.states == ["soak"]
    assert len(world.health.asked) == asked + 1
    world.pass_time(8)
    assert world.states == ["done"]


@pytest.mark.parametrize("jump", [timedelta(days=400), -timedelta(days=400)])
def test_a_clock_that_jumps_does_not_shorten_the_watched_window(released, jump) -> None:
    released.land("next")
    released.pass_time(2)
    assert released.states[1] == "watched"
    asked = len(released.health.asked)
    released.ledger.clock.at += jump
    released.tick()
    assert (released.states[1], len(released.health.asked)) == ("watched", asked + 1)
    released.pass_time(5)
    seen = [one for one in events(released, HealthSeen) if one.number == 2]
    well = sum(one.well for one in seen if one.environment == PRODUCTION)
    assert (released.states[1], well) == ("done", 6)


def test_a_factory_that_is_started_again_and_again_does_not_shorten_a_soak(world) -> None:
    world.land()
    began = world.ledger.clock.at
    while world.states == ["soak"]:
        world.tick()
    well = sum(one.well for one in events(world, HealthSeen) if one.environment == STAGING)
    assert (well, (world.ledger.clock.at - began).total_seconds() >= 20) == (3, True)
