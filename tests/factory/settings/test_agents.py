"""Which agent works: what `factory.toml` may say of it, and what is written down of who it was."""

import re
from dataclasses import replace

import pytest

from harness.domain.errors import ConfigError
from harness.domain.lifecycle import State
from harness.domain.model_choice.agents import BUILT_IN, AgentChoice, AgentKind
from harness.factory.settings.config import read_config
from tests.factory.players import cast_by
from tests.factory.world import World, fixes
from tests.fakes.people import FakeAgent

PICKED = (
    '[models]\nimplementer = {model = "openai/gpt-5.5", agent = "theirs"}\n[agents.theirs]\nkind ='
    ' "codex"\n'
)


class Theirs(FakeAgent):
    """Works as the fake does, under another name."""

    def work(self, assignment, session):
        return replace(super().work(assignment, session), agent="codex 1.2.3")


def test_a_model_without_an_agent_works_with_the_built_in_one() -> None:
    config = read_config("schema = 1\n")
    assert config.agent(config.models.implementer[0]) == BUILT_IN


@pytest.mark.parametrize(
    ("version", "choice"),
    [
        ("", AgentChoice(AgentKind.CODEX)),
        ('version = "1.2.3-linux.4"', AgentChoice(AgentKind.CODEX, "1.2.3-linux.4")),
    ],
)
def test_an_agent_is_picked_for_one_model_by_its_name(version, choice) -> None:
    config = read_config(
        "schema = 1\n[models]\n"
        'implementer = ["one", {model = "two", agent = "theirs"}]\n'
        f'[agents.theirs]\nkind = "codex"\n{version}\n'
    )
    assert [config.agent(tier) for tier in config.models.implementer] == [BUILT_IN, choice]


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (
            '[agents]\ntheirs = "codex"',
            "agents.theirs",
            "expected a table with `kind`, one of built-in, claude-code, codex",
        ),
        (
            '[agents.theirs]\nkind = "codecs"',
            "agents.theirs.kind",
            "expected one of built-in, claude-code, codex, opencode",
        ),
        ("[agents.theirs]\nkind = []", "agents.theirs.kind", "expected one of"),
        ("[agents.theirs]", "agents.theirs.kind", "found None"),
        (
            '[agents.theirs]\nkind = "codex"\npath = "/etc/shadow"',
            "agents.theirs.path",
            "no such key",
        ),
        (
            '[agents.theirs]\nkind = "codex"\nversion = "../../x"',
            "agents.theirs.version",
            "expected a version such as",
        ),
        (
            '[agents.theirs]\nkind = "codex"\nversion = 1.2',
            "agents.theirs.version",
            "expected a version such as",
        ),
        (
            '[agents.theirs]\nkind = "built-in"\nversion = "1.2.3"',
            "agents.theirs.version",
            "has no version of its own",
        ),
        (
            '[models]\nimplementer = {model = "one", agent = "nobody"}',
            "models.implementer",
            "no agent of the name 'nobody'",
        ),
        (
            (
                '[agents.theirs]\nkind = "codex"\n[models]\nreviewer = {model = "one", agent ='
                ' "theirs"}'
            ),
            "models.reviewer",
            "only the implementer works with an agent",
        ),
    ],
)
def test_what_cannot_be_picked_is_refused_with_its_key(text, key, message) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        read_config(f"schema = 1\n{text}\n")
    assert error.value.key == key


def test_the_agent_that_is_picked_gets_the_work_and_is_in_the_ledger(tmp_path) -> None:
    world = cast_by(World(tmp_path, agent=Theirs(fixes)), PICKED)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert [assignment.agent for assignment in world.agent.assignments] == [
        AgentChoice(AgentKind.CODEX)
    ]
    built = [
        entry.data["result"]["output"]
        for entry in world.ledger.entries(kind="node")
        if entry.data["node"] == "build"
    ]
    assert [(output["agent"], output["model"]) for output in built] == [
        ("codex 1.2.3", "openai/gpt-5.5")
    ]
