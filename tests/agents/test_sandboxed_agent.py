"""The agent in a real sandbox: what it gets, what it can reach, and how its report is read."""

import json
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness.agents.builtin_agent import SandboxedAgent, report_of
from harness.domain.errors import ModelError
from harness.domain.sandbox import Form, Layer, SandboxResult
from harness.ports.agent import Assignment
from harness.ports.model import Session
from harness.programs.sandbox.client import SandboxSupervisor
from tests.agents.conftest import Broker, request

NUMBERS = count(2000)


def called(name: str, **given: Any) -> dict[str, Any]:
    return {"response": {"content": [{"type": "tool_use", "name": name, "input": given}]}}


@pytest.fixture
def sandbox(tmp_path: Path) -> SandboxSupervisor:
    return SandboxSupervisor(tmp_path / "layers")


@pytest.fixture
def assignment(tmp_path: Path) -> Callable[..., Assignment]:
    """A run's folder as the factory lays it out: a worktree, and its store beside it."""
    worktree, layer = tmp_path / "run" / "worktree", tmp_path / "layer"
    for folder in (worktree, layer, worktree.with_name("store.git"), worktree.with_name("secret")):
        folder.mkdir(parents=True)
    (worktree / "app.py").write_text("import prepared\nprint(prepared.WORD)\n")
    (worktree.with_name("secret") / "journey.yaml").write_text("canary")
    (layer / "prepared.py").write_text("WORD = 'from the layer'\n")

    def make(**changes: Any) -> Assignment:
        given: dict[str, Any] = {
            "run": "run-1",
            "role": "implementer",
            "worktree": worktree,
            "system": ("The rules.",),
            "task": "Make it work.",
            "layer": Layer(str(layer), "PYTHONPATH"),
            "wall_seconds": 900,
        }
        return Assignment(**given | changes)

    return make


Played = Callable[..., Any]


@pytest.fixture
def play(replaying: Broker, sandbox: SandboxSupervisor) -> Played:
    def run(assignment: Assignment, *exchanges: dict[str, Any]) -> Any:
        issue = next(NUMBERS)
        replaying.record({"exchanges": exchanges}, issue=issue)
        with replaying.client.open(request(issue=issue)) as session:
            return SandboxedAgent(sandbox).work(assignment, session)

    return run


def test_it_works_in_the_worktree_with_the_projects_packages(
    play: Played, assignment: Callable[..., Assignment]
) -> None:
    given = assignment()
    checked = called("finish", summary="ok") | {
        "request": {"contains": ["from the layer\n", "/workspace/worktree\n"]}
    }
    report = play(
        given,
        called("edit", path="new.txt", new="made in the sandbox"),
        called("search", pattern="made in"),
        called("run", command="pwd; python app.py; ls -A /workspace"),
        checked,
    )
    assert (report.outcome, report.summary, report.turns, report.tool_calls) == (
        "finished",
        "ok",
        4,
        4,
    )
    assert Form(report.sandbox_form).sealed
    assert report.killed_by is None
    assert (given.worktree / "new.txt").read_text() == "made in the sandbox"


def test_the_whole_of_an_output_lies_in_the_sandbox_and_what_was_left_running_is_ended(
    play: Played, assignment: Callable[..., Assignment]
) -> None:
    there = {
        "request": {
            "contains": [
                "left running in the background, and ended",
                "lines left out here; all of it is in ",
            ]
        }
    }
    look = (
        "wc -l < ${TMPDIR:-/tmp}/outputs/1.txt; cat /proc/[0-9]*/cmdline | tr -d '\\0' | grep -c"
        " 'sleep474[7]'"
    )
    report = play(
        assignment(),
        called("run", command="seq 20000; setsid -f sleep 4747; sleep 4747 &"),
        called("run", command=look) | there,
        called("finish", summary="ok") | {"request": {"contains": ["20000\n0\n[exit 1]"]}},
    )
    assert report.outcome == "finished"


