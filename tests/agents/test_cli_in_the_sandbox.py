"""Claude Code, Codex and OpenCode, the real programs, in a real sandbox with a real broker, in a
hostile repository."""

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness.agents.cli_agent import CliAgent
from harness.domain.errors import BudgetExhausted
from harness.domain.model_choice.agents import AgentChoice
from harness.domain.sandbox import Form
from harness.ports.agent import AgentReport, Assignment
from harness.programs.agent_clis.cli import NO_KEY
from harness.programs.agent_clis.installed import Programs
from harness.programs.sandbox.client import SandboxSupervisor
from tests.agents.clis import (
    CANARY,
    MARK,
    PLAYERS,
    RULES,
    TRAPS,
    Player,
    calls,
    home_of_the_clis,
    hostile_worktree,
    text_answer,
)
from tests.agents.conftest import Broker, request
from tests.sandbox.sandboxes import a_marker, running_with

pytestmark = pytest.mark.soak(
    "needs agent CLIs of a quarter of a gigabyte each; test_cli_events reads what they write"
)

NUMBERS = count(7000)
SECRET = "sk-of-the-factory-0123456789"
LOOK = "python probe.py > said.txt 2>&1; env > env.txt; git status --short > status.txt"
CLAUDE, CODEX, _ = PLAYERS


@dataclass
class Session:
    """One session of a CLI, as it went."""

    player: Player
    report: AgentReport
    worktree: Path
    wire: list[dict[str, Any]]
    calls: int
    output_folder: Path
    seconds: float

    def file(self, name: str) -> str:
        return (self.worktree / name).read_text()


Played = Callable[..., Session]


@pytest.fixture(scope="module")
def reports() -> list[AgentReport]:
    """Every report so far, also of a session whose end the broker takes for an error."""
    return []


@pytest.fixture(scope="module")
def play(
    replaying: Broker, reports: list[AgentReport], tmp_path_factory: pytest.TempPathFactory
) -> Played:
    def run(
        player: Player,
        *exchanges: dict[str, Any],
        worktree: Path | None = None,
        usd: Decimal = Decimal(20),
        **changes: Any,
    ) -> Session:
        folder, issue = tmp_path_factory.mktemp(player.kind), next(NUMBERS)
        place = worktree or hostile_worktree(folder, secret=replaying.options.home)
        replaying.record({"model": player.model, "exchanges": exchanges}, issue=issue)
        given: dict[str, Any] = {
            "run": f"implement-{issue}-1",
            "role": "implementer",
            "worktree": place,
            "system": (RULES,),
            "task": "Make it work.",
            "wall_seconds": 1800,
            "agent": AgentChoice(player.kind),
        }
        agent = CliAgent(
            SandboxSupervisor(folder), Programs(home_of_the_clis()), output_folder=folder / "kept"
        )
        began = time.monotonic()
        with replaying.client.open(request(issue=issue, model=player.model, usd=usd)) as session:
            reports.append(report := agent.work(Assignment(**given | changes), session))
        return Session(
            player,
            report,
            place,
            replaying.log(session),
            replaying.client.usage(session).calls,
            folder / "kept" / str(given["run"]) / "implementer.events.jsonl",
            time.monotonic() - began,
        )

    return run


@pytest.fixture(scope="module", params=PLAYERS, ids=[player.kind for player in PLAYERS])
def worked(request: pytest.FixtureRequest, play: Played) -> Session:
    """One whole session: it looks around, edits a file with its own tools, and reports that it is
    done."""
    player: Player = request.param
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CODEX_API_KEY"):
            patch.setenv(name, SECRET)
        return play(
            player,
            player.shell(LOOK),
            *player.edits,
            text_answer("It was off by one.\n\noutcome: finished"),
        )


def test_it_edits_a_file_through_its_own_tools(worked: Session) -> None:
    assert worked.file("app.py") == "LIMIT = 8\nprint(LIMIT)\n"
    report = worked.report
    assert (report.outcome, report.summary, report.reason, report.killed_by) == (
        "finished",
        "It was off by one.",
        None,
        None,
    )
    assert report.tool_calls == 1 + len(worked.player.edits)
    assert report.agent.startswith(f"{worked.player.kind} ")
    assert Form(report.sandbox_form).sealed


