"""A forge that is away while a node needs it: no attempt is counted, nothing is done twice, and the
same run goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.errors import ForgeError, GitError, ModelError, RemoteError
from harness.domain.lifecycle import State
from harness.factory.records.brakes import RESUME
from harness.factory.run.forge_outage import (
    MOST_OUTAGES,
    is_unavailable,
    reopen_after_outage,
    result_of,
)
from tests.events import event_of
from tests.factory.world import World

NOON, HOUR = datetime(2030, 5, 4, 12, tzinfo=UTC), timedelta(hours=1)


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ForgeError("502", retryable=True), True),
        (RemoteError("timed out", retryable=True), True),
        (ForgeError("403 not allowed"), False),
        (RemoteError("the token is missing"), False),
        (GitError("the tree could not be written", retryable=True), False),
        (ModelError("the broker does not answer", retryable=True), False),
    ],
)
def test_only_the_forges_absence_is_no_attempt(error, away) -> None:
    result = result_of(error)
    assert (is_unavailable(result), result.retryable, result.outcome.succeeded) == (
        away,
        error.retryable,
        False,
    )


@pytest.mark.parametrize("absences", [1, 5])
def test_a_run_goes_on_where_it_was_when_the_forge_is_back(tmp_path, absences) -> None:
    """The node tries three times in a pass; a forge that is away for longer ends the pass, and not
    the attempt."""
    world = World(tmp_path)
    issue = world.file()
    world.forge.fail("open_pull_request", count=absences)
    for _ in range(absences // 3):
        with pytest.raises(ForgeError, match="goes on when the forge is back") as history:
            world.tick()
        assert history.value.retryable
        assert world.history(issue).state is State.IMPLEMENTING
    world.tick()
    history = world.history(issue)
    assert (history.state, history.attempts, history.runs_of("implement")) == (State.MERGED, 0, 1)
    assert len(world.agent.assignments) == 1
    assert [what for what, _ in world.forge.writes].count("open_pull_request") == 1
    assert not [
        entry
        for entry in history.entries
        if entry.kind == "node" and entry.data["result"]["outcome"] == "failed"
    ]


def test_a_limit_that_ended_a_node_is_waited_for_until_the_last_moment_that_was_named(
    tmp_path,
) -> None:
    services = World(tmp_path).services()
    missed = [
        result_of(ForgeError("limited", retryable=True, again_at=moment))
        for moment in (NOON, NOON + HOUR, None)
    ]
    with pytest.raises(ForgeError) as raised:
        reopen_after_outage(services, "implement-1-1", missed)
    assert (raised.value.retryable, raised.value.again_at) == (True, NOON + HOUR)
    reopen_after_outage(services, "implement-1-1", ())


def test_a_node_whose_forge_is_away_time_after_time_fails_in_the_end(tmp_path) -> None:
    """Everything else of that forge answers: that is a fault, and counts."""
    world = World(tmp_path)
    issue = world.file()
    for time in range(MOST_OUTAGES - 1):
        world.ledger.append(
            event_of("command", {"command": RESUME}),
            f"implement-{issue}-1/away/{time}",
            run=f"implement-{issue}-1",
        )
    world.forge.fail("open_pull_request", count=2 * 3)
    with pytest.raises(ForgeError, match="goes on when the forge is back"):
        world.tick()
    world.tick()
    assert world.history(issue).attempts > 0


def test_a_forge_that_refuses_is_a_failed_attempt(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    world.forge.fail("open_pull_request", retryable=False, message="403 not allowed")
    world.tick()
    assert world.history(issue).attempts > 0