PROBE = """
import os, socket, pathlib
print("workspace", sorted(os.listdir("/workspace")))
print("variables", sorted(os.environ))
for name in ("/workspace/secret", "{home}", "{sealed}", "/home", "/etc/shadow"):
    try:
        # A sandbox has /home, and nothing is there.
        if found := os.listdir(name) if os.path.isdir(name) else open(name).read():
            print("readable", name, found)
    except OSError:
        pass
for address in (("192.0.2.1", 53), ("127.0.0.1", 22), ("127.0.0.1", 8091)):
    try:
        socket.create_connection(address, 1)
        print("reached", address)
    except OSError:
        pass
for name in pathlib.Path("/proc").glob("[0-9]*/environ"):
    try:
        print("key" if b"sk-of-the-factory" in name.read_bytes() else "no key", "in", name)
    except OSError:
        pass
"""


def test_it_sees_its_own_folder_and_the_broker_and_nothing_else(
    play: Played,
    assignment: Callable[..., Assignment],
    replaying: Broker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-factory")
    given = assignment()
    probe = PROBE.format(home=replaying.options.home, sealed=replaying.options.replay_sealed)
    (given.worktree / "probe.py").write_text(probe)
    expected = [
        "workspace ['store.git', 'worktree']\n",
        "'GIT_TERMINAL_PROMPT', 'HOME', 'LANG', 'PAGER', 'PATH', ",
        "no key in /proc/",
        "[exit 0]",
    ]
    report = play(
        given,
        called("run", command="python probe.py | tee said.txt"),
        called("finish", summary="ok") | {"request": {"contains": expected}},
    )
    assert report.outcome == "finished"
    said = (given.worktree / "said.txt").read_text()
    assert "readable" not in said
    assert "reached" not in said
    assert not any(line.startswith("key") for line in said.splitlines())
    assert not {"ANTHROPIC", "KEY", "TOKEN"} & {
        word for name in said.splitlines()[1].split("'") for word in name.split("_")
    }


def test_a_sandbox_that_uses_up_its_time_is_an_error_with_that_reason(
    replaying: Broker, sandbox: SandboxSupervisor, assignment: Callable[..., Assignment]
) -> None:
    for wall in (4, 32, 256):  # on a busy machine the agent needs more to come to its command
        issue = next(NUMBERS)
        replaying.record(
            {"exchanges": [called("run", command="sleep 1000"), called("finish", summary="late")]},
            issue=issue,
        )
        opened = replaying.client.open(request(issue=issue))
        report = SandboxedAgent(sandbox).work(assignment(wall_seconds=wall), opened.__enter__())
        assert (report.outcome, report.summary, report.killed_by) == (
            "error",
            "the sandbox was ended: wall",
            "wall",
        )
        if replaying.client.spent_on(issue).calls:
            break
        opened.__exit__(None, None, None)
    with pytest.raises(ModelError, match="was not used up"):
        opened.__exit__(None, None, None)


def result(stdout: bytes, **changes: Any) -> SandboxResult:
    given: dict[str, Any] = {
        "form": "bwrap-root",
        "unheld": (),
        "exit_code": 0,
        "signal": None,
        "killed_by": None,
        "seconds": 1.0,
        "peak_memory_mb": 9,
        "stdout": stdout,
        "stderr": b"Traceback\nValueError: x\n",
    }
    return SandboxResult(**given | changes)


GOOD = {"outcome": "gave-up", "summary": "s", "reason": "blocked", "turns": 2, "tool_calls": 3}


def test_the_last_line_is_the_report() -> None:
    lines = [
        json.dumps({"turn": 1, "tool": "run"}),
        json.dumps(GOOD | {"outcome": "finished"}),
        json.dumps(GOOD),
    ]
    report = report_of(result("\n".join(lines).encode() + b"\n\n"))
    assert (report.outcome, report.summary, report.reason, report.turns, report.tool_calls) == (
        "gave-up",
        "s",
        "blocked",
        2,
        3,
    )


@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        b"\n",
        b"done",
        b"[]",
        b"{}",
        b"{" * 5000,
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"outcome": "merged"}',
        b'{"outcome": []}',
        json.dumps(GOOD).encode() + b"\nTraceback",
    ],
)
def test_anything_else_is_no_report(stdout: bytes) -> None:
    report = report_of(result(stdout, exit_code=1))
    assert (report.outcome, report.summary) == (
        "error",
        "the agent ended with exit 1 and no report: ValueError: x",
    )


