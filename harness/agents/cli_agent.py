"""An agent CLI in its sandbox: the `Agent` port over the `Sandbox` port, for every CLI alike.

The sandbox sees the run's worktree and its store, the program, a home for this one run, the
project's prepared packages, and one port that leads to the broker. What it prints is kept for
people, and read for how it ended. It is not trusted.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.agents.builtin_agent import LAYER, PORT, STORE, WORKSPACE
from harness.domain.errors import ConfigError, ModelsPaused, SandboxError
from harness.domain.model_choice.agents import AgentKind
from harness.domain.sandbox import Bind, Dial, Form, SandboxLimits, SandboxResult, SandboxSpec
from harness.ports.agent import Agent, AgentReport, Assignment
from harness.ports.model import Session
from harness.ports.sandbox import Sandbox
from harness.programs.agent_clis.claude_code import CLAUDE_CODE
from harness.programs.agent_clis.cli import (
    Cli,
    CliLaunch,
    CliOrder,
    CliResult,
    CliWire,
    ended_badly,
    events_in,
)
from harness.programs.agent_clis.codex import CODEX
from harness.programs.agent_clis.installed import Program, Programs
from harness.programs.agent_clis.opencode import OPENCODE
from harness.programs.services import with_services

CLIS: Mapping[AgentKind, Cli] = {cli.kind: cli for cli in (CLAUDE_CODE, CODEX, OPENCODE)}
HOME, PROGRAM = "/home/agent", "/opt/cli"
_SET_UP_PAUSE = timedelta(minutes=10)
# Characters of a summary.
_LONGEST = 8_000
# Of one answer, when the role names no limit.
_MAX_TOKENS = 16_000


class CliAgent:
    """Runs assignments with the CLI that they name.

    `wires` are those of the providers by name, with the default provider's under the empty name;
    None when the broker speaks all of them. What a CLI prints is written to `output_folder`, by
    run. The limits bound each sandbox.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        programs: Programs,
        *,
        wires: Mapping[str, CliWire] | None = None,
        output_folder: Path | None = None,
        memory_mb: int = 4096,
        pids: int = 1024,
        disk_mb: int = 1024,
    ) -> None:
        self._sandbox, self._programs, self._wires, self._output_folder = (
            sandbox,
            programs,
            wires,
            output_folder,
        )
        self._memory_mb, self._pids, self._disk_mb = memory_mb, pids, disk_mb

    def work(self, assignment: Assignment, session: Session) -> AgentReport:
        """Run it; the sandbox is dead when this returns.

        Raises SandboxError when no sandbox could be made, ModelsPaused when the CLI is not
        installed or does not speak to this model's provider.
        """
        cli = CLIS[assignment.agent.kind]
        try:
            program, wire = self._programs.chosen(assignment.agent), self._wire(cli, session.model)
        except ConfigError as error:
            # Only the operator can help, so no issue fails for it.
            again_at = datetime.now(UTC) + _SET_UP_PAUSE
            raise ModelsPaused(str(error), cause="provider", again_at=again_at) from error
        with tempfile.TemporaryDirectory(prefix=f"factory-agent-{os.getpid()}-") as scratch:
            home, nothing = Path(scratch, "home"), Path(scratch, "nothing")
            home.mkdir()
            paths = _SandboxPaths(Form(self._sandbox.form()), assignment.worktree.resolve(), home)
            launch = cli.launch(_order(assignment, session, wire, paths))
            _write_files(home, launch.files)
            hidden = tuple(_hiding_binds(launch, paths, nothing))
            spec = self._spec(assignment, session, program, launch, paths, hidden)
            result = self._sandbox.run(spec, stdin=launch.stdin.encode("utf-8", "backslashreplace"))
        self._keep(assignment, result)
        return report_of(result, cli, program)

    def _wire(self, cli: Cli, model: str) -> CliWire:
        """The wire of the CLI and the provider. A prefix that names no provider belongs to the
        model's name."""
        if self._wires is None:
            return cli.wires[0]
        provider = model.partition("/")[0]
        wire = self._wires[provider if provider in self._wires else ""]
        if wire in cli.wires:
            return wire
        raise ConfigError(
            f"{cli.kind} speaks {' or '.join(cli.wires)}, and the provider of {model} speaks"
            f" {wire}; pick another agent, or a model of another provider",
            file="factory.toml",
            key="agents",
        )

    def _spec(
        self,
        assignment: Assignment,
        session: Session,
        program: Program,
        launch: CliLaunch,
        paths: "_SandboxPaths",
        hidden: tuple[Bind, ...],
    ) -> SandboxSpec:
        worktree, of_tools = paths.worktree, dict[str, str]()
        binds = [
            Bind(str(worktree), f"{WORKSPACE}/{worktree.name}", "rw"),
            Bind(str(paths.home), HOME, "rw"),
            Bind(str(program.folder.resolve()), PROGRAM),
            *hidden,
        ]
        if (store := worktree.with_name(STORE)).is_dir():
            binds.append(Bind(str(store), f"{WORKSPACE}/{STORE}", "rw"))
        if assignment.layer is not None:
            binds.append(assignment.layer.bind(f"{WORKSPACE}/{worktree.name}", apart=LAYER))
            of_tools = assignment.layer.env(apart=LAYER)
        own = {"HOME": HOME, "PYTHONDONTWRITEBYTECODE": "1", **launch.env}
        return SandboxSpec(
            name=assignment.role,
            argv=with_services((f"{PROGRAM}/{program.path}", *launch.words), assignment.services),
            cwd=f"{WORKSPACE}/{worktree.name}",
            env={**of_tools, **dict(assignment.env), **own},
            binds=tuple(binds),
            dial=(Dial(PORT, str(session.socket)),),
            form=paths.form,
            root=assignment.root,
            limits=SandboxLimits(
                wall_seconds=assignment.wall_seconds,
                memory_mb=self._memory_mb,
                pids=self._pids,
                disk_mb=self._disk_mb,
            ),
        )

    def _keep(self, assignment: Assignment, result: SandboxResult) -> None:
        """Write what it printed, as far as the sandbox's output is kept, for people who look
        into the run."""
        if self._output_folder is not None:
            folder = self._output_folder / assignment.run
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / f"{assignment.role}.events.jsonl").write_bytes(result.stdout)


