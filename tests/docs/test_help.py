"""`--help` is the manual: one line, then what a command reads and writes, every option in words,
examples that parse."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.cli.main import COMMANDS, cli
from tests.docs.pages import simple_commands
from tests.docs.program import refuse_unknown


def walked(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from walked(command, (*path, name))


ALL = {"": cli, **dict(walked(cli))}


def page(name: str) -> str:
    """The help page as it was written; a line with a backspace alone forbids to wrap the paragraph
    under it."""
    return inspect.cleandoc(ALL[name].help or "")


def examples(name: str) -> list[str]:
    _, _, block = page(name).partition("\n\b\nExamples:\n")
    return [line.strip() for line in block.splitlines() if line.strip()]


def test_the_first_line_is_a_sentence_of_at_most_80_characters() -> None:
    for name in ALL:
        first = page(name).partition("\n")[0]
        assert 0 < len(first) <= (80 if name else 110), name
        assert first.endswith("."), name


def test_the_overview_says_what_the_command_says_of_itself() -> None:
    for name, (_, said) in COMMANDS.items():
        assert said == page(name).partition("\n")[0]


@pytest.mark.parametrize("name", ALL)
def test_examples_are_given_and_parse(name) -> None:
    assert examples(name), "no `Examples:` block"
    for line in examples(name):
        ours = [simple for simple in simple_commands(line) if Path(simple[0]).name == "factory"]
        assert ours, f"not a factory command: {line}"
        for simple in ours:
            refuse_unknown(simple)
    assert any(re.search(rf"\bfactory {name}\b", line) for line in examples(name))


def test_every_option_is_explained_and_every_argument_named_in_the_words() -> None:
    for name, command in ALL.items():
        context = click.Context(command)
        for parameter in command.get_params(context):
            if isinstance(parameter, click.Option):
                assert (parameter.help or "").endswith("."), f"{name} {parameter.opts[0]}"
            if isinstance(parameter, click.Argument):
                shown = parameter.make_metavar(context).strip("[]{}.")
                assert "|" in shown or shown in page(name), f"{name} {shown}"


def test_what_may_not_be_wrapped_fits_a_terminal() -> None:
    kept = [
        (name, line)
        for name in ALL
        for paragraph in page(name).split("\n\n")
        if paragraph.startswith("\b")
        for line in paragraph.splitlines()
    ]
    assert [(name, line) for name, line in kept if len(line) > 98] == []


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from harness.cli.main import run; run(['--help']); print(*(name for name in"
        " sys.modules if name.startswith(('harness.', 'rich', 'httpx', 'sqlalchemy'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert set(done.stdout.splitlines()[-1].split()) == {
        "harness.cli",
        "harness.cli.main",
        "harness.cli.output",
        "harness.cli.output.terminal",
        "harness.domain",
        "harness.domain.errors",
        "harness.domain.shortened",
    }
