"""`factory up` killed with -9 in the middle of each workflow while a second one waits: it takes
over, nothing is doubled."""

import signal

import pytest

from harness.factory.reporting.comments.dashboard import MARKER
from tests.scenarios.conftest import factory, forge_client
from tests.scenarios.daemons import daemons, example, recorded
from tests.scenarios.waiting import Stopwatch, is_at_rest, wait_until

MOMENTS = {
    "triage": "run = 'triage-1-1' AND kind = 'node'",  # a model is asked
    "implement": "run = 'implement-1-1' AND key LIKE '%/author/1'",  # the agent builds
    "validate": "run = 'validate-1-1' AND key LIKE '%/law/1'",  # the judge judges
    # it lands
    "merge": "run LIKE 'merge-1-%' AND kind = 'intent' AND json_extract(data, '$.effect') = 'land'",
}
LONGEST = 5.0
"""Seconds of a machine that is free, from the kill to the word of the one that has the lock. It
takes 0.1; forge, broker and engine are up again a second later."""
SETTLED = (
    (
        "kind = 'intent' AND NOT EXISTS (SELECT 1 FROM entries AS other WHERE other.key ="
        " entries.key || '/done')"
    ),
    (
        "kind = 'run' AND NOT EXISTS (SELECT 1 FROM entries AS other WHERE other.key = entries.key"
        " || '/ended')"
    ),
)
"""What is under way: effects that are not confirmed, and runs that are not over. In the end there
are none."""

WATCHED = (
    "kind = 'observed' AND json_extract(data, '$.cause') = 'moved'"
    " AND json_array_length(data, '$.green') > 0 AND json_array_length(data, '$.red') = 0"
)
"""What has landed was performed on the tip, by whoever works there now."""


@pytest.mark.parametrize(
    ("issue", "workflows", "ends", "once"),
    [
        (
            "3-card-payments.md",
            ["triage"],
            "needs-human",
            {"landings": 0, "pulls": 0, "open issues": 1, "merges into main": 0},
        ),
        pytest.param(
            "1-cancelled-places.md",
            list(MOMENTS),
            "merged",
            {"landings": 1, "pulls": 1, "open issues": 0, "merges into main": 1},
            marks=pytest.mark.soak(
                "four kills and a judgement; the cheapest workflow shows who takes over"
            ),
        ),
    ],
    ids=["triage", "each"],
)
def test_killed_in_a_workflow_another_takes_over_within_five_seconds_and_nothing_is_doubled(
    tmp_path, issue, workflows, ends, once
) -> None:
    home = example(tmp_path / "home", issue)
    took: dict[str, float] = {}
    with daemons(home) as start:
        leader = start()
        leader.heard("up")
        one_too_many(home, leader, start())
        for workflow in workflows:
            standby = start()
            standby.heard("standby")
            wait_until(lambda moment=MOMENTS[workflow]: recorded(home, moment))
            since = Stopwatch()
            leader.process.kill()
            standby.heard("takeover")
            took[workflow] = since.seconds()
            leader = standby
        wait_until(
            lambda: recorded(home, f"kind = 'transition' AND json_extract(data, '$.to') = '{ends}'")
        )
        leader.heard(
            "up"
        )  # it has nothing to pass on where the one before it died right after the last entry
        wait_until(lambda: not any(recorded(home, what) for what in SETTLED))
        if ends == "merged":
            wait_until(lambda: recorded(home, WATCHED))
        assert leader.stopped_by(signal.SIGTERM) == 0
    assert max(took.values()) < LONGEST, took
    wait_until(lambda: is_at_rest(home))
    assert factory(home, "audit").code == 0
    assert one_of_each(home) == {"issue comments": 1, **once}
    assert recorded(home, "kind = 'left' AND json_extract(data, '$.died')") == len(workflows)
    assert recorded(home, "kind = 'done'") == recorded(home, "kind = 'intent'")


def one_of_each(home):
    """What the forge and the ledger hold, counted."""
    with forge_client(home) as http:
        comments = http.get("/issues/1/comments").json()
        commits = http.get("/commits", params={"sha": "main"}).json()
        open_issues = [
            one
            for one in http.get("/issues").json()
            if "pull_request" not in one and MARKER not in (one["body"] or "")
        ]
        return {
            "issue comments": sum("lights-out-factory:issue" in one["body"] for one in comments),
            "pulls": len(http.get("/pulls", params={"state": "all"}).json()),
            "open issues": len(open_issues),
            "landings": recorded(home, "kind = 'done' AND json_extract(data, '$.effect') = 'land'"),
            "merges into main": sum(len(one["parents"]) > 1 for one in commits),
        }


def one_too_many(home, leader, standby) -> None:
    """A standby that is told to go goes, and a tick beside a running one is refused; the one at
    work is named."""
    assert f"pid {leader.process.pid}, `factory up`" in standby.heard("standby")["message"]
    since = Stopwatch()
    assert standby.stopped_by(signal.SIGTERM) == 0
    assert since.seconds() < LONGEST
    said = factory(home, "tick")
    assert said.code == 5
    assert f"pid {leader.process.pid}" in said.err
