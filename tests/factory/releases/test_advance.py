"""What has landed goes through the environments, is watched there, and is taken back."""

from contextlib import suppress
from dataclasses import replace

import pytest

from harness.domain.deployment import Health
from harness.domain.errors import Stopped
from harness.domain.events import CommandGiven, SmokeSeen, Switched
from harness.factory.records.brakes import FREEZE, THAW
from harness.factory.records.releases import HOLD_RELEASES, RESUME_RELEASES
from harness.ports.ledger import recorded
from tests.factory.releasing import PRODUCTION, STAGING, ReleaseWorld


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
    assert "held" in released.services().releases.why_frozen()
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


def test_errors_of_the_release_take_it_back_and_those_of_another_do_not(released) -> None:
    bad = released.land("bad")
    released.report("c" * 64, release=released.first, count=9, signed=True)
    released.pass_time(2)
    assert released.states[1] == "watched"
    released.report("d" * 64, release=f"shop@{bad}", count=1, signed=True)
    released.pass_time(1)
    assert released.states[1] == "rolled-back"
    assert "1 errors of it came in" in released.releases[1].fault


def test_whoever_has_a_dsn_takes_no_release_back(released) -> None:
    """Each page carries it, and anybody can name a commit."""
    good = released.land("good")
    released.report("d" * 64, release=good, count=50)
    released.pass_time(12)
    assert released.states[1] == "done"
    assert len(released.filed) == 1
    after = released.land("after")
    released.report("e" * 64, release=after, count=50)
    released.pass_time(12)
    assert released.states[2] == "done"


def test_reports_by_a_dsn_do_not_hide_those_of_a_service(released) -> None:
    bad = released.land("bad")
    released.report("d" * 64, release=bad, count=50)
    released.pass_time(2)
    assert released.states[1] == "watched"
    released.report("d" * 64, release=bad, signed=True)
    released.pass_time(1)
    assert released.states[1] == "rolled-back"


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


def test_while_a_person_holds_it_or_merging_is_frozen_nothing_goes_further(world) -> None:
    commit = world.land()
    command(world, HOLD_RELEASES, "hold")
    world.pass_time(5)
    assert (world.states, PRODUCTION in world.deployer.served) == (["soak"], False)
    command(world, RESUME_RELEASES, "go")
    command(world, FREEZE, "freeze")
    world.pass_time(2)
    assert PRODUCTION not in world.deployer.served
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


def test_after_the_stop_what_was_live_before_stays_ready_to_be_switched_back_to(released) -> None:
    """To end it is an effect on the world, and leaves nothing that a rollback could switch to."""
    released.land("next")
    calm, stop, retired = released.health, released.work / "STOP", []

    def health(place):
        if released.states[1] == "watched":
            stop.write_text("")
        return calm.health(place)

    deployer = released.deployer
    released.decorate("deployer", retire=lambda place, keep: retired.append(place.name))
    released.decorate("health", health=health)
    for _ in range(9):
        with suppress(Stopped):
            released.pass_time(1)
    assert stop.exists()
    assert (retired, released.states[1]) == ([], "watched")
    stop.unlink()
    released.health, released.deployer = calm, deployer
    released.pass_time(3)
    assert released.states[1] == "done"
