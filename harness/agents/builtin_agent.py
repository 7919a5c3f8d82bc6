"""The built-in agent in its sandbox: the `Agent` port over the `Sandbox` port.

The sandbox sees the run's worktree and its store, the agent loop, the project's prepared packages,
and one port that leads to the broker. Its report is not trusted: it is read with limits, and only
in the form defined here.
"""

import json
from pathlib import Path
from typing import Any

from harness.domain.plain import JsonDict
from harness.domain.sandbox import Bind, Dial, SandboxLimits, SandboxResult, SandboxSpec
from harness.ports.agent import AgentReport, Assignment
from harness.ports.model import Session
from harness.ports.sandbox import Sandbox
from harness.programs import agent_loop
from harness.programs.services import with_services

WORKSPACE, LAYER, AGENT = "/workspace", "/opt/layer", "/opt/agent"
# What the agent loop passes on to its tools under its right name.
OF_TOOLS = {"PYTHONPATH": "TOOL_PYTHONPATH"}
# The run's own git store, beside the worktree. git needs it under its own name.
STORE = "store.git"
# The broker's port inside the sandbox.
PORT = 8090
OUTCOMES = frozenset({"finished", "gave-up", "out-of-turns", "stalled", "budget", "error"})
REASONS = frozenset({"cannot-reproduce", "spec-conflict", "blocked"})
# Characters of a summary.
_LONGEST = 8_000
# Pieces of evidence, and characters of one.
_QUOTES, _QUOTE = 10, 500


class SandboxedAgent:
    """Runs assignments with the built-in loop.

    `memory_mb`, `pids` and `disk_mb` bound each sandbox, `max_tokens` an answer when the session
    does not, and `context_tokens` the conversation.
    """

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
        """Run it; the sandbox is dead when this returns. Raises SandboxError when none could be
        made."""
        order = json.dumps(
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
            self.spec(assignment, session), stdin=order.encode("utf-8", "backslashreplace")
        )
        return report_of(result)

    def spec(self, assignment: Assignment, session: Session) -> SandboxSpec:
        """The sandbox for an assignment. The worktree is at /workspace under its own name, its
        store beside it."""
        worktree = assignment.worktree.resolve()
        of_tools = dict[str, str]()
        binds = [
            Bind(str(worktree), f"{WORKSPACE}/{worktree.name}", "rw"),
            Bind(str(Path(agent_loop.__file__).parent), f"{AGENT}/agent_loop"),
        ]
        if (store := worktree.with_name(STORE)).is_dir():
            binds.append(Bind(str(store), f"{WORKSPACE}/{STORE}", "rw"))
        if assignment.layer is not None:
            binds.append(assignment.layer.bind(f"{WORKSPACE}/{worktree.name}", apart=LAYER))
            of_tools = assignment.layer.env(apart=LAYER)
        of_tools |= dict(assignment.env)
        # For its tools alone: the project's packages must not replace the agent's own.
        env = {OF_TOOLS.get(name, name): value for name, value in of_tools.items()}
        return SandboxSpec(
            name=assignment.role,
            argv=with_services(("python", "-m", "agent_loop"), assignment.services),
            cwd=f"{WORKSPACE}/{worktree.name}",
            env={**env, "PYTHONPATH": AGENT},
            binds=tuple(binds),
            distributions=("anthropic",),
            dial=(Dial(PORT, str(session.socket)),),
            limits=SandboxLimits(
                wall_seconds=assignment.wall_seconds,
                memory_mb=self._memory_mb,
                pids=self._pids,
                disk_mb=self._disk_mb,
            ),
            form=self._sandbox.form(),
            root=assignment.root,
        )


def report_of(result: SandboxResult) -> AgentReport:
    """The report in the last line that the sandbox printed; an `error` when there is none, or it
    was ended."""
    report = _last_object(result.stdout)
    outcome = report.get("outcome")
    # First: a sandbox that was ended may have printed a report before.
    if result.killed_by is not None:
        outcome, summary = "error", f"the sandbox was ended: {result.killed_by}"
    elif isinstance(outcome, str) and outcome in OUTCOMES:
        summary = str(report.get("summary", ""))
    else:
        last_line = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        outcome, summary = (
            "error",
            f"the agent ended with exit {result.exit_code} and no report: {last_line}",
        )
    return AgentReport(
        outcome=str(outcome),
        summary=summary[:_LONGEST],
        reason=next((allowed for allowed in REASONS if allowed == report.get("reason")), None),
        turns=_count(report.get("turns")),
        tool_calls=_count(report.get("tool_calls")),
        sandbox_form=result.form,
        killed_by=result.killed_by,
        evidence=tuple(_texts(report.get("evidence"))),
    )


def _last_object(output: bytes) -> JsonDict:
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
