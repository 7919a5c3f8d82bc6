"""The agent CLIs of a home: installed, listed, taken away, and shown to start in a box."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.agents.cli_agent import PROGRAM
from harness.domain.errors import ConfigError, FactoryError
from harness.domain.model_choice.agents import AgentChoice, AgentKind
from harness.domain.sandbox import Bind, Limits, SandboxSpec
from harness.operations.doctor.finding import Finding, fail, ok, warn
from harness.ports.sandbox import Sandbox
from harness.programs.agent_clis.install import Fetch, fetched_by_npm, install
from harness.programs.agent_clis.programs import Program, Programs
from harness.programs.agent_clis.releases import another, released

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


KINDS = tuple(kind for kind in AgentKind if kind is not AgentKind.BUILT_IN)
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Listed:
    """One agent CLI as it stands in a home: what of it is installed, and what would be."""

    kind: AgentKind
    pinned: str
    installed: tuple[Program, ...]


def listed(home: Path) -> tuple[Listed, ...]:
    """Every kind there is."""
    found = Programs(home).installed()
    return tuple(
        Listed(kind, released(kind).version, tuple(one for one in found if one.kind is kind))
        for kind in KINDS
    )


def installed(
    home: Path, name: str, *, integrity: str = "", fetch: Fetch = fetched_by_npm
) -> tuple[Program, str]:
    """Install `KIND` or `KIND@VERSION`, and start it once in a box: the program and what it says of
    its version. Raises ConfigError, PortError or SandboxError; what does not start is not kept."""
    kind, version = _named(name)
    if integrity and not version:
        raise ConfigError(f"a digest belongs to one version: say {kind}@VERSION", key="--integrity")
    release = another(kind, version=version, integrity=integrity) if version else released(kind)
    programs = Programs(home)
    program = install(release, programs, fetch=fetch)
    try:
        return program, says_its_version(program, _sandbox())
    except FactoryError:
        programs.remove(program.kind, program.version)
        raise


def removed(home: Path, name: str) -> tuple[str, ...]:
    """Take a version away, or all of a kind: their names. Raises ConfigError when there is none."""
    kind, version = _named(name)
    programs = Programs(home)
    going = [
        one for one in programs.installed() if one.kind is kind and version in ("", one.version)
    ]
    if not going:
        raise ConfigError(f"{name} is not installed in {home}; `factory agents list` shows what is")
    for program in going:
        programs.remove(program.kind, program.version)
    return tuple(program.name for program in going)


def says_its_version(program: Program, sandbox: Sandbox) -> str:
    """What `--version` prints, in a box without a network. Raises ConfigError when it is not this
    version."""
    with tempfile.TemporaryDirectory(prefix="factory-agent-") as home:
        spec = SandboxSpec(
            "version",
            (f"{PROGRAM}/{program.path}", "--version"),
            env={"HOME": "/home/agent"},
            form=sandbox.form(),
            binds=(Bind(str(program.folder.resolve()), PROGRAM), Bind(home, "/home/agent", "rw")),
            limits=Limits(wall_seconds=SECONDS, memory_mb=2048, pids=256),
        )
        result = sandbox.run(spec)
    said = result.stdout.decode("utf-8", "replace").strip()
    if result.ok and program.version in said.replace("v", " ").split():
        return said
    complaint = (
        said
        or result.stderr.decode("utf-8", "replace").strip()[-300:]
        or f"exit {result.exit_code}"
    )
    raise ConfigError(f"{program.name} does not start in a box here: {complaint}")


def found_by_doctor(home: Path) -> Finding:
    """Whether what is installed starts, and what `factory.toml` picks is there; that nothing is, is
    fine."""
    programs = Programs(home)
    for choice in _picked(home):
        try:
            programs.chosen(choice)
        except ConfigError as error:
            return fail(error.message, "install it there, or pick the built-in agent")
    return _installed_ones(programs.installed())


def _installed_ones(programs: tuple[Program, ...]) -> Finding:
    if not programs:
        return ok(
            "the built-in agent works in boxes; no agent CLI is installed, and none is needed"
        )
    said, wrong = _tried(programs, _sandbox())
    if wrong:
        return fail(
            "; ".join(wrong), "`factory agents remove` it, then `factory agents install` it again"
        )
    older = [one.name for one in programs if one.version != released(one.kind).version]
    if older:
        return warn(
            f"{'; '.join(said)} in a box each; {', '.join(older)} is not the version that is pinned"
            " here",
            "`factory agents install` brings that",
        )
    return ok(f"{'; '.join(said)}: each started in a box")


def _picked(home: Path) -> "Iterator[AgentChoice]":
    """The agent CLIs that `factory.toml` names at the base that was fetched last. Whether it can be
    read is for the check of the governance to say."""
    from harness.operations.doctor.home_checks import policy_of

    found = policy_of(home)
    if found is not None:
        yield from (
            choice for _, choice in found.config.agents if choice.kind is not AgentKind.BUILT_IN
        )


def _tried(programs: "Iterable[Program]", sandbox: Sandbox) -> tuple[list[str], list[str]]:
    said, wrong = list[str](), list[str]()
    for program in programs:
        try:
            says_its_version(program, sandbox)
            said.append(program.name)
        except FactoryError as error:
            wrong.append(str(error))
    return said, wrong


def _sandbox() -> Sandbox:
    from harness.programs.sandbox.client import SandboxSupervisor

    return SandboxSupervisor(Path(tempfile.gettempdir()))


def _named(name: str) -> tuple[AgentKind, str]:
    kind, _, version = name.partition("@")
    if kind not in KINDS:
        raise ConfigError(f"there is no agent CLI {kind!r:.60}; there are {', '.join(KINDS)}")
    return AgentKind(kind), version
