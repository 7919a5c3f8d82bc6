"""The operator's wrong set-up of a model fails no issue: the whole pipeline over fakes, the real
loop, a real broker, and a provider that answers as each wrong set-up does, for twenty passes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harness.agents.model import BrokeredModel
from harness.domain.lifecycle import State
from harness.factory.run.pause import pause_in_force, paused_issues
from harness.programs.broker.probe import PROBE
from harness.programs.broker.providers import ANTHROPIC, Provider
from tests.agents.broker_here import broker_here
from tests.agents.conftest import (  # noqa: F401 - fixtures
    KEY,
    Answer,
    _nothing_left_planned,
    provider,
)
from tests.factory.provider_answers import ACCEPTED, CAPS, DONE, EDIT, configured, refused
from tests.factory.unsandboxed_agent import UnsandboxedAgent
from tests.factory.world import World

PASSES = 20
PAGE = Answer(
    status=200, headers={"content-type": "text/html"}, pieces=[b"<!doctype html><h1>Welcome</h1>"]
)
JSON = {"content-type": "application/json"}
WRONG = {
    "a wrong key": (refused(401, "authentication_error", "no"), "does not accept our key"),
    "no permission": (refused(403, "permission_error", "no"), "has no permission for claude-"),
    "no such model": (refused(404, "not_found_error", "model: x"), "it has no model claude-"),
    "another path": (
        refused(404, "not_found_error", "Not Found"),
        "endpoint of another kind (404)",
    ),
    "no POST": (replace(PAGE, status=405), "endpoint of another kind (405)"),
    "a page": (PAGE, "endpoint of another kind (200 with a web page)"),
    "other JSON": (
        replace(PAGE, headers=JSON, pieces=[b'{"data": []}']),
        "endpoint of another kind (200 with JSON",
    ),
    "not implemented": (refused(501, "api_error", "no"), "does not implement this call (501)"),
    "no credit": (refused(402, "billing_error", "no"), "what is paid for is used up"),
}


class Moved:
    """A clock for the factory and the broker, which a test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def __call__(self) -> float:
        return self.at.timestamp()


@pytest.fixture
def clock():
    return Moved()


@pytest.fixture
def broker(tmp_path, provider, clock):  # noqa: F811 - fixtures
    there = {"anthropic": Provider("anthropic", ANTHROPIC, provider.url, key_from="THE_KEY")}
    with broker_here(tmp_path / "broker", there, KEY, clock) as found:
        yield found


@pytest.fixture
def pipeline(tmp_path, broker, clock):
    world = World(
        tmp_path,
        model=BrokeredModel(),
        broker=broker.client,
        agent=UnsandboxedAgent(tmp_path / "outputs"),
    )
    world.ledger.clock = clock
    world.toml = world.git.read(world.base, "factory.toml")
    configured(world, CAPS)
    return world


def facts(world, issue):
    """What of an issue may not change: its state, what was counted, and all that people see."""
    history, there = world.history(issue), world.forge.issue(issue)
    return (
        history.state,
        history.attempts,
        len(history.transitions),
        history.usage.cost_usd,
        sorted(there.labels),
        [comment.body for comment in world.forge.comments(issue)],
    )


# Each fault at the first role alone is sampled; `make soak` meets all of them at both.
@pytest.mark.sample(2)
@pytest.mark.parametrize("state", [State.UNTRIAGED, State.IMPLEMENTING], ids=lambda one: one.value)
@pytest.mark.parametrize(("answer", "words"), WRONG.values(), ids=WRONG)
def test_after_twenty_passes_the_issue_is_where_it_was_and_goes_on_when_the_model_answers(
    pipeline,
    provider,  # noqa: F811
    broker,
    clock,
    answer,
    words,
    state,
) -> None:
    provider.otherwise = answer
    if state is State.IMPLEMENTING:
        provider.plan(ACCEPTED)
    issue = pipeline.file()
    pipeline.tick()
    before = facts(pipeline, issue)
    assert before[:2] == (state, 0)
    asked = len(provider.seen)
    for _ in range(PASSES):
        pause = pause_in_force(pipeline.ledger, clock.now())
        assert pause is not None
        assert pause.cause == "provider"
        assert words in pause.why
        assert paused_issues(pipeline.ledger, clock.now()) == {}
        clock.at = pause.until + timedelta(seconds=1)
        pipeline.tick()
        assert facts(pipeline, issue) == before
    assert len(provider.seen) >= asked + PASSES
    (notice,) = broker.notices
    assert words in notice
    assert KEY not in notice
    assert not [line for line in broker.meter.lines() if line.role == PROBE and line.settled]

    clock.at = pause_in_force(pipeline.ledger, clock.now()).until
    provider.plan(*([ACCEPTED] if state is State.UNTRIAGED else []), EDIT, DONE)
    pipeline.tick()
    assert pipeline.history(issue).state is State.MERGED
    assert pipeline.history(issue).attempts == 0
