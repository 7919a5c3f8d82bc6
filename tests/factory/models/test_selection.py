"""Who plays a role: the first of its models, another one where it fails, and nobody while all of
them rest."""

from datetime import timedelta

import pytest

from harness.domain.errors import AnswerError, ConfigError, ModelError
from harness.domain.issue import Permission
from harness.domain.lifecycle import State
from harness.domain.model_choice.breaker import BreakerSettings, Circuit, breaker
from harness.domain.model_choice.roles import Tier
from harness.factory.models.selection import observations_of
from harness.factory.records.chain import chain
from harness.factory.reporting import comments
from harness.factory.settings.config import read_config
from tests.factory.players import Players, cast_by
from tests.factory.world import ACCEPT, World, fixes
from tests.fakes.people import FakeAgent

TRIAGE = '[models]\ntriage = ["claude-haiku-5-5", "gpt-5-mini"]\n'
NO_ANSWER = AnswerError("it did not call `answer`")


def world_of(tmp_path, toml, *, agent=None, **answers) -> World:
    return cast_by(World(tmp_path, model=Players(**answers), agent=agent or FakeAgent(fixes)), toml)


def recorded(world: World, kind: str) -> list[tuple[str, str]]:
    return [(entry.data["role"], entry.data["model"]) for entry in world.ledger.entries(kind=kind)]


# factory.toml


@pytest.mark.parametrize(
    ("text", "fallbacks"),
    [
        ('implementer = "one"', (Tier("one"),)),
        (
            'implementer = {model = "here/one", effort = "high", max_tokens = 9000}',
            (Tier("here/one", "high", 9000),),
        ),
        (
            'implementer = ["one", {model = "here/two"}]',
            (Tier("one"), Tier("here/two")),
        ),
        ('planner = "one"', (Tier("claude-sonnet-5-5"),)),
    ],
)
def test_a_role_has_a_model_or_several_in_their_order(text, fallbacks) -> None:
    assert read_config(f"schema = 1\n[models]\n{text}\n").models.implementer == fallbacks


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("implementer = 7", "models.implementer", "expected a model's name, or a table"),
        ("implementer = []", "models.implementer", "expected a model"),
        ('implementer = ["one", 2]', "models.implementer.2", "expected a model's name"),
        ('implementer = ["one", "one"]', "models.implementer", "twice"),
        (
            'implementer = {modell = "one"}',
            "models.implementer.modell",
            "did you mean `models.implementer.model`",
        ),
        (
            'implementer = {model = "one", provider = "here"}',
            "models.implementer.provider",
            "no such key; known here: model, effort",
        ),
        (
            'implementer = {model = "one", max_tokens = -1}',
            "models.implementer.max_tokens",
            "expected a number from 0",
        ),
        ('implementor = "one"', "models.implementor", "did you mean `models.implementer`"),
        ('author = ["one", "two"]', "models.author", "expected one model"),
        ('judge = {model = "one", effort = "high"}', "models.judge", "expected one model"),
        ('[review]\nlenses = ["style"]', "review.lenses", "correctness, security"),
        ('[review]\nlenses = ["tests", "tests"]', "review.lenses", "each once"),
        ('[review]\nrequests = "grave"', "review.requests", "blocker, major or minor"),
        ("[breaker]\nfailures = 0", "breaker.failures", "expected a number from 1"),
        ("[families]\nclaude = 1", "families.claude", "name of a family"),
    ],
)
def test_what_nobody_could_heed_is_refused_with_its_key(text, key, expected) -> None:
    with pytest.raises(ConfigError, match=r"factory\.toml") as error:
        read_config(f"schema = 1\n[models]\n{text}\n")
    assert error.value.key == key
    assert expected in str(error.value)


# Another model


