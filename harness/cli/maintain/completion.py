"""`factory completion`: prints a shell's completion script. Answering the shell imports no
command."""

import click

from harness.cli.output.terminal import echo


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    SHELL is bash (4.4 or newer), zsh or fish. Prints on standard output and writes nothing. Put the
    script where the shell looks for it, once, and start a new shell.

    \b
    Examples:
      factory completion bash > ~/.local/share/bash-completion/completions/factory
      factory completion zsh > ~/.zfunc/_factory     # a folder in $fpath, named before compinit
      factory completion fish > ~/.config/fish/completions/factory.fish
    """
    from click.shell_completion import get_completion_class

    from harness.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} cannot be completed by this version of click")
    # Click makes the variable's name from the program's, and looks for no other.
    echo(kind(cli, {}, "factory", "_FACTORY_COMPLETE").source())
