"""What has landed goes through the environments, is watched there, and is taken back."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from harness.domain.deployment import Health
from harness.domain.errors import Stopped
from harness.domain.events import CommandGiven, HealthSeen, ReleaseMoved, SmokeSeen, Switched
from harness.domain.release import ReleaseEvent
from harness.factory.records.brakes import FREEZE, THAW
from harness.factory.records.releases import HOLD_RELEASES, RESUME_RELEASES
from harness.factory.releases.advance import waits_for
from harness.ports.ledger import recorded
from tests.factory.releasing import PRODUCTION, STAGING, ReleaseWorld


@pytest.fixture
def world(tmp_path):
    return ReleaseWorld(tmp_path)


@pytest.fixture
def released(world):
    """A world whose first release is done."""
    world.first = world.land("first")
    world.pass_time(9)
    assert world.states == ["done"]
    return world


def events(world, kind):
    return [entry.event for entry in recorded(world.ledger, kind)]


def command(world, word, key) -> None:
    world.ledger.append(CommandGiven(word, why="I look"), f"command/{key}")


def issues_about_releases(world):
    return [one for one in world.forge.issues() if "lights-out-factory:release:" in one.body]


def test_what_has_landed_goes_to_staging_is_watched_and_then_is_live(world) -> None:
    commit = world.land()
    assert world.states == ["soak"]
    assert world.deployer.served == {STAGING: commit}
    world.pass_time(2)
    assert world.deployer.served == {STAGING: commit, PRODUCTION: commit}
    world.pass_time(5)
    assert world.states == ["done"]
    assert world.validator.smoked == [
        (commit, "http://staging.example"),
        (commit, "https://production.example"),
    ]
    assert world.releases[0].began.event.carries == (1,)
    before = len(world.ledger.written)
    world.pass_time(2)
    assert len(world.ledger.written) == before, "and then nothing more happens"


def test_without_environments_nothing_is_asked_and_nothing_recorded(tmp_path) -> None:
    world = ReleaseWorld(tmp_path)
    tree = world.git.trees[world.git.tree_of(world.base)]
    world.push_to_main(**{"factory.toml": tree["factory.toml"]})
    world.land()
    assert (world.releases, world.deployer.acts, world.health.asked) == ((), [], [])


def test_one_release_at_a_time_and_what_lands_meanwhile_goes_with_the_next(world) -> None:
    first = world.land("first")
    world.land("second")
    third = world.land("third")
    assert [one.commit for one in world.releases] == [first]
    world.pass_time(14)
    assert [one.commit for one in world.releases] == [first, third]
    landed = [one.issue for one in world.services().releases.landings()]
    assert world.releases[1].began.event.carries == tuple(landed[1:])
    assert world.deployer.switches(PRODUCTION) == [first, third]


def test_a_red_smoke_holds_the_release_and_what_was_there_is_served_again(released) -> None:
    released.validator.living["M-BOOK"] = lambda commit, place: (
        "green" if commit == released.first else "red"
    )
    bad = released.land("bad")
    assert released.states == ["done", "held"]
    assert released.deployer.served == {STAGING: released.first, PRODUCTION: released.first}
    assert released.deployer.switches(PRODUCTION) == [released.first]
    assert bad in issues_about_releases(released)[0].body
    assert "guests book walks" in issues_about_releases(released)[0].body


def test_what_turns_red_in_production_is_taken_back_and_frozen_until_its_issue_lands(
    released,
) -> None:
    bad = released.land("bad")
    released.pass_time(2)
    assert released.deployer.served[PRODUCTION] == bad
    released.health.ill.add(bad)
    released.pass_time(3)
    assert released.states == ["done", "rolled-back"]
    assert released.deployer.served[PRODUCTION] == released.first
    (back,) = [one for one in events(released, Switched) if one.is_rollback]
    assert back.seconds < 60
    (filed,) = issues_about_releases(released)
    assert "500 Internal Server Error" in filed.body
    # Another landing does not go out; the one for the issue does.
    released.model.answers = {"": {**released.model.answers[""], "quote": "What was seen"}}
    released.agent.works = [lambda tree: (tree / "tidebook" / "mend.py").write_text("MEND = 1\n")]
    released.pass_time(3)
    assert released.history(filed.number).landed is not None
    assert released.states[2:] != []
    assert released.releases[2].commit == released.git.landings[-1]


def test_nothing_is_released_after_a_red_end_until_a_person_resumes(released) -> None:
    released.health.ill.add(bad := released.land("bad"))
    released.pass_time(4)
    assert released.states[1] == "held"
    released.model.answers = {"": {**released.model.answers[""], "verdict": "unsure"}}
    released.tick()
    assert "held" in waits_for(released.services())
    assert len(released.releases) == 2
    released.health.ill.clear()
    command(released, RESUME_RELEASES, "resume")
    released.pass_time(1)
    assert [one.commit for one in released.releases][2:] == [bad]


def test_before_anything_was_good_there_a_person_is_asked(world) -> None:
    world.validator.living["M-BOOK"] = lambda commit, place: "red"
    world.land()
    assert world.states == ["needs-human"]
    assert "nothing was good" in world.releases[0].moves[-1].event.message


def test_what_a_person_had_deployed_is_switched_back_to(world) -> None:
    world.deployer.served[STAGING] = world.base
    world.validator.living["M-BOOK"] = lambda commit, place: "red"
    world.land()
    assert world.states == ["held"]
    assert world.deployer.served[STAGING] == world.base


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


def test_errors_of_the_release_take_it_back_and_those_of_another_do_not(released) -> None:
    bad = released.land("bad")
    released.report("c" * 64, release=released.first, count=9)
    released.pass_time(2)
    assert released.states[1] == "watched"
    released.report("d" * 64, release=f"shop@{bad}", count=1)
    released.pass_time(1)
    assert released.states[1] == "rolled-back"
    assert "1 errors of it came in" in released.releases[1].fault


def test_unclear_journeys_are_asked_once_more_and_are_no_yes(released) -> None:
    released.validator.living["M-BOOK"] = lambda commit, place: "unsure"
    released.land("next")
    assert len(events(released, SmokeSeen)) == 2 + 2
    assert released.states[1] == "held"


def test_a_promise_without_a_journey_that_may_run_there_is_no_yes(released) -> None:
    released.validator.living["M-BOOK"] = lambda commit, place: ""
    released.land("next")
    assert released.states[1] == "held"
    assert "no sealed journey" in released.releases[1].fault


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"url": "https://production.example"}, "another place"),
        ({"commit": "f" * 40}, "another place or commit"),
        ({"key_id": "f" * 64}, "not trusted here"),
    ],
)
def test_a_smoke_that_another_key_signed_or_of_another_place_is_no_yes(
    released, other, words
) -> None:
    act = released.validator.observe
    released.decorate("validator", observe=lambda *a: replace(act(*a), **other))
    released.land("next")
    assert released.states[1] == "held"
    assert words in released.releases[1].fault


def test_the_stop_is_honoured_before_a_deployment_and_before_a_switch(released) -> None:
    stop, calm = released.work / "STOP", released.deployer

    def prepare(order):
        done = calm.prepare(order)
        stop.write_text("")
        return done

    released.decorate("deployer", prepare=prepare)
    with pytest.raises(Stopped):
        released.land("next")
    assert released.deployer.served[STAGING] == released.first
    with pytest.raises(Stopped):
        released.pass_time(1)
    assert len(released.deployer.switches(STAGING)) == 1
    stop.unlink()
    released.deployer = calm
    released.pass_time(1)
    assert released.states[1] == "soak"


def test_the_stop_holds_back_a_rollback_that_has_not_begun(released) -> None:
    bad = released.land("bad")
    released.pass_time(2)
    released.health.ill.add(bad)
    calm, stop = released.health, released.work / "STOP"
    released.pass_time(2)

    def health(place):
        stop.write_text("")
        return calm.health(place)

    released.decorate("health", health=health)
    for _ in range(3):
        with pytest.raises(Stopped):
            released.pass_time(1)
    assert (released.states[1], released.deployer.served[PRODUCTION]) == ("rolling-back", bad)
    stop.unlink()
    released.pass_time(1)
    assert released.states[1] == "rolled-back"


def test_a_rollback_that_has_begun_is_finished_after_the_stop(released) -> None:
    bad = released.land("bad")
    released.pass_time(2)
    released.health.ill.add(bad)
    calm, stop = released.deployer, released.work / "STOP"

    def dies(order):
        stop.write_text("")
        raise KeyboardInterrupt

    released.decorate("deployer", switch=dies)
    with pytest.raises(KeyboardInterrupt):
        released.pass_time(4)
    released.deployer = calm
    with pytest.raises(Stopped):
        released.tick()
    assert released.deployer.served[PRODUCTION] == released.first
    assert released.states[1] == "rolled-back"


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


def test_while_a_person_holds_it_or_merging_is_frozen_nothing_goes_further(world) -> None:
    commit = world.land()
    command(world, HOLD_RELEASES, "hold")
    world.pass_time(5)
    assert (world.states, PRODUCTION in world.deployer.served) == (["soak"], False)
    command(world, RESUME_RELEASES, "go")
    command(world, FREEZE, "freeze")
    world.pass_time(2)
    assert PRODUCTION not in world.deployer.served
    assert "merging is frozen" in waits_for(world.services())
    command(world, THAW, "thaw")
    world.pass_time(1)
    assert world.deployer.served[PRODUCTION] == commit


def test_while_it_waits_in_staging_it_is_still_watched(released) -> None:
    bad = released.land("bad")
    command(released, HOLD_RELEASES, "hold")
    released.pass_time(4)
    released.health.ill.add(bad)
    released.pass_time(3)
    assert released.states[1] == "held"


def test_a_slow_start_is_waited_for_as_long_as_may_be_unhealthy(world) -> None:
    answers = [Health(False, "starting"), Health(False, "starting")]
    calm = world.health
    world.decorate("health", health=lambda *a: answers.pop() if answers else calm.health(*a))
    world.land()
    world.pass_time(2)
    assert world.states == ["soak"]
