"""A pause for money or for want of a provider: no issue fails for it, nothing is asked meanwhile,
and it ends by itself."""

from datetime import timedelta

import pytest

from harness.domain.errors import ModelsPaused
from harness.domain.lifecycle import State
from harness.factory.records.brakes import FREEZE, RESUME, THAW
from harness.factory.reporting.digest import digest
from harness.factory.reporting.digest_page import text
from harness.factory.reporting.report import status
from harness.factory.run.forge_outage import is_unavailable, result_of
from harness.factory.run.pause import MOST_PAUSES, pause_in_force, paused_issues
from tests.events import event_of
from tests.factory.pauses import MIDNIGHT, WORDS, Purse, paused, pauses


@pytest.mark.parametrize("cause", ["day", "month", "provider", "meter"])
@pytest.mark.parametrize(
    ("role", "state"),
    [
        ("triage", State.UNTRIAGED),
        ("author", State.IMPLEMENTING),
        ("implementer", State.IMPLEMENTING),
    ],
)
def test_no_issue_fails_for_a_pause_and_the_same_run_goes_on_when_it_is_over(
    world, role, state, cause
) -> None:
    world.broker = Purse(world.ledger.clock, roles={role}, cause=cause)
    issue = world.file()
    world.tick()
    assert (world.history(issue).state, world.history(issue).attempts) == (state, 0)
    assert [(entry.data["cause"], entry.data["until"]) for entry in pauses(world)] == [
        (cause, MIDNIGHT.isoformat())
    ]
    asked = list(world.broker.refused)
    world.tick()
    world.file("Another", "The places are gone, too.")
    world.tick()
    assert (world.broker.refused, len(pauses(world))) == (asked, 1)
    world.ledger.clock.at = MIDNIGHT
    world.tick()
    history = world.history(issue)
    assert (
        history.state,
        history.attempts,
        history.runs_of("triage"),
        history.runs_of("implement"),
    ) == (
        State.MERGED,
        0,
        1,
        1,
    )
    assert not [
        entry
        for entry in history.entries
        if entry.kind == "node" and entry.data["result"]["outcome"] == "failed"
    ]


def test_a_pause_that_several_meet_at_once_ends_no_others_work(world) -> None:
    """Only the author is refused: what has one already goes on and lands."""
    issues = [
        world.file(f"Report {number}", f"The places are gone. {number * 'x '}")
        for number in range(3)
    ]
    world.broker = Purse(world.ledger.clock, roles={"author"})
    world.tick()
    assert State.NEEDS_HUMAN not in {world.history(issue).state for issue in issues}
    assert len({entry.data["until"] for entry in pauses(world)}) == 1
    world.ledger.clock.at = MIDNIGHT
    world.tick()
    assert all(world.history(issue).attempts == 0 for issue in issues)
    assert world.history(issues[0]).state is State.MERGED


def test_what_one_issues_sessions_met_holds_up_that_issue_alone(world) -> None:
    attacker = world.file()
    other = world.file("Another", "The places are gone, too.")
    world.broker = Purse(world.ledger.clock, issue=attacker, cause="issue")
    world.tick()
    assert (world.history(attacker).state, world.history(attacker).attempts) == (State.UNTRIAGED, 0)
    assert world.history(other).state is State.MERGED
    now = world.ledger.clock.now()
    assert (pause_in_force(world.ledger, now), list(paused_issues(world.ledger, now))) == (
        None,
        [attacker],
    )
    asked = list(world.broker.refused)
    world.tick()
    assert (world.broker.refused, len(pauses(world))) == (asked, 1)
    world.ledger.clock.at = MIDNIGHT
    world.tick()
    assert world.history(attacker).state is State.MERGED


def test_an_issue_that_is_paused_by_itself_again_and_again_fails_in_the_end(world) -> None:
    issue = world.file()
    for day in range(MOST_PAUSES + 1):
        assert world.history(issue).state is State.UNTRIAGED
        until = MIDNIGHT + timedelta(days=day)
        world.broker = Purse(world.ledger.clock, cause="issue", until=until)
        world.tick()
        world.ledger.clock.at = until
    assert (world.history(issue).state, len(pauses(world))) == (State.NEEDS_HUMAN, MOST_PAUSES)