def test_where_the_first_model_gives_no_answer_the_next_is_asked_and_the_reason_is_recorded(
    tmp_path,
) -> None:
    world = world_of(tmp_path, TRIAGE, triage=(NO_ANSWER, ACCEPT))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert world.model.models("triage") == ["claude-haiku-5-5", "gpt-5-mini"]
    assert recorded(world, "cast") == [("triage", "gpt-5-mini")]
    titles = {link.title: link.fact for link in chain(world.history(issue), outcome="").links}
    assert (
        "in place of claude-haiku-5-5: it did not call `answer`"
        in titles["Another model plays triage"]
    )
    assert [request.attempt for request in world.broker.opened if request.role == "triage"] == [
        1,
        101,
    ]


def test_where_no_model_gives_an_answer_it_is_no_answer(tmp_path) -> None:
    world = world_of(tmp_path, TRIAGE, triage=NO_ANSWER)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.model.models("triage") == ["claude-haiku-5-5", "gpt-5-mini"]


@pytest.mark.parametrize(
    "error", [ModelError("overloaded", retryable=True), ModelError("the broker is not there")]
)
def test_what_is_not_the_models_own_failure_is_heard_against_no_model(tmp_path, error) -> None:
    world = world_of(tmp_path, TRIAGE, triage=error)
    world.file()
    world.tick()
    assert recorded(world, "model") == []
    assert world.model.models("triage") == ["claude-haiku-5-5"]


def test_a_model_that_does_its_part_leaves_nothing_in_the_ledger(tmp_path) -> None:
    world = world_of(tmp_path, TRIAGE)
    world.file()
    world.tick()
    assert [
        entry
        for kind in ("model", "cast", "escalation")
        for entry in world.ledger.entries(kind=kind)
    ] == []


# The breaker

ONE_HAND = "[limits]\nparallel = 1\n"
"""Answers are given in the order in which they are asked for: with two hands that is anybody's
guess."""


def files(world: World, number: int) -> None:
    for one in range(number):
        world.file(
            f"Places of kind {one * 7919} are gone",
            f"The places are gone. {'abcdefghij'[one] * 40} {one * 104729}",
        )


def test_after_three_failures_a_model_rests_and_is_tried_by_one_run_when_its_rest_is_over(
    tmp_path,
) -> None:
    failing = world_of(tmp_path, TRIAGE + ONE_HAND, triage=(*(NO_ANSWER, ACCEPT) * 3, ACCEPT))
    files(failing, 4)
    failing.tick(states=frozenset({State.UNTRIAGED}))
    assert failing.model.models("triage") == ["claude-haiku-5-5", "gpt-5-mini"] * 3 + ["gpt-5-mini"]
    assert "is paused until" in failing.ledger.entries(kind="cast")[-1].data["why"]
    failing.ledger.clock.at += timedelta(minutes=31)
    failing.file(
        "Something else is gone", "The places are gone, and so are the boats of the harbour."
    )
    failing.tick(states=frozenset({State.UNTRIAGED}))
    assert failing.model.models("triage")[-1] == "claude-haiku-5-5"
    assert [entry.data["sound"] for entry in failing.ledger.entries(kind="model")] == [
        "failed"
    ] * 3 + ["probe", "answered"]


def test_a_breaker_outlives_the_process_that_heard_it(tmp_path) -> None:
    world = world_of(tmp_path, TRIAGE + ONE_HAND, triage=(*(NO_ANSWER, ACCEPT) * 3, ACCEPT))
    for one in range(4):
        files(world, one + 1)
        world.tick(states=frozenset({State.UNTRIAGED}))  # each tick is a process of its own
    assert "claude-haiku-5-5" not in world.model.models("triage")[6:]


def test_where_every_model_rests_nothing_is_asked_and_no_issue_fails_for_it(tmp_path) -> None:
    world = world_of(
        tmp_path,
        '[models]\ntriage = "claude-haiku-5-5"\n[breaker]\nfailures = 1\n',
        triage=(NO_ANSWER, ACCEPT),
    )
    files(world, 1)
    world.tick()
    later = world.file(
        "Something else is gone", "The places are gone, and so are the boats of the harbour."
    )
    world.tick()
    (pause,) = world.ledger.entries(kind="pause")
    assert (
        "every model for the role triage failed too often and is paused (claude-haiku-5-5)"
        in pause.data["why"]
    )
    assert world.model.models("triage") == ["claude-haiku-5-5"]
    assert world.history(later).state is State.UNTRIAGED
    world.ledger.clock.at += timedelta(minutes=31)
    world.tick()
    assert world.history(later).state is State.MERGED


