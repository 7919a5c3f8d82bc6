"""The default branch after a landing: red freezes, a person thaws, and nothing is tried twice by
itself."""

from contextlib import nullcontext
from datetime import timedelta

import pytest

from harness.domain.errors import GitError
from harness.domain.events import (
    Cause,
    CommandGiven,
    CommitObserved,
    LandingSettled,
    RedJourney,
)
from harness.domain.lifecycle import State
from harness.factory.records.brakes import FREEZE, THAW, is_frozen, why_frozen
from harness.factory.stages.after_landing import AUTO_REVERT
from harness.ports.ledger import recorded
from tests.events import event_of
from tests.factory.demands import CI, demanding
from tests.factory.world import candidate_of, shown

WAIT = timedelta(minutes=61)


def landed_with(tmp_path, merge=CI):
    """A world in which one change has landed on green checks."""
    world = demanding(tmp_path, merge)
    issue = world.file()
    world.tick()
    world.forge.report(candidate_of(world, issue), "ci", "success")
    world.tick()
    assert world.history(issue).state is State.MERGED
    return world, issue


def turn(world, conclusion) -> None:
    """The check's answer on the tip of the default branch changes."""
    world.forge.report(world.remote["main"], "ci", conclusion)


def commands(world):
    return recorded(world.ledger, CommandGiven)


def frozen_for(world) -> list[str]:
    """What each freeze is about, the oldest first."""
    return [one.event.commit for one in commands(world) if one.event.command == FREEZE]


def thaw(world) -> None:
    world.ledger.append(
        event_of("command", {"command": THAW}), f"command/{len(world.ledger.written)}/thaw"
    )


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "neutral", "timed_out"])
def test_a_landing_whose_checks_turn_red_on_main_freezes_merging_and_explains_why(
    tmp_path, conclusion
) -> None:
    world, issue = landed_with(tmp_path)
    turn(world, conclusion)
    tip = world.remote["main"]
    world.tick()
    assert is_frozen(world.ledger)
    assert (
        why_frozen(world.ledger)
        == f"main at {tip:.7}, the landing of #{issue}: ci of app 15368 ended as {conclusion}, not"
        " as success"
    )
    assert world.remote["main"] == tip, "nothing is taken back unless the operator asks for it"
    assert world.history(issue).state is State.MERGED
    assert frozen_for(world) == [tip]
    settled = world.history(issue).of(LandingSettled)[-1]
    assert (settled.key, settled.event.commit, settled.event.message) == (
        f"main/{tip}/settled",
        tip,
        f"ci of app 15368 ended as {conclusion}, not as success",
    )


def test_while_it_is_frozen_what_is_approved_waits_and_goes_on_when_a_person_has_looked(
    tmp_path,
) -> None:
    world, _ = landed_with(tmp_path)
    turn(world, "failure")
    second = world.file("Another", "The places are gone.")
    tip = world.remote["main"]
    for _ in range(3):
        world.tick()
    assert (world.history(second).state, shown(world)) == (State.APPROVED, {})
    thaw(world)
    world.tick()
    world.forge.report(candidate_of(world, second), "ci", "success")
    world.tick()
    assert world.history(second).state is State.MERGED
    assert world.git.contains(world.remote["main"], tip)


def test_nothing_but_a_person_lifts_it_and_the_same_landing_freezes_once(tmp_path) -> None:
    world, _ = landed_with(tmp_path)
    turn(world, "failure")
    world.tick()
    turn(world, "success")
    world.tick()
    assert is_frozen(world.ledger), "green again by itself is no person's word"
    thaw(world)
    turn(world, "failure")
    world.tick()
    assert not is_frozen(world.ledger), "who lifted it knows of this one"


def test_a_check_that_never_answers_on_main_freezes_in_the_end(tmp_path) -> None:
    world, _ = landed_with(tmp_path)
    turn(world, None)
    world.tick()
    assert not is_frozen(world.ledger)
    world.ledger.clock.at += WAIT
    world.tick()
    assert "has not ended" in why_frozen(world.ledger)


