"""An agent: untrusted intelligence in a sandbox, with a worktree and nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.domain.model_choice.agents import BUILT_IN, AgentChoice
from harness.domain.sandbox import Layer, Service
from harness.ports.model import Session


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one agent run is given. `system` blocks come first and are byte-identical between runs,
    for the cache. `env` is for the commands that it runs."""

    run: str
    role: str
    worktree: Path
    system: tuple[str, ...]
    task: str
    layer: Layer | None = None
    max_turns: int = 40
    wall_seconds: int = 600
    agent: AgentChoice = BUILT_IN
    services: tuple[Service, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    root: str = ""


@dataclass(frozen=True, slots=True)
class AgentReport:
    """The agent's own report of how it ended. Nothing in it is believed; it is shown to people and
    kept."""

    # finished · gave-up · out-of-turns · stalled · budget · error
    outcome: str
    summary: str
    reason: str | None
    turns: int
    tool_calls: int
    sandbox_form: str
    killed_by: str | None = None
    # which one it was; of a CLI, with its version
    agent: str = "built-in"
    # what it gave up on: commands that it ran, or words that contradict each other
    evidence: tuple[str, ...] = ()


class Agent(Protocol):
    """Runs an assignment to its end in a sandbox."""

    def work(self, assignment: Assignment, session: Session) -> AgentReport:
        """Run it; the sandbox is dead when this returns. Raises SandboxError when no sandbox could
        be made."""
        ...