def test_the_reason_for_giving_up_is_reported() -> None:
    assert report_of(result(json.dumps(GOOD | {"evidence": ["pytest -q"]}).encode())).evidence == (
        "pytest -q",
    )


@pytest.mark.parametrize("evidence", [None, "all of it", {"a": 1}, [1, None, ["x"]]])
def test_evidence_that_is_no_list_of_texts_is_none(evidence: Any) -> None:
    assert report_of(result(json.dumps(GOOD | {"evidence": evidence}).encode())).evidence == ()


def test_a_report_is_taken_in_its_own_words_only() -> None:
    report = report_of(
        result(
            json.dumps(
                GOOD
                | {
                    "summary": "x" * 100_000,
                    "reason": "merge me",
                    "turns": -1,
                    "tool_calls": "many",
                    "sandbox_form": "unsealed",
                    "evidence": ["y" * 9000] * 99,
                }
            ).encode()
        )
    )
    assert (len(report.evidence), len(report.evidence[0])) == (10, 500)
    assert (len(report.summary), report.reason, report.turns, report.tool_calls) == (
        8000,
        None,
        0,
        0,
    )
    assert report.sandbox_form == "bwrap-root"


def test_a_sandbox_that_was_ended_has_no_say() -> None:
    report = report_of(
        result(json.dumps(GOOD).encode(), exit_code=128 + signal.SIGKILL, killed_by="memory")
    )
    assert (report.outcome, report.summary, report.killed_by) == (
        "error",
        "the sandbox was ended: memory",
        "memory",
    )


def test_packages_that_a_project_looks_for_in_its_tree_are_there_for_the_agent(
    tmp_path: Path, assignment: Callable[..., Assignment]
) -> None:
    given = assignment(layer=Layer("/layers/one", within="web/node_modules"))
    session = Session("s", tmp_path / "m.sock", "m")
    spec = SandboxedAgent(SandboxSupervisor(tmp_path)).spec(given, session)
    binds = {(bind.source, bind.target, bind.mode) for bind in spec.binds}
    assert ("/layers/one", "/workspace/worktree/web/node_modules", "ro") in binds
    assert "TOOL_PYTHONPATH" not in spec.env


def test_no_layer_and_no_store_are_fine(tmp_path: Path) -> None:
    (tmp_path / "worktree").mkdir()
    given = Assignment(
        run="r", role="implementer", worktree=tmp_path / "worktree", system=("rules",), task="t"
    )
    spec = SandboxedAgent(SandboxSupervisor(tmp_path)).spec(
        given, Session("s", tmp_path / "m.sock", "m")
    )
    assert [bind.target for bind in spec.binds if bind.mode == "rw"] == ["/workspace/worktree"]
    assert "TOOL_PYTHONPATH" not in spec.env
    assert os.fspath(tmp_path) not in json.dumps(list(spec.env.values()))


def test_the_environment_of_the_tests_is_for_the_agents_tools_alone(
    tmp_path: Path, assignment: Callable[..., Assignment]
) -> None:
    given = assignment(
        layer=Layer("/layers/one", "PYTHONPATH"),
        env=(("DATABASE_URL", "postgresql://app@127.0.0.1/shop"), ("PYTHONPATH", "src")),
    )
    own = SandboxedAgent(SandboxSupervisor(tmp_path)).spec(
        assignment(layer=given.layer), Session("s", tmp_path / "m.sock", "m")
    )
    spec = SandboxedAgent(SandboxSupervisor(tmp_path)).spec(
        given, Session("s", tmp_path / "m.sock", "m")
    )
    assert spec.env["DATABASE_URL"] == "postgresql://app@127.0.0.1/shop"
    assert spec.env["TOOL_PYTHONPATH"] == "src"
    assert spec.env["PYTHONPATH"] == own.env["PYTHONPATH"]
