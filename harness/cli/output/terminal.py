"""What the output stream can show: colour, moving lines, the characters of its encoding; and none
that controls it."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

import click

from harness.domain.shortened import in_one_line, printable

if TYPE_CHECKING:
    from harness.cli.output.printable_console import PrintableConsole

DUMB = ("dumb", "unknown")
WIDE = 160
"""Columns for a file, a pipe or a log, which have no window."""


def console(*, stderr: bool = False, quiet: bool = False) -> "PrintableConsole":
    """A console for standard output or standard error. It moves lines on a terminal only, and wraps
    nothing elsewhere."""
    from harness.cli.output.printable_console import PrintableConsole

    stream = sys.stderr if stderr else sys.stdout
    colour = wants_colour(stream)
    width = None if stream.isatty() or os.environ.get("COLUMNS") else WIDE
    return PrintableConsole(
        stderr=stderr,
        quiet=quiet,
        highlight=False,
        width=width,
        soft_wrap=not stream.isatty(),
        # Nobody can ask a pipe what it shows, so colours forced on it are the usual sixteen.
        color_system=("auto" if stream.isatty() and not _is_dumb() else "standard")
        if colour
        else None,
        force_terminal=True if colour else None,
        force_interactive=stream.isatty() and not _is_dumb(),
    )


def echo(text: str = "", *, nl: bool = True, err: bool = False) -> None:
    """Print a line of ours on standard output, or on standard error. What of it comes from outside
    cannot control a terminal; only `in_one_line` keeps it from beginning a line as well."""
    click.echo(printable(text), nl=nl, err=err)


def ask(question: str, *, default: str = "", choices: Sequence[str] = ()) -> str:
    """Ask at the terminal. An empty answer is the default, which is shown as `echo` would."""
    listed = f" ({', '.join(choices)})" if choices else ""
    preset = f" [{default}]" if default else ""
    return str(
        click.prompt(
            in_one_line(f"{question}{listed}{preset}"),
            default=default,
            type=click.Choice(choices) if choices else None,
            show_default=False,
            show_choices=False,
        )
    )


def echo_file(text: str) -> None:
    """Print the text of a file: byte for byte into a pipe or a file, as `echo` on a terminal."""
    # click would take the colours of a terminal out of a pipe.
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def wants_colour(stream: TextIO) -> bool:
    """Whether to send colours. NO_COLOR forbids them; FORCE_COLOR or CLICOLOR_FORCE demands them;
    otherwise a terminal that is not dumb gets them unless CLICOLOR is 0. Sources: no-color.org,
    force-color.org, bixense.com/clicolors."""
    if os.environ.get("NO_COLOR"):
        return False
    if any(
        os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")
    ):
        return True
    return stream.isatty() and not _is_dumb() and os.environ.get("CLICOLOR") != "0"


def write_every_letter() -> None:
    """Write letters that the output's encoding lacks as escapes, as standard error does, so that no
    letter ends a command."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def speaks_unicode(stream: TextIO) -> bool:
    """Whether the stream's encoding has every letter."""
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _is_dumb() -> bool:
    return os.environ.get("TERM", "").lower() in DUMB


def section(out: "PrintableConsole", title: str, lines: Iterable[str]) -> None:
    """Print a title and its lines, indented on a terminal; print nothing if there are no lines."""
    from rich.markup import escape
    from rich.padding import Padding

    shown = [escape(line) for line in lines]
    if shown:
        out.print(f"\n[bold]{title}[/]")
    for line in shown:
        out.print(Padding(line, (0, 0, 0, 2)) if out.is_terminal else f"  {line}")