def test_what_no_check_is_required_of_is_settled_at_once(world) -> None:
    issue = world.file()
    world.tick()
    world.tick()
    settled = [
        (one.event.commit, one.event.message) for one in world.history(issue).of(LandingSettled)
    ]
    assert settled == [(world.remote["main"], "")]
    assert not is_frozen(world.ledger)


def test_every_check_that_turned_red_is_named(tmp_path) -> None:
    checks = '{name = "ci", app = 15368}, {name = "lint", app = 15368}'
    world = demanding(tmp_path, f"required_checks = [{checks}]")
    issue = world.file()
    world.tick()
    commit = candidate_of(world, issue)
    for conclusion in ("success", "failure"):
        for name in ("ci", "lint"):
            world.forge.report(commit, name, conclusion)
        world.tick()
    assert world.history(issue).landed.commit == commit
    assert (why_frozen(world.ledger) or "").endswith(
        "ci of app 15368 ended as failure, not as success; lint of app 15368 ended as failure, not"
        " as success"
    )


def test_a_forge_that_no_longer_lists_which_checks_it_requires_freezes(tmp_path) -> None:
    world, _ = landed_with(tmp_path, CI + "\nauto_revert = true")
    tip = world.remote["main"]
    world.forge.fail("required_checks", retryable=False, count=99)
    world.tick()
    assert (why_frozen(world.ledger) or "").endswith(
        ": the forge does not say which checks it requires"
    )
    assert world.remote["main"] == tip, "only what is red is taken back"


def test_once_it_is_settled_the_forge_is_not_asked_again(tmp_path) -> None:
    world, _ = landed_with(tmp_path)
    world.ledger.clock.at += WAIT
    world.tick()
    entries = len(world.ledger.written)
    world.forge.fail("check_runs", retryable=False, count=99)
    world.forge.fail("required_checks", retryable=False, count=99)
    world.tick()
    assert (len(world.ledger.written), is_frozen(world.ledger)) == (entries, False)


def test_the_one_revert_that_the_operator_asks_for_comes_once_and_then_all_halts(tmp_path) -> None:
    """Row 109: a landing, a revert, and no loop of the two."""
    world, issue = landed_with(tmp_path, CI + "\nauto_revert = true")
    turn(world, "failure")
    world.tick()
    reverted = world.remote["main"]
    assert world.git.tree_of(reverted) == world.git.tree_of(world.base)
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    red = history.landed.commit
    given = [(one.event.command, one.event.commit, one.key) for one in commands(world)]
    assert given == [
        (FREEZE, red, f"main/{red}/freeze"),
        (AUTO_REVERT, red, f"main/{red}/auto-revert"),
    ]
    taken_back = history.transitions[-1].event
    assert taken_back.reason == "its landing turned required checks red, and was taken back"
    assert taken_back.rules == history.transitions[0].event.rules != ""
    assert is_frozen(world.ledger)
    turn(world, "failure")  # and the revert is red as well
    agents = len(world.agent.assignments)
    for _ in range(3):
        world.ledger.clock.at += WAIT
        world.tick()
    assert world.remote["main"] == reverted
    assert len(world.agent.assignments) == agents, "no attempt follows by itself"
    assert is_frozen(world.ledger)


def test_after_a_person_has_looked_the_next_landing_may_be_taken_back_as_well(tmp_path) -> None:
    world, _ = landed_with(tmp_path, CI + "\nauto_revert = true")
    turn(world, "failure")
    world.tick()
    thaw(world)
    second = world.file("Another", "The places are gone.")
    world.tick()
    world.forge.report(candidate_of(world, second), "ci", "success")
    world.tick()
    assert world.history(second).state is State.MERGED
    turn(world, "failure")
    world.tick()
    assert world.history(second).state is State.NEEDS_HUMAN
    assert world.git.tree_of(world.remote["main"]) == world.git.tree_of(world.base)


def test_while_nobody_has_looked_at_one_revert_there_is_no_other(tmp_path) -> None:
    world, issue = landed_with(tmp_path, CI + "\nauto_revert = true")
    world.ledger.append(CommandGiven(AUTO_REVERT, commit="a" * 40), "main/another/auto-revert")
    turn(world, "failure")
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert is_frozen(world.ledger)


