"""Command lines, held against the programs that they name. Nothing runs."""

import importlib.util
import re
from pathlib import Path

import click

from harness.cli.inspect.look import IssueOrCommit
from harness.cli.main import cli
from tests.docs.pages import ROOT

PLACEHOLDER = re.compile(r"[A-Z][A-Z_-]*|…|\.\.\.")


def refuse_unknown(command: tuple[str, ...], *, whole: bool = True) -> None:
    """Raises click.UsageError or LookupError when a command of ours does not exist, or does not
    take what it is given.

    `whole`: nothing that it must have may be missing."""
    program, *arguments = command
    name = Path(program).name
    if name == "factory":
        _refuse(cli, "factory", arguments, whole=whole)
    elif name == "make":
        _refuse_targets(arguments)
    elif (
        name.startswith("python")
        and arguments[:1] == ["-m"]
        and arguments[1].startswith(("harness", "validators"))
    ):
        if arguments[1] == "harness":
            _refuse(cli, "factory", arguments[2:], whole=whole)
        elif importlib.util.find_spec(arguments[1]) is None:
            raise LookupError(f"no program {arguments[1]}")
    elif (
        name.startswith("python")
        and arguments
        and arguments[0].endswith(".py")
        and not (ROOT / arguments[0]).exists()
    ):
        raise LookupError(f"no file {arguments[0]}")


def _refuse(command: click.Command, name: str, arguments: list[str], *, whole: bool) -> None:
    context = click.Context(command, info_name=name)
    given, rest, _ = command.make_parser(context).parse_args(list(arguments))
    if isinstance(command, click.Group):
        if rest:
            found = command.get_command(context, rest[0])
            if found is None:
                raise click.UsageError(f"no command {rest[0]} in {name}")
            _refuse(found, rest[0], rest[1:], whole=whole)
        return
    if rest:
        raise click.UsageError(f"{name} does not take {' '.join(rest)}")
    for parameter in command.params:
        _refuse_value(parameter, given.get(parameter.name or ""), context, whole=whole)


def _refuse_value(
    parameter: click.Parameter, value: object, context: click.Context, *, whole: bool
) -> None:
    if not isinstance(value, str):  # several, a flag, or nothing
        if whole and parameter.required and not (isinstance(value, tuple) and value):
            raise click.MissingParameter(param=parameter, ctx=context)
    elif isinstance(
        parameter.type, (click.types.IntParamType, click.Choice, IssueOrCommit)
    ) and not PLACEHOLDER.fullmatch(value):
        parameter.type.convert(value, parameter, context)


def _refuse_targets(arguments: list[str]) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for target in arguments:
        if target not in targets and "=" not in target:
            raise LookupError(f"no target {target} in the Makefile")