def test_it_has_no_credential(worked: Session) -> None:
    said = worked.file("said.txt") + worked.file("env.txt")
    assert said.rstrip().splitlines()[-1]
    assert SECRET not in said
    variables = dict(
        line.split("=", 1) for line in worked.file("env.txt").splitlines() if "=" in line
    )
    secrets = {
        value
        for name, value in variables.items()
        if any(word in name for word in ("KEY", "TOKEN", "SECRET")) and value
    }
    assert {value for value in secrets if not value.isdigit()} <= {NO_KEY}


def test_it_reaches_its_broker_and_nothing_else(worked: Session) -> None:
    said = worked.file("said.txt").splitlines()
    assert said[0] == "workspace ['store.git', 'worktree']"
    assert said[-1] == "asked"
    assert not [line for line in said if line.startswith(("readable", "reached"))]


def test_it_asks_the_model_for_the_work_and_for_nothing_else(worked: Session) -> None:
    """No title, no summary, no check of a quota: what is asked beside the work would be paid for,
    and would not replay."""
    assert worked.calls == len(worked.wire) == 2 + len(worked.player.edits)
    offered = [line["request"]["tools"] for line in worked.wire if "tools" in line["request"]]
    assert {tuple(sorted(tool["name"] for tool in tools)) for tools in offered} == {
        worked.player.tools
    }


def test_nothing_in_the_repository_is_obeyed(worked: Session) -> None:
    assert sorted(path.name for path in worked.worktree.glob(f"{MARK}*")) == []
    assert "OBEYED" not in worked.file("env.txt")
    assert CANARY not in json.dumps(worked.wire)


def test_it_gets_the_rules_at_base(worked: Session) -> None:
    assert RULES in json.dumps(worked.wire[0]["request"])


def test_what_it_may_not_obey_stays_in_the_change_as_it_was(worked: Session) -> None:
    assert {name: worked.file(name) for name in TRAPS} == TRAPS


def test_what_it_printed_is_kept_for_people_and_its_home_is_not(worked: Session) -> None:
    events = [json.loads(line) for line in worked.output_folder.read_text().splitlines()]
    assert "It was off by one." in json.dumps(events)
    assert not list(Path(tempfile.gettempdir()).glob(f"factory-agent-{os.getpid()}-*"))


def test_an_honest_end_is_a_reason(play: Played) -> None:
    report = play(
        CODEX, text_answer("The page shows 8 already.\n\noutcome: cannot-reproduce")
    ).report
    assert (report.outcome, report.reason, report.summary) == (
        "gave-up",
        "cannot-reproduce",
        "The page shows 8 already.",
    )


@pytest.fixture(scope="module")
def one_turn(play: Played) -> Session:
    return play(CLAUDE, CLAUDE.shell("true"), max_turns=1)


def test_claude_code_ends_after_the_turns_that_it_is_given(one_turn: Session) -> None:
    report = one_turn.report
    assert (report.outcome, report.tool_calls) == ("out-of-turns", 1)


@pytest.mark.parametrize("player", PLAYERS, ids=[player.kind for player in PLAYERS])
def test_a_cap_that_is_reached_ends_it_as_one(
    play: Played, player: Player, reports: list[AgentReport]
) -> None:
    with pytest.raises(BudgetExhausted):
        play(player, text_answer("never"), usd=Decimal("0.0001"))
    assert (reports[-1].outcome, reports[-1].tool_calls) == ("budget", 0)


def test_time_that_is_up_ends_it_and_all_that_it_started(
    play: Played, one_turn: Session, tmp_path: Path
) -> None:
    """It has the time of several turns of now and here, so that it comes to start something."""
    marker, worktree = a_marker(), hostile_worktree(tmp_path, secret=tmp_path)
    with pytest.raises(Exception, match="was not used up"):
        play(
            CLAUDE,
            calls("Bash", {"command": f"touch began; setsid sleep {marker} & sleep {marker}"}),
            text_answer("late"),
            worktree=worktree,
            wall_seconds=max(30, round(5 * one_turn.seconds)),
        )
    assert (worktree / "began").exists()
    assert running_with(marker) == []
