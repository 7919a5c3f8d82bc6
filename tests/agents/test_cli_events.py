"""What is made of what a CLI prints: its end, in a word; and how it is started, to the last
word."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.agents.cli_agent import CLIS, CliAgent, report_of
from harness.domain.errors import ModelsPaused, SandboxError
from harness.domain.model_choice.agents import AgentChoice, AgentKind
from harness.domain.sandbox import Layer, SandboxResult, SandboxSpec
from harness.ports.agent import Assignment
from harness.ports.model import Session
from harness.programs.agent_clis.cli import NO_KEY, CliOrder, CliWire, ended_well
from harness.programs.agent_clis.installed import Program, Programs

CLAUDE, CODEX, OPENCODE = (
    CLIS[kind] for kind in (AgentKind.CLAUDE_CODE, AgentKind.CODEX, AgentKind.OPENCODE)
)


def printed(*events: dict[str, Any], noise: bytes = b"", **changes: Any) -> SandboxResult:
    lines = b"\n".join([noise, *(json.dumps(event).encode() for event in events)])
    given: dict[str, Any] = {
        "form": "bwrap-root",
        "unheld": (),
        "exit_code": 0,
        "signal": None,
        "killed_by": None,
        "seconds": 1.0,
        "peak_memory_mb": 9,
        "stdout": lines,
        "stderr": b"a complaint\n",
    }
    return SandboxResult(**given | changes)


def program(kind: AgentKind, folder: Path = Path("/nowhere")) -> Program:
    return Program(
        kind=kind,
        version="1.2.3",
        folder=folder,
        path="bin/it",
        package="it@1.2.3",
        integrity="sha512-x",
    )


LOOKS = [{"type": "text", "text": "I look."}, {"type": "tool_use", "name": "Bash"}]
USED = {"type": "assistant", "message": {"content": LOOKS}}
RAN = {
    "type": "item.completed",
    "item": {"type": "command_execution", "command": "ls", "exit_code": 0},
}
SAID = {
    "type": "item.completed",
    "item": {"type": "agent_message", "text": "Done.\n\noutcome: finished"},
}
STEP = {"type": "step_finish", "part": {"type": "step-finish", "reason": "tool-calls"}}
LAST = {"type": "step_finish", "part": {"type": "step-finish", "reason": "stop"}}
TOOL = {"type": "tool_use", "part": {"type": "tool", "tool": "bash"}}
TEXT = {"type": "text", "part": {"type": "text", "text": "Done.\noutcome: blocked"}}


def result(subtype: str = "success", **fields: Any) -> dict[str, Any]:
    return {
        "type": "result",
        "subtype": subtype,
        "is_error": subtype != "success",
        "num_turns": 3,
        "result": "",
        **fields,
    }


def failure(**data: str) -> dict[str, Any]:
    return {"type": "error", "error": {"name": "APIError", "data": data}}


ENDS = [
    (CLAUDE, [USED, result(result="Done.\noutcome: finished")], ("finished", None, "Done.", 3, 1)),
    (
        CLAUDE,
        [USED, result(result="As is.\n\n**outcome: spec-conflict**")],
        ("gave-up", "spec-conflict", "As is.", 3, 1),
    ),
    (
        CLAUDE,
        [USED, USED, result("error_max_turns")],
        ("out-of-turns", None, "not done after 3 turns", 3, 2),
    ),
    (
        CLAUDE,
        [result(is_error=True, result="API Error: 400 model: no")],
        ("error", None, "API Error: 400 model: no", 3, 0),
    ),
    (
        CLAUDE,
        [result(is_error=True, result="403 budget_exhausted")],
        ("budget", None, "403 budget_exhausted", 3, 0),
    ),
    (
        CLAUDE,
        [result("error_during_execution", errors=["it fell", "over"])],
        ("error", None, "it fell; over", 3, 0),
    ),
    (
        CODEX,
        [RAN, SAID, {"type": "turn.completed", "usage": {}}],
        ("finished", None, "Done.", 2, 1),
    ),
    (
        CODEX,
        [RAN, {"type": "turn.failed", "error": {"message": "no such model"}}],
        ("error", None, "no such model", 2, 1),
    ),
    (CODEX, [{"type": "error", "message": "cut"}], ("error", None, "cut", 1, 0)),
    (CODEX, [{"type": "turn.completed"}], ("finished", None, "", 1, 0)),
    (OPENCODE, [STEP, TOOL, TEXT, LAST], ("gave-up", "blocked", "Done.", 2, 1)),
    (OPENCODE, [STEP, TOOL, failure(message="cut")], ("error", None, "cut", 1, 1)),
    (
        OPENCODE,
        [failure(message="the cap", responseBody="budget_exhausted")],
        ("budget", None, "the cap", 0, 0),
    ),
    (
        CODEX,
        [{"type": "turn.failed", "error": {"message": '{"code": "insufficient_quota"}'}}],
        ("budget", None, '{"code": "insufficient_quota"}', 1, 0),
    ),
    (
        OPENCODE,
        [{"type": "error", "error": {"name": "UnknownError"}}],
        ("error", None, "UnknownError", 0, 0),
    ),
]


@pytest.mark.parametrize(("cli", "events", "expected"), ENDS)
def test_an_end_is_reported_in_one_word(
    cli: Any, events: list[dict[str, Any]], expected: tuple[Any, ...]
) -> None:
    report = report_of(
        printed(*events, noise=b"warning: no colours\n{broken"), cli, program(cli.kind)
    )
    assert (
        report.outcome,
        report.reason,
        report.summary,
        report.turns,
        report.tool_calls,
    ) == expected
    assert (report.agent, report.sandbox_form) == (f"{cli.kind} 1.2.3", "bwrap-root")


NO_ENDS = [
    b"",
    b"\n",
    b"done",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"type": "result"}{',
    b'{"type": []}',
    b'{"type": "result.x"}',
]


@pytest.mark.parametrize("cli", CLIS.values(), ids=CLIS)
@pytest.mark.parametrize("output", NO_ENDS)
def test_what_tells_no_end_is_an_error_with_its_complaint(cli: Any, output: bytes) -> None:
    report = report_of(printed(noise=output, exit_code=1), cli, program(cli.kind))
    assert (report.outcome, report.summary) == (
        "error",
        "it ended with exit 1 and reported no end: a complaint",
    )


HOSTILE = [
    {
        "type": "result",
        "subtype": [],
        "is_error": 0,
        "num_turns": "many",
        "result": {"a": 1},
        "errors": 3,
    },
    {"type": "assistant", "message": "text"},
    {"type": "assistant", "message": {"content": 7}},
    {"type": "item.completed"},
    {"type": "item.completed", "item": []},
    {"type": "item.completed", "item": {"type": []}},
    {"type": "turn.failed", "error": 4},
    {"type": "step_finish", "part": "stop"},
    {"type": "text", "part": None},
    {"type": "error", "error": [1]},
]


@pytest.mark.parametrize("cli", CLIS.values(), ids=CLIS)
def test_events_of_any_shape_are_read_and_believed_nothing(cli: Any) -> None:
    report = report_of(printed(*HOSTILE), cli, program(cli.kind))
    assert (report.outcome, report.reason) == ("error", None)
    assert 0 <= report.turns < 1_000_000


@pytest.mark.parametrize("cli", CLIS.values(), ids=CLIS)
def test_a_sandbox_that_was_ended_has_no_say(cli: Any) -> None:
    report = report_of(
        printed(result(), SAID, {"type": "turn.completed"}, LAST, killed_by="wall"),
        cli,
        program(cli.kind),
    )
    assert (report.outcome, report.summary, report.killed_by) == (
        "error",
        "the sandbox was ended: wall",
        "wall",
    )


def test_a_summary_is_cut() -> None:
    assert (
        len(report_of(printed(result(result="x" * 100_000)), CLAUDE, program(CLAUDE.kind)).summary)
        == 8000
    )


@pytest.mark.parametrize(
    ("message", "outcome", "reason"),
    [
        ("Done.", "finished", None),
        ("", "finished", None),
        ("outcome: finished", "finished", None),
        ("x\nOUTCOME: Cannot-Reproduce.", "gave-up", "cannot-reproduce"),
        ("x\n> `outcome: blocked`", "gave-up", "blocked"),
        ("outcome: merged", "finished", None),
        ("outcome: blocked\nby nothing", "finished", None),
        ("no outcome: blocked", "finished", None),
    ],
)
def test_only_a_last_line_that_is_nothing_else_is_a_reason(
    message: str, outcome: str, reason: str | None
) -> None:
    read_events = ended_well(message, turns=1, tool_calls=0)
    assert (read_events.outcome, read_events.reason) == (outcome, reason)


def order(**changes: Any) -> CliOrder:
    given: dict[str, Any] = {
        "instructions": 'The rules.\n"quoted" \U0001f600\x7f',
        "task": "Do it; $(touch x)",
        "model": "openrouter/m",
        "turns": 7,
        "wire": CliWire.ANTHROPIC,
        "url": "http://127.0.0.1:8090",
        "home": "/home/agent",
        "worktree": "/workspace/worktree",
        "max_tokens": 900,
    }
    return CliOrder(**given | changes)


@pytest.mark.parametrize("cli", CLIS.values(), ids=CLIS)
def test_the_task_is_standard_input_and_never_a_word_of_a_command(cli: Any) -> None:
    launch = cli.launch(order())
    assert launch.stdin.startswith("Do it; $(touch x)\n")
    assert not [
        text
        for text in (*launch.words, *launch.env.values(), *launch.files.values())
        if "touch x" in text
    ]
    assert {value for name, value in launch.env.items() if "KEY" in name} <= {NO_KEY}


def test_codex_has_its_settings_whole_in_one_file() -> None:
    settings = tomllib.loads(CODEX.launch(order(effort="high")).files[".codex/config.toml"])
    assert settings["developer_instructions"] == order().instructions
    assert settings["model_providers"]["broker"]["base_url"] == "http://127.0.0.1:8090/v1"
    assert settings["projects"] == {"/workspace/worktree": {"trust_level": "untrusted"}}
    assert settings["model_reasoning_effort"] == "high"
    assert "env_key" not in settings["model_providers"]["broker"]


@pytest.mark.parametrize(
    ("wire", "client"),
    [(CliWire.ANTHROPIC, "@ai-sdk/anthropic"), (CliWire.OPENAI, "@ai-sdk/openai-compatible")],
)
def test_opencode_speaks_the_wire_of_the_models_provider(wire: CliWire, client: str) -> None:
    launch = OPENCODE.launch(order(wire=wire))
    provider = json.loads(launch.files[".config/opencode/opencode.json"])["provider"]["broker"]
    assert (provider["npm"], list(provider["models"])) == (client, ["openrouter/m"])
    assert "broker/openrouter/m" in launch.words


class Noted:
    """A sandbox that keeps what it was asked to run."""

    def __init__(self, form: str = "bwrap-root") -> None:
        self._form, self.specs, self.homes, self.hidden = (
            form,
            list[SandboxSpec](),
            list[dict[str, str]](),
            list[int](),
        )

    def run(self, spec: SandboxSpec, *, stdin: bytes = b"") -> SandboxResult:
        self.specs.append(spec)
        home = Path(next(bind.source for bind in spec.binds if bind.target == "/home/agent"))
        self.hidden = [
            os.stat(bind.source).st_mode & 0o777
            for bind in spec.binds
            if "/nothing/" in bind.source
        ]
        self.homes.append(
            {
                str(path.relative_to(home)): path.read_text()
                for path in home.rglob("*")
                if path.is_file()
            }
        )
        return printed(result(), SAID, {"type": "turn.completed"}, TEXT, LAST)

    def form(self) -> str:
        return self._form

    def layer(self, lock: bytes, *, name: str, wheels: Path, **_: object) -> Layer:
        raise AssertionError("no layer is asked for")


class There(Programs):
    """Every CLI is there."""

    def chosen(self, choice: AgentChoice) -> Program:
        return program(choice.kind, Path("/opt"))


def assignment(folder: Path, kind: AgentKind, **changes: Any) -> Assignment:
    worktree = folder / "worktree"
    worktree.mkdir(exist_ok=True)
    given: dict[str, Any] = {
        "run": "implement-1-1",
        "role": "implementer",
        "worktree": worktree,
        "system": ("The rules.", "More of it."),
        "task": "Do it.",
        "agent": AgentChoice(kind),
    }
    return Assignment(**given | changes)


def session(model: str = "m") -> Session:
    return Session("s", Path("/run/model.sock"), model)


@pytest.mark.parametrize("kind", CLIS)
def test_a_sandbox_has_the_worktree_the_program_its_home_and_the_broker(
    tmp_path: Path, kind: AgentKind
) -> None:
    sandbox = Noted()
    CliAgent(sandbox, There(tmp_path)).work(
        assignment(
            tmp_path,
            kind,
            layer=Layer(str(tmp_path), "PYTHONPATH"),
            env=(("DATABASE_URL", "postgresql://"), ("HOME", "/root")),
        ),
        session(),
    )
    (spec,) = sandbox.specs
    assert spec.env["DATABASE_URL"] == "postgresql://"
    assert {(bind.target, bind.mode) for bind in spec.binds} == {
        ("/workspace/worktree", "rw"),
        ("/home/agent", "rw"),
        ("/opt/cli", "ro"),
        ("/opt/layer", "ro"),
    }
    assert spec.env["PYTHONPATH"] == "/opt/layer"
    assert (spec.argv[0], spec.cwd) == ("/opt/cli/bin/it", "/workspace/worktree")
    assert [dial.socket for dial in spec.dial] == ["/run/model.sock"]
    assert spec.env["HOME"] == "/home/agent"
    assert "The rules." in "".join(sandbox.homes[0].values())
    assert not Path(
        next(bind.source for bind in spec.binds if bind.target == "/home/agent")
    ).exists()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (AgentKind.OPENCODE, ".opencode"),
        (AgentKind.OPENCODE, "opencode.json"),
        (AgentKind.CODEX, ".codex"),
        (AgentKind.CODEX, ".agents"),
    ],
)
def test_what_would_be_obeyed_is_not_there(tmp_path: Path, kind: AgentKind, name: str) -> None:
    given, sandbox = assignment(tmp_path, kind), Noted()
    place = given.worktree / name
    place.write_text("{}") if name.endswith("json") else place.mkdir()
    before = os.umask(0o077)
    CliAgent(sandbox, There(tmp_path)).work(given, session())
    os.umask(before)
    assert [
        bind.mode for bind in sandbox.specs[0].binds if bind.target == f"/workspace/worktree/{name}"
    ] == ["ro"]
    assert sandbox.hidden == [0o444 if name.endswith("json") else 0o555]


@pytest.mark.parametrize(
    ("form", "link", "message"),
    [
        (
            "landlock",
            False,
            r"\.opencode in the repository cannot be hidden in a sandbox of the form landlock",
        ),
        ("bwrap-root", True, r"\.opencode in the repository is a symbolic link"),
    ],
)
def test_what_cannot_be_hidden_ends_the_run_before_it_begins(
    tmp_path: Path, form: str, link: bool, message: str
) -> None:
    given, sandbox = assignment(tmp_path, AgentKind.OPENCODE), Noted(form)
    place = given.worktree / ".opencode"
    place.symlink_to(tmp_path) if link else place.mkdir()
    with pytest.raises(SandboxError, match=message):
        CliAgent(sandbox, There(tmp_path)).work(given, session())
    assert sandbox.specs == []


def test_without_mounts_it_gets_the_paths_of_the_host(tmp_path: Path) -> None:
    sandbox = Noted("landlock")
    CliAgent(sandbox, There(tmp_path)).work(assignment(tmp_path, AgentKind.CODEX), session())
    settings = tomllib.loads(sandbox.homes[0][".codex/config.toml"])
    assert list(settings["projects"]) == [str(tmp_path / "worktree")]


WIRES = {"": CliWire.ANTHROPIC, "openai": CliWire.OPENAI}


@pytest.mark.parametrize(
    ("kind", "model", "fits"),
    [
        (AgentKind.CLAUDE_CODE, "claude-sonnet-5-5", True),
        (AgentKind.CODEX, "openai/gpt-5.5", True),
        (AgentKind.OPENCODE, "openai/x", True),
        (AgentKind.CODEX, "claude-sonnet-5-5", False),
        (AgentKind.CLAUDE_CODE, "openai/gpt-5.5", False),
        (AgentKind.CODEX, "nobody/x", False),
    ],
)
def test_a_cli_and_a_model_of_another_wire_do_not_go_together(
    tmp_path: Path, kind: AgentKind, model: str, fits: bool
) -> None:
    sandbox = Noted()
    agent = CliAgent(sandbox, There(tmp_path), wires=WIRES)
    if fits:
        agent.work(assignment(tmp_path, kind), session(model))
        return
    with pytest.raises(ModelsPaused, match=f"{kind} speaks .*, and the provider of {model} speaks"):
        agent.work(assignment(tmp_path, kind), session(model))
    assert sandbox.specs == []


def test_what_was_printed_is_kept_by_run_and_role(tmp_path: Path) -> None:
    CliAgent(Noted(), There(tmp_path), output_folder=tmp_path / "runs").work(
        assignment(tmp_path, AgentKind.CODEX), session()
    )
    assert (
        "turn.completed"
        in (tmp_path / "runs" / "implement-1-1" / "implementer.events.jsonl").read_text()
    )
