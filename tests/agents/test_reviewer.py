"""Votes over the real wire: the broker, its meter and its recordings, and the factory's own question in front."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness.agents.model import BrokeredModel
from harness.domain.errors import BudgetExhausted
from tests.agents.conftest import Broker
from tests.factory.voters import ABSTAIN, SCOPE, YES, asked, finding, no, under
from tests.factory.world import World

NUMBERS = count(7000)
REVIEWER = "claude-opus-5-5"
CHANGE = {"tidebook/extra.py": b"FIXED = True\n"}


def vote(given: dict[str, Any], **usage: int) -> dict[str, Any]:
    """One recorded vote: a conversation of its own, in which no tool is offered but the answer."""
    response = {"content": [{"type": "tool_use", "name": "answer", "input": given}]}
    return {"request": {"messages": 1, "tools": ["answer"], "contains": ["Does every changed file serve", "FIXED = True"]},
            "response": response | ({"usage": usage} if usage else {})}


def world_of(folder: Path, replaying: Broker, **given: Any) -> World:
    return under(World(folder, model=BrokeredModel(), broker=replaying.client, **given), SCOPE)  # type: ignore[arg-type]


def test_three_votes_are_three_conversations_in_one_session_that_is_metered(tmp_path: Path, replaying: Broker) -> None:
    issue = next(NUMBERS)
    quoted = no("FIXED = True", file="tidebook/extra.py", line=1)
    exchanges = [vote(each, input_tokens=1000, output_tokens=100) for each in (YES, ABSTAIN, quoted)]
    replaying.record({"model": REVIEWER, "exchanges": exchanges}, issue=issue, role="reviewer")
    world = world_of(tmp_path, replaying)
    found = finding(asked(world, CHANGE, issue=issue))
    assert found["passed"] is False
    assert found["says"].startswith("1 of 3 votes say yes, 3 are needed; 1 say no; 1 abstain")
    assert found["evidence"][-1] == f"asked of {REVIEWER}, for $0.0180"
    (usage,) = world.ledger.entries(kind="usage")
    assert (usage.data["role"], usage.data["calls"], usage.data["cost_usd"]) == ("reviewer", 3, "0.018")
    assert replaying.client.spent_on(issue).calls == 3


def test_a_cap_of_the_broker_is_a_stop_and_what_was_cast_is_kept(tmp_path: Path, replaying: Broker) -> None:
    issue = next(NUMBERS)
    replaying.record({"model": REVIEWER, "exchanges": [vote(YES)]}, issue=issue, role="reviewer")
    world = world_of(tmp_path, replaying)
    toml = world.git.read(world.base, "factory.toml").replace(b"[budget]", b"[budget]\ncalls_per_run = 1")
    world = under(world, **{"factory.toml": toml})
    with pytest.raises(BudgetExhausted):
        asked(world, CHANGE, issue=issue)
    assert [entry.data["vote"] for entry in world.ledger.entries(kind="vote")] == [1]
