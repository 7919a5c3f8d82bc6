"""Votes and reviews over the real wire: the broker, its meter and its recordings, and the factory's
own question in front."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness.agents.model import BrokeredModel
from harness.domain.errors import BudgetExhausted
from harness.domain.lifecycle import Event
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.stages.review import ASKS, review
from tests.agents.conftest import Broker
from tests.factory.players import cast_by
from tests.factory.voters import ABSTAIN, SCOPE, YES, asked, finding, no, under
from tests.factory.world import World

# of no other file's: the broker counts an issue's calls whoever made them
NUMBERS = count(8000)
REVIEWER = "claude-opus-5-5"
CHANGE = {"tidebook/extra.py": b"FIXED = True\n"}


MADE = {"base": "0" * 40, "head": "0" * 40, "tree": "0" * 40, "pull_request": 2}
"""What a candidate is made of, besides its commit."""


def vote(given: dict[str, Any], **usage: int) -> dict[str, Any]:
    """One recorded vote: a conversation of its own, in which no tool is offered but the answer."""
    response = {"content": [{"type": "tool_use", "name": "answer", "input": given}]}
    return {
        "request": {
            "messages": 1,
            "tools": ["answer"],
            "contains": ["Does every changed file serve", "FIXED = True"],
        },
        "response": response | ({"usage": usage} if usage else {}),
    }


def world_of(folder: Path, replaying: Broker, **given: Any) -> World:
    return under(World(folder, model=BrokeredModel(), broker=replaying.client, **given), SCOPE)  # type: ignore[arg-type]


def test_three_votes_are_three_conversations_in_one_session_that_is_metered(
    tmp_path: Path, replaying: Broker
) -> None:
    issue = next(NUMBERS)
    quoted = no("FIXED = True", file="tidebook/extra.py", line=1)
    exchanges = [
        vote(each, input_tokens=1000, output_tokens=100) for each in (YES, ABSTAIN, quoted)
    ]
    replaying.record({"model": REVIEWER, "exchanges": exchanges}, issue=issue, role="reviewer")
    world = world_of(tmp_path, replaying)
    found = finding(asked(world, CHANGE, issue=issue))
    assert found["passed"] is False
    assert found["says"].startswith("1 of 3 votes say yes, 3 are needed; 1 say no; 1 abstain")
    assert found["evidence"][-1] == f"asked of {REVIEWER}, for $0.0180"
    (usage,) = world.ledger.entries(kind="usage")
    assert (usage.data["role"], usage.data["calls"], usage.data["cost_usd"]) == (
        "reviewer",
        3,
        "0.018",
    )
    assert replaying.client.spent_on(issue).calls == 3


def test_a_cap_of_the_broker_is_a_stop_and_what_was_cast_is_kept(
    tmp_path: Path, replaying: Broker
) -> None:
    issue = next(NUMBERS)
    replaying.record({"model": REVIEWER, "exchanges": [vote(YES)]}, issue=issue, role="reviewer")
    world = world_of(tmp_path, replaying)
    toml = world.git.read(world.base, "factory.toml").replace(
        b"[budget]", b"[budget]\ncalls_per_session = 1"
    )
    world = under(world, **{"factory.toml": toml})
    with pytest.raises(BudgetExhausted):
        asked(world, CHANGE, issue=issue)
    assert [entry.data["vote"] for entry in world.ledger.entries(kind="vote")] == [1]


def look(lens: str, *findings: dict[str, Any]) -> dict[str, Any]:
    """One recorded look of a reviewer: a session of its own, with no tool but the answer."""
    given = {"can_tell": True, "findings": list(findings), "reason": "I read all of it."}
    return {
        "model": REVIEWER,
        "exchanges": [
            {
                "request": {
                    "messages": 1,
                    "tools": ["answer"],
                    "contains": [ASKS[lens], "FIXED = True"],
                },
                "response": {
                    "content": [{"type": "tool_use", "name": "answer", "input": given}],
                    "usage": {"input_tokens": 1000, "output_tokens": 100},
                },
            }
        ],
    }


def test_each_lens_is_a_session_that_is_metered_and_only_what_quotes_the_change_sends_it_back(
    tmp_path: Path, replaying: Broker
) -> None:
    issue = next(NUMBERS)
    flag = {
        "severity": "major",
        "file": "tidebook/extra.py",
        "line": 9,
        "quote": "FIXED = True",
        "says": "It is only a flag.",
        "companion": "",
    }
    replaying.record(look("correctness", flag), issue=issue, role="reviewer", attempt=1001)
    replaying.record(
        look("scope", {**flag, "quote": "FIXED = False"}),
        issue=issue,
        role="reviewer",
        attempt=1003,
    )
    world = cast_by(
        World(tmp_path, model=BrokeredModel(), broker=replaying.client),  # type: ignore[arg-type]
        '[review]\nlenses = ["correctness", "scope"]\n',
    )
    tree = {**world.git.trees[world.git.tree_of(world.base)], **CHANGE}
    candidate = world.git.commit(world.git.tree(tree), [world.base], message="candidate")
    services = world.services()
    policy = policy_at(services, world.base)
    node = policy.workflows["validate"].node("review")
    result = review(
        Job(
            services,
            policy,
            issue,
            f"validate-{issue}-1",
            1,
            node,
            {"candidate": {**MADE, "candidate": candidate}},
        )
    )
    assert result.event == Event.CHANGES_REQUESTED
    (asked_for,) = result.output["requested"]
    assert (asked_for["file"], asked_for["line"], asked_for["lenses"]) == (
        "tidebook/extra.py",
        1,
        ["correctness"],
    )
    assert result.output["dropped"] == [
        "scope: its quote is not in the change to 'tidebook/extra.py'"
    ]
    assert [
        (entry.data["role"], entry.data["calls"]) for entry in world.ledger.entries(kind="usage")
    ] == [("reviewer", 1)] * 2