class Agents:
    """The `Agent` port over the built-in agent and the one that runs CLIs, as assignments
    choose."""

    def __init__(self, built_in: Agent, clis: Agent) -> None:
        self._built_in, self._clis = built_in, clis

    def work(self, assignment: Assignment, session: Session) -> AgentReport:
        """Run it with the agent that the assignment names."""
        chosen = self._built_in if assignment.agent.kind is AgentKind.BUILT_IN else self._clis
        return chosen.work(assignment, session)


class _SandboxPaths:
    """The paths as the CLI sees them: the sandbox's, or the host's when there are no mounts."""

    def __init__(self, form: Form, worktree: Path, home: Path) -> None:
        self.form, self.worktree, self.home = form, worktree, home

    @property
    def worktree_inside(self) -> str:
        return (
            f"{WORKSPACE}/{self.worktree.name}" if self.form.in_namespaces else str(self.worktree)
        )

    @property
    def home_inside(self) -> str:
        return HOME if self.form.in_namespaces else str(self.home)


def report_of(result: SandboxResult, cli: Cli, program: Program) -> AgentReport:
    """The report by its events; an `error` when they show no end, or the sandbox was ended."""
    events = tuple(events_in(result.stdout))
    ending = cli.read_events(events) or ended_badly(_last_output(result), turns=0, tool_calls=0)
    if result.killed_by is not None:
        ending = CliResult(
            "error",
            f"the sandbox was ended: {result.killed_by}",
            turns=ending.turns,
            tool_calls=ending.tool_calls,
        )
    return AgentReport(
        outcome=ending.outcome,
        summary=ending.summary[:_LONGEST],
        reason=ending.reason,
        turns=ending.turns,
        tool_calls=ending.tool_calls,
        sandbox_form=result.form,
        killed_by=result.killed_by,
        agent=program.name,
    )


def _last_output(result: SandboxResult) -> str:
    output = (result.stderr.strip() or result.stdout.strip()).decode("utf-8", "replace")
    return f"it ended with exit {result.exit_code} and reported no end: {output[-500:]}"


def _order(
    assignment: Assignment, session: Session, wire: CliWire, paths: _SandboxPaths
) -> CliOrder:
    return CliOrder(
        instructions="\n\n".join(assignment.system),
        task=assignment.task,
        model=session.model,
        wire=wire,
        url=f"http://127.0.0.1:{PORT}",
        home=paths.home_inside,
        worktree=paths.worktree_inside,
        turns=assignment.max_turns,
        max_tokens=session.max_tokens or _MAX_TOKENS,
        effort=session.effort,
    )


def _write_files(home: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", errors="backslashreplace")


def _hiding_binds(launch: CliLaunch, paths: _SandboxPaths, nothing: Path) -> Iterator[Bind]:
    """An empty bind over each name that exists. Raises SandboxError when it cannot be hidden:
    the CLI would obey it."""
    for name in launch.hidden:
        place = paths.worktree / name
        if not os.path.lexists(place):
            continue
        # A bind over a link would cover what it points to, and the name would stay.
        if place.is_symlink() or not paths.form.in_namespaces:
            why = (
                "is a symbolic link"
                if place.is_symlink()
                else f"cannot be hidden in a sandbox of the form {paths.form}"
            )
            raise SandboxError(
                f"{name} in the repository {why}, and this agent would obey it; take it out, or"
                " pick another"
            )
        empty = nothing / name
        empty.parent.mkdir(exist_ok=True)
        empty.mkdir() if place.is_dir() else empty.touch()
        # The sandbox's own uid must read it, whatever this account's umask is.
        empty.chmod(0o555 if place.is_dir() else 0o444)
        yield Bind(str(empty), f"{WORKSPACE}/{paths.worktree.name}/{name}")