@pytest.mark.parametrize("retryable", [False, True])
def test_a_revert_that_fails_leaves_the_freeze_and_is_a_persons(tmp_path, retryable) -> None:
    world, issue = landed_with(tmp_path, CI + "\nauto_revert = true")
    turn(world, "failure")
    tip, failing = world.remote["main"], [True]
    land = world.git.land

    def refused(*given, **named):
        if failing:
            raise GitError("no push is taken", retryable=retryable)
        return land(*given, **named)

    world.decorate("git", land=refused)
    with pytest.raises(GitError) if retryable else nullcontext():
        world.tick()
    reported = [(one.issue, one.message) for one in world.log.of("revert-failed")]
    assert reported == ([] if retryable else [(issue, "no push is taken")])
    failing.clear()
    world.tick()
    assert (world.remote["main"], world.history(issue).state) == (tip, State.MERGED)
    assert is_frozen(world.ledger)


def test_what_others_have_built_on_is_not_taken_back_by_itself(tmp_path) -> None:
    world, issue = landed_with(tmp_path, CI + "\nauto_revert = true")
    turn(world, "failure")
    world.push_to_main(NEWS=b"later\n")
    tip = world.remote["main"]
    world.tick()
    assert (world.remote["main"], world.history(issue).state) == (tip, State.MERGED)
    assert is_frozen(world.ledger)


def test_a_canary_that_is_red_on_main_freezes_and_others_do_not(tmp_path) -> None:
    world = demanding(tmp_path, 'canary = ["sha256:c"]')
    issue = world.file()
    world.tick()
    verdict = world.history(issue).verdicts[-1]
    broken = {"issue": issue, "words": "Guests book walks.", "journey": "sha256:other"}
    world.ledger.append(
        event_of("verdict", {**verdict.data, "broken_on_base": [broken]}),
        "seen/1",
        issue=issue,
        run="validate-9-1",
    )
    world.tick()
    assert not is_frozen(world.ledger)
    world.ledger.append(
        event_of(
            "verdict", {**verdict.data, "broken_on_base": [{**broken, "journey": "sha256:c"}]}
        ),
        "seen/2",
        issue=issue,
        run="validate-9-2",
    )
    world.tick()
    assert why_frozen(world.ledger) == (
        "Guests book walks.: a journey of what has landed is red on the default branch, as"
        " validate-9-2 saw"
    )
    assert frozen_for(world) == [verdict.event.binds.base]
    assert commands(world)[-1].key == "canary/sha256:c/seen/2"
    thaw(world)
    world.tick()
    assert not is_frozen(world.ledger)


@pytest.mark.parametrize(
    ("cause", "journey", "freezes"),
    [
        (Cause.MOVED, "sha256:c", True),
        (Cause.NIGHT, "sha256:c", True),
        (Cause.NIGHT, "sha256:other", False),
        (Cause.SEARCH, "sha256:c", False),  # an older commit was looked at, and no tip
    ],
)
def test_a_canary_that_the_watch_sees_red_on_a_tip_freezes_until_a_person_lifts_it(
    tmp_path, cause, journey, freezes
) -> None:
    world = demanding(tmp_path, 'canary = ["sha256:c"]')
    red = RedJourney(journey, 1, "Guests book walks.", "no list")
    seen = CommitObserved(world.base, "tree", cause, standing=1, red=(red,))
    world.ledger.append(seen, "observed/watch-1", run="watch-1")
    world.tick()
    assert is_frozen(world.ledger) is freezes
    if freezes:
        assert why_frozen(world.ledger) == (
            "Guests book walks.: a journey of what has landed is red, as watch-1 saw"
        )
        assert frozen_for(world) == [world.base]
        assert commands(world)[-1].key == "canary/sha256:c/observed/watch-1"
        thaw(world)
        world.tick()
        assert not is_frozen(world.ledger), "who lifted it knows of this one"
