"""Agent CLIs beside the built-in agent: install, list, remove."""

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.plain import JsonDict


@click.group()
def agents() -> None:
    """Manage agent CLIs that a role may use instead of the built-in agent.

    Claude Code, Codex and OpenCode are installed into $FACTORY_HOME. They run in the same sandboxes
    as the built-in agent, without a key. None of them is required. docs/roles.md lists what each
    can and cannot do there.

    \b
    Examples:
      factory agents install codex
      factory agents list
    """


@agents.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the agent CLIs, and which of them are installed.

    \b
    Examples:
      factory agents list
      factory agents list --json
    """
    from harness.operations.doctor.agent_clis import agent_clis

    found = agent_clis(home())
    if as_json:
        emit(
            {
                "ok": True,
                "agents": [
                    {
                        "kind": one.kind,
                        "pinned": one.pinned,
                        "installed": [
                            {
                                "version": program.version,
                                "package": program.package,
                                "integrity": program.integrity,
                                "program": str(program.folder / program.path),
                            }
                            for program in one.installed
                        ],
                    }
                    for one in found
                ],
            }
        )
        return
    echo(f"{'built-in':<12}  part of the factory")
    for one in found:
        versions = ", ".join(program.version for program in one.installed)
        rest = (
            f"installed: {versions}"
            if versions
            else f"not installed; `factory agents install {one.kind}` installs {one.pinned}"
        )
        echo(f"{one.kind:<12}  {rest}")


@agents.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--integrity",
    default="",
    metavar="SHA512",
    help="The digest of a version that is not pinned here.",
)
@as_json
def install(names: tuple[str, ...], integrity: str, as_json: bool) -> None:
    """Install agent CLIs into $FACTORY_HOME.

    A NAME is claude-code, codex or opencode, or one of them with a version, as in codex@0.169.0.
    npm fetches the package with the native program for this machine, from its configured registry.
    The command compares the package with the pinned digest, unpacks it, and starts it once in a
    sandbox without a network. No install script runs, and Node.js is not needed afterwards. For a
    version that is not pinned, give its digest.

    \b
    Exit codes:
      0  all of them are installed
      2  a package differs from its pinned digest or does not start in a sandbox, or npm is missing
      5  npm could not fetch a package

    \b
    Examples:
      factory agents install claude-code
      factory agents install codex opencode --json
    """
    from harness.domain.errors import ConfigError
    from harness.operations.doctor.agent_clis import install_cli

    if integrity and len(names) > 1:
        raise ConfigError(
            "a digest belongs to one package: install one at a time", key="--integrity"
        )
    found: list[JsonDict] = []
    for name in names:
        program, answer = install_cli(home(), name, integrity=integrity)
        found.append(
            {
                "kind": program.kind,
                "version": program.version,
                "folder": str(program.folder),
                "message": answer,
            }
        )
        # At once, because the next one may fail and this one is installed all the same.
        if not as_json:
            echo(f"{program.name} is in {program.folder}; in a sandbox it prints: {answer}")
    if as_json:
        emit({"ok": True, "installed": found})


@agents.command()
@click.argument("name")
@as_json
def remove(name: str, as_json: bool) -> None:
    """Remove an agent CLI: one version, or all of a kind.

    NAME is claude-code, codex or opencode, or one of them with a version, as in codex@0.169.0. A
    role that uses a CLI which is not installed cannot work.

    \b
    Exit codes:
      0  it is removed
      2  it was not installed

    \b
    Examples:
      factory agents remove codex
    """
    from harness.operations.doctor.agent_clis import remove_cli

    gone = remove_cli(home(), name)
    emit({"ok": True, "removed": gone}) if as_json else echo(f"Removed {', '.join(gone)}.")
