"""What the output stream can show: colour, moving lines, and the letters of its encoding."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

DUMB = ("dumb", "unknown")
WIDE = 160
"""Columns for a file, a pipe or a log, which have no window."""


def console(*, stderr: bool = False, quiet: bool = False) -> "Console":
    """A console for standard output or standard error. It moves lines on a terminal only, and wraps
    nothing elsewhere."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    colour = wants_colour(stream)
    width = None if stream.isatty() or os.environ.get("COLUMNS") else WIDE
    return Console(
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


def printable(text: str) -> str:
    """Text from outside, with every character replaced that could control a terminal."""
    return "\n".join(
        # An escape sequence could rewrite what was printed above it.
        "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
        for line in text.split("\n")
    )


def in_one_line(text: str) -> str:
    """The same without line breaks: a title must not look like a row of ours."""
    return " ".join(printable(text).split())


def speaks_unicode(stream: TextIO) -> bool:
    """Whether the stream's encoding has every letter."""
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _is_dumb() -> bool:
    return os.environ.get("TERM", "").lower() in DUMB


def section(out: "Console", title: str, lines: Iterable[str]) -> None:
    """Print a title and its lines, indented on a terminal; print nothing if there are no lines."""
    from rich.padding import Padding

    escaped = [shown(line) for line in lines]
    if escaped:
        out.print(f"\n[bold]{title}[/]")
    for line in escaped:
        out.print(Padding(line, (0, 0, 0, 2)) if out.is_terminal else f"  {line}")


def shown(text: str) -> str:
    """Text of a repository for a terminal: no markup, no control characters."""
    from rich.markup import escape

    return escape("".join(char if char.isprintable() else "\ufffd" for char in text))