def test_what_is_approved_lands_in_a_pause(world) -> None:
    world.ledger.append(event_of("command", {"command": FREEZE}), "freeze")
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.APPROVED
    world.ledger.append(event_of("command", {"command": THAW}), "thaw")
    world.broker = Purse(world.ledger.clock)
    paused(world)
    other = world.file("Another", "The places are gone, too.")
    world.tick()
    assert (world.history(issue).state, world.history(other).state) == (
        State.MERGED,
        State.UNTRIAGED,
    )
    assert world.broker.refused == []


def test_the_one_that_lasts_longest_is_in_force_and_none_is_once_it_is_over(world) -> None:
    later = MIDNIGHT + timedelta(days=3)
    for cause, until in (("day", MIDNIGHT), ("month", later), ("provider", MIDNIGHT)):
        paused(world, cause=cause, until=until)
    assert pause_in_force(world.ledger, MIDNIGHT - timedelta(seconds=1)).until == later
    assert pause_in_force(world.ledger, MIDNIGHT).cause == "month"
    assert pause_in_force(world.ledger, later) is None


def test_a_person_who_resumes_lifts_it_and_one_that_begins_after_that_holds(world) -> None:
    paused(world)
    world.ledger.append(event_of("command", {"command": RESUME}), "of a run", run="implement-1-1")
    assert pause_in_force(world.ledger, world.ledger.clock.now()) is not None
    world.ledger.append(event_of("command", {"command": RESUME}), "resumed")
    assert pause_in_force(world.ledger, world.ledger.clock.now()) is None
    paused(world)
    assert pause_in_force(world.ledger, world.ledger.clock.now()) is not None


@pytest.mark.parametrize(
    ("cause", "day", "lifted"),
    [
        ("day", "19.99", True),
        ("day", "20", False),
        ("day", "21", False),
        ("provider", "19.99", False),
    ],
)
def test_a_cap_that_was_raised_ends_its_pause(world, cause, day, lifted) -> None:
    """The example's day is $20."""
    paused(world, cause=cause, day=day)
    issue = world.file()
    world.tick()
    assert (world.history(issue).state is State.MERGED) is lifted
    assert bool(world.ledger.entries(kind="pause-lifted")) is lifted
    assert (pause_in_force(world.ledger, world.ledger.clock.now()) is None) is lifted


def test_a_pause_is_no_failure_of_a_node() -> None:
    result = result_of(ModelsPaused(WORDS, cause="day", again_at=MIDNIGHT))
    assert (is_unavailable(result), result.outcome.succeeded, result.event) == (True, False, None)


def test_a_pause_is_shown_wherever_one_looks(world) -> None:
    world.broker = Purse(world.ledger.clock, roles={"author"})
    world.file()
    world.tick(shows=True)
    found = pause_in_force(world.ledger, world.ledger.clock.now())
    summary = f"no model is asked until 2030-05-05 00:00 UTC: {WORDS}"
    assert found.summary == summary
    (dashboard,) = [
        issue
        for issue in world.forge._issues.values()
        if "lights-out-factory:dashboard" in issue.body
    ]
    assert (
        f"**The factory pauses:** {summary}. It goes on then by itself"
        in dashboard.body.replace("\\", "")
    )
    assert "Nothing needs a person" not in dashboard.body
    morning = digest(
        world.ledger.entries(),
        since=MIDNIGHT - timedelta(days=1),
        at=MIDNIGHT,
        stopped=False,
        frozen="",
        paused=summary,
    )
    assert not morning.is_quiet
    assert morning.as_json()["paused"] == summary
    assert f"The factory pauses: {summary}" in text(morning, str)
    assert status(world.ledger, None, found.since, stopped=False)["paused"] == summary
    world.ledger.clock.at = MIDNIGHT
    world.tick(shows=True)
    (dashboard,) = [
        issue
        for issue in world.forge._issues.values()
        if "lights-out-factory:dashboard" in issue.body
    ]
    assert "pauses" not in dashboard.body