# Attempts

LADDER = '[models]\nimplementer = ["claude-sonnet-5-5", "gpt-5.5"]\n'


def does_nothing(worktree) -> None:
    pass


def stalls(worktree):
    return "stalled", "two answers in a row called no tool"


def breaks(worktree):
    return "error", "the box was ended: memory"


@pytest.mark.parametrize("first", [does_nothing, stalls])
def test_an_attempt_without_a_result_is_repeated_by_another_model_and_people_see_it(
    tmp_path, first
) -> None:
    world = world_of(tmp_path, LADDER, agent=FakeAgent(first, fixes))
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED, State.ACCEPTED}))
    history = world.history(issue)
    assert [request.model for request in world.broker.opened if request.role == "implementer"] == [
        "claude-sonnet-5-5",
        "gpt-5.5",
    ]
    (escalation,) = world.ledger.entries(kind="escalation")
    assert escalation.data["says"] == "gpt-5.5 makes it, because 1 attempt failed"
    assert ("implementer", "claude-sonnet-5-5") in recorded(world, "model")
    assert any(
        link.title == "Tried differently than before" for link in chain(history, outcome="").links
    )
    assert "gpt-5.5 makes it, because 1 attempt failed" in comments.issue_comment(
        history, lambda path: path
    )


def test_a_sandbox_that_broke_counts_against_no_model(tmp_path) -> None:
    world = world_of(tmp_path, LADDER, agent=FakeAgent(breaks, fixes))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert {request.model for request in world.broker.opened if request.role == "implementer"} == {
        "claude-sonnet-5-5"
    }
    assert recorded(world, "model") == []


def test_what_a_person_starts_again_starts_with_the_first_model(tmp_path) -> None:
    world = world_of(
        tmp_path, LADDER, agent=FakeAgent(does_nothing, does_nothing, does_nothing, fixes)
    )
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    world.forge.say(issue, "/factory retry", author=world.forge.person("mara", Permission.WRITE))
    world.tick()
    assert [request.model for request in world.broker.opened if request.role == "implementer"] == [
        "claude-sonnet-5-5",
        "gpt-5.5",
        "gpt-5.5",
        "claude-sonnet-5-5",
    ]


def test_a_model_that_claims_success_and_did_nothing_is_paused_and_an_honest_one_is_not(
    tmp_path,
) -> None:
    def gives_up(worktree):
        return "gave-up", "it cannot be reproduced"

    for name, work, rests in (("nothing", does_nothing, True), ("honest", gives_up, False)):
        world = world_of(
            tmp_path / name, f"{LADDER}[breaker]\nfailures = 2\n", agent=FakeAgent(work)
        )
        files(world, 3)
        world.tick()
        services = world.services()
        heard = list(
            observations_of(
                services.ledger.entries(kind="model"), "implementer", Tier("claude-sonnet-5-5")
            )
        )
        assert (len(heard) >= 2) is rests
        found = breaker(
            heard,
            breaker_settings=BreakerSettings(failures=2),
            now=services.clock.now(),
            run="another",
        )
        assert (found.circuit is Circuit.OPEN) is rests


def test_the_effort_and_length_of_a_tier_reach_whoever_asks(tmp_path) -> None:
    world = world_of(
        tmp_path,
        '[models.triage]\nmodel = "here/claude-haiku-5-5"\neffort = "low"\nmax_tokens = 900\n',
    )
    world.file()
    world.tick(states=frozenset({State.UNTRIAGED}))
    (session,) = (session for role, session, _ in world.model.asked if role == "triage")
    assert (session.model, session.effort, session.max_tokens) == (
        "here/claude-haiku-5-5",
        "low",
        900,
    )
