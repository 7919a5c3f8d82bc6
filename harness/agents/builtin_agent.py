"""The built-in agent in its box: the `Agent` port over the `Sandbox` port.

The box sees the run's worktree and its store, the loop, the project's prepared packages, and one
port that leads to the broker. What comes out of it is a report that nobody believes: it is read
with limits, and only in its own words."""

import json
from pathlib import Path
from typing import Any

from harness.domain.sandbox import Bind, Dial, Limits, SandboxResult, SandboxSpec
from harness.ports.agent import AgentReport, Assignment
from harness.ports.model import Session
from harness.ports.sandbox import Sandbox
from harness.programs import agent_loop

WORKSPACE, LAYER, AGENT = "/workspace", "/opt/layer", "/opt/agent"
# beside the worktree: the run's own git store, which git needs under its own name
STORE = "store.git"
# of the broker, inside the box
PORT = 8090
OUTCOMES = frozenset({"finished", "gave-up", "out-of-turns", "stalled", "budget", "error"})
REASONS = frozenset({"cannot-reproduce", "spec-conflict", "blocked"})
# characters of a summary
_LONGEST = 8_000
# pieces of evidence, and characters of one
_QUOTES, _QUOTE = 10, 500


class SandboxedAgent:
    """Runs assignments with the built-in loop. `memory_mb`, `pids` and `disk_mb` bound each box,
    `max_tokens` an answer where the session does not, `context_tokens` the conversation."""

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        memory_mb: int = 2048,
        pids: int = 512,
        disk_mb: int = 1024,
        max_tokens: int = 16_000,
        context_tokens: int = 150_000,
    ) -> None:
        self._sandbox, self._max_tokens, self._context_tokens = sandbox, max_tokens, context_tokens
        self._memory_mb, self._pids, self._disk_mb = memory_mb, pids, disk_mb

    def work(self, assignment: Assignment, session: Session) -> AgentReport:
        """Run it; the box is dead when this returns. Raises SandboxError when no box could be
        made."""
        told = json.dumps(
            {
                "system": list(assignment.system),
                "task": assignment.task,
                "model": session.model,
                "base_url": f"http://127.0.0.1:{PORT}",
                "max_turns": assignment.max_turns,
                "max_tokens": session.max_tokens or self._max_tokens,
                "context_tokens": self._context_tokens,
                "effort": session.effort,
            }
        )
        result = self._sandbox.run(
            self.spec(assignment, session), stdin=told.encode("utf-8", "backslashreplace")
        )
        return report_of(result)

    def spec(self, assignment: Assignment, session: Session) -> SandboxSpec:
        """The box for an assignment. The worktree is at /workspace under its own name, with its
        store beside it."""
        worktree = assignment.worktree.resolve()
        env = {"PYTHONPATH": AGENT}
        binds = [
            Bind(str(worktree), f"{WORKSPACE}/{worktree.name}", "rw"),
            Bind(str(Path(agent_loop.__file__).parent), f"{AGENT}/agent_loop"),
        ]
        if (store := worktree.with_name(STORE)).is_dir():
            binds.append(Bind(str(store), f"{WORKSPACE}/{STORE}", "rw"))
        if assignment.layer is not None:
            binds.append(Bind(str(assignment.layer.resolve()), LAYER))
            env["TOOL_PYTHONPATH"] = LAYER
        return SandboxSpec(
            name=assignment.role,
            argv=("python", "-m", "agent_loop"),
            cwd=f"{WORKSPACE}/{worktree.name}",
            env=env,
            binds=tuple(binds),
            distributions=("anthropic",),
            dial=(Dial(PORT, str(session.socket)),),
            limits=Limits(
                wall_seconds=assignment.wall_seconds,
                memory_mb=self._memory_mb,
                pids=self._pids,
                disk_mb=self._disk_mb,
            ),
            form=self._sandbox.form(),
        )


def report_of(result: SandboxResult) -> AgentReport:
    """The report in the last line that the box printed; an `error` when there is none, or the box
    was ended."""
    said = _last_object(result.stdout)
    outcome = said.get("outcome")
    if result.killed_by is not None:
        outcome, summary = "error", f"the box was ended: {result.killed_by}"
    elif isinstance(outcome, str) and outcome in OUTCOMES:
        summary = str(said.get("summary", ""))
    else:
        complaint = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        outcome, summary = (
            "error",
            f"the agent ended with exit {result.exit_code} and no report: {complaint}",
        )
    return AgentReport(
        outcome=str(outcome),
        summary=summary[:_LONGEST],
        reason=next((known for known in REASONS if known == said.get("reason")), None),
        turns=_count(said.get("turns")),
        tool_calls=_count(said.get("tool_calls")),
        sandbox_form=result.form,
        killed_by=result.killed_by,
        evidence=tuple(_texts(said.get("evidence"))),
    )


def _last_object(output: bytes) -> dict[str, Any]:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _texts(value: Any) -> list[str]:
    return (
        [text[:_QUOTE] for text in value if isinstance(text, str)][:_QUOTES]
        if isinstance(value, list)
        else []
    )


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 1_000_000 else 0
