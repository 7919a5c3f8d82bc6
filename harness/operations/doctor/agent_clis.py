"""Installs, lists and removes the agent CLIs of a home, and shows that they start in a sandbox."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.agents.cli_agent import PROGRAM
from harness.domain.errors import ConfigError, FactoryError
from harness.domain.model_choice.agents import AgentChoice, AgentKind
from harness.domain.sandbox import Bind, SandboxLimits, SandboxSpec
from harness.operations.doctor.finding import HealthFinding, fail, ok, warn
from harness.ports.sandbox import Sandbox
from harness.programs.agent_clis.install import Fetch, fetched_by_npm, install
from harness.programs.agent_clis.installed import Program, Programs
from harness.programs.agent_clis.releases import another, released

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


KINDS = tuple(kind for kind in AgentKind if kind is not AgentKind.BUILT_IN)
SECONDS = 60


@dataclass(frozen=True, slots=True)
class AgentCli:
    """One agent CLI in a home: the version that would be installed, and what is installed."""

    kind: AgentKind
    pinned: str
    installed: tuple[Program, ...]


def agent_clis(home: Path) -> tuple[AgentCli, ...]:
    """Every kind of agent CLI."""
    found = Programs(home).installed()
    return tuple(
        AgentCli(kind, released(kind).version, tuple(one for one in found if one.kind is kind))
        for kind in KINDS
    )


def install_cli(
    home: Path, name: str, *, integrity: str = "", fetch: Fetch = fetched_by_npm
) -> tuple[Program, str]:
    """Install `KIND` or `KIND@VERSION` and start it once in a sandbox. Returns the program and the
    version text that it prints. Raises ConfigError, PortError or SandboxError, and removes a
    program that does not start."""
    kind, version = _named(name)
    if integrity and not version:
        raise ConfigError(
            f"a digest belongs to one version: name {kind}@VERSION", key="--integrity"
        )
    release = another(kind, version=version, integrity=integrity) if version else released(kind)
    programs = Programs(home)
    program = install(release, programs, fetch=fetch)
    try:
        return program, version_shown(program, _sandbox())
    except FactoryError:
        # A role would pick it and fail every time, so only what was seen to start may stay.
        programs.remove(program.kind, program.version)
        raise


def remove_cli(home: Path, name: str) -> tuple[str, ...]:
    """Remove a version, or all versions of a kind. Returns the names of what was removed. Raises
    ConfigError if there is none."""
    kind, version = _named(name)
    programs = Programs(home)
    removed = [
        one for one in programs.installed() if one.kind is kind and version in ("", one.version)
    ]
    if not removed:
        raise ConfigError(f"{name} is not installed in {home}; `factory agents list` shows what is")
    for program in removed:
        programs.remove(program.kind, program.version)
    return tuple(program.name for program in removed)


def version_shown(program: Program, sandbox: Sandbox) -> str:
    """What `--version` prints, in a sandbox without a network. Raises ConfigError if it is another
    version."""
    with tempfile.TemporaryDirectory(prefix="factory-agent-") as home:
        spec = SandboxSpec(
            "version",
            (f"{PROGRAM}/{program.path}", "--version"),
            env={"HOME": "/home/agent"},
            form=sandbox.form(),
            # A CLI may have to write its settings first, even to print its version.
            binds=(Bind(str(program.folder.resolve()), PROGRAM), Bind(home, "/home/agent", "rw")),
            limits=SandboxLimits(wall_seconds=SECONDS, memory_mb=2048, pids=256),
        )
        result = sandbox.run(spec)
    output = result.stdout.decode("utf-8", "replace").strip()
    # Whole words, because 1.2.3 is also the beginning of 1.2.30.
    if result.ok and program.version in output.replace("v", " ").split():
        return output
    errors = result.stderr.decode("utf-8", "replace").strip()[-300:]
    complaint = output or errors or f"exit {result.exit_code}"
    raise ConfigError(f"{program.name} does not start in a sandbox here: {complaint}")


def check_agents(home: Path) -> HealthFinding:
    """Whether the installed CLIs start, and those that `factory.toml` picks are installed. It is
    fine if none is installed."""
    programs = Programs(home)
    for choice in _picked(home):
        try:
            programs.chosen(choice)
        except ConfigError as error:
            return fail(error.message, "install it there, or pick the built-in agent")
    return _installed_ones(programs.installed())


def _installed_ones(programs: tuple[Program, ...]) -> HealthFinding:
    if not programs:
        return ok(
            "the built-in agent works in sandboxes; no agent CLI is installed, and none is needed"
        )
    started, failures = _start_each(programs, _sandbox())
    if failures:
        return fail(
            "; ".join(failures),
            "`factory agents remove` it, then `factory agents install` it again",
        )
    older = [one.name for one in programs if one.version != released(one.kind).version]
    if older:
        return warn(
            f"{'; '.join(started)}: each started in a sandbox; {', '.join(older)} is not the"
            " version that is pinned here",
            "`factory agents install` installs the pinned one",
        )
    return ok(f"{'; '.join(started)}: each started in a sandbox")


def _picked(home: Path) -> "Iterator[AgentChoice]":
    """The agent CLIs that `factory.toml` names at the base that was fetched last."""
    from harness.operations.doctor.home_checks import policy_of

    # None if it cannot be read: the check of the governance reports that.
    policy = policy_of(home)
    if policy is not None:
        yield from (
            choice for _, choice in policy.config.agents if choice.kind is not AgentKind.BUILT_IN
        )


def _start_each(programs: "Iterable[Program]", sandbox: Sandbox) -> tuple[list[str], list[str]]:
    """The names of those that start, and a complaint for each other."""
    started, failures = list[str](), list[str]()
    for program in programs:
        try:
            version_shown(program, sandbox)
            started.append(program.name)
        except FactoryError as error:
            failures.append(str(error))
    return started, failures


def _sandbox() -> Sandbox:
    from harness.programs.sandbox.client import SandboxSupervisor

    return SandboxSupervisor(Path(tempfile.gettempdir()))


def _named(name: str) -> tuple[AgentKind, str]:
    kind, _, version = name.partition("@")
    if kind not in KINDS:
        raise ConfigError(f"there is no agent CLI {kind!r:.60}; there are {', '.join(KINDS)}")
    return AgentKind(kind), version
