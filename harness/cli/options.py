"""Options and small functions that the commands share."""

import json
import os
import re
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.cli.interruption import interruptible
from harness.cli.output.terminal import echo, speaks_unicode
from harness.domain.errors import ConfigError

_Command = TypeVar("_Command", bound=Callable[..., Any])
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}

as_json = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object on standard output, nothing else there.",
)


def home() -> Path:
    """Where the factory keeps its state: $FACTORY_HOME, or else the account's state folder (XDG).
    The path is always absolute.

    Raises ConfigError when neither names a folder.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    if not os.path.isabs(state):
        state = "~/.local/state"
    found = os.path.expanduser(os.environ.get("FACTORY_HOME") or f"{state}/lights-out-factory")
    if found.startswith("~"):
        raise ConfigError(
            f"there is no folder {found.split('/')[0]} for this account; set FACTORY_HOME to a"
            " folder of its own"
        )
    # Not resolved: a link is how some people move a home to another disk.
    return Path(os.path.abspath(found))


@contextmanager
def fresh_home(folder: Path | None, next_move: Callable[[Path], str]) -> Iterator[Path]:
    """An empty folder for a new home. A temporary folder that stays empty is removed at the end.
    `next_move` is what a person may do with the home after an interruption.

    Raises ConfigError when `folder` is not empty or cannot be a folder.
    """
    if folder is None:
        new = Path(tempfile.mkdtemp(prefix="lights-out-factory-"))
        try:
            with interruptible(lambda: _next_move(new, next_move)):
                yield new
        finally:
            with suppress(OSError):
                # This refuses a folder with anything in it, so nothing that was made is lost.
                new.rmdir()
        return
    named = named_folder(folder)
    if named.exists() and (not named.is_dir() or any(named.iterdir())):
        raise ConfigError(
            f"{named} is not empty; a new home wants a folder of its own, so name a new one"
        )
    with interruptible(lambda: _next_move(named, next_move)):
        yield named


def named_folder(folder: Path) -> Path:
    """The folder that --home names. Raises ConfigError where there is no such account's."""
    try:
        return folder.expanduser().absolute()
    except RuntimeError:
        raise ConfigError(
            f"there is no folder {folder.parts[0]} here; name another with --home"
        ) from None


def _next_move(folder: Path, next_move: Callable[[Path], str]) -> str:
    if not folder.is_dir() or not any(folder.iterdir()):
        return "nothing was kept, and the same command begins anew"
    return next_move(folder)


def at_home(folder: Path, command: str) -> str:
    """A command for another home than the usual one, as a person types it."""
    return f"FACTORY_HOME={shlex.quote(str(folder))} {command}"


def moment_of(text: str, now: datetime) -> datetime:
    """The moment that `36h`, `7d`, `4w` or `1y` before `now`, a day (its beginning), or an ISO 8601
    moment names. One without a zone is in that of `now`.

    Raises click.BadParameter for any other text, and for a moment before the year 1."""
    span = re.fullmatch(r"([0-9]{1,6})([hdwy])", text, re.ASCII)
    # A number may be too large for any calendar.
    with suppress(ValueError, OverflowError):
        if span is not None:
            return now - timedelta(hours=int(span[1]) * _HOURS[span[2]])
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
    raise click.BadParameter(
        f"{text!r} is no time; write how long ago (36h, 7d, 4w, 1y), a day (2026-11-21) or a moment"
        " (2026-11-21T18:00)"
    )


def since_option(words: str, *, zone: tzinfo | None = None) -> Callable[[_Command], _Command]:
    """`--since WHEN`, as a moment. `words` begin the help text: what is since then. A day or a
    moment that names no zone is in `zone`, or else in the local one."""

    def given(
        context: click.Context, parameter: click.Parameter, value: str | None
    ) -> datetime | None:
        from harness.workflow.cron import local_zone

        return None if value is None else moment_of(value, datetime.now(zone or local_zone()))

    return click.option(
        "--since",
        callback=given,
        metavar="WHEN",
        help=f"{words}: how long ago (36h, 7d, 4w, 1y), a day (2026-11-21) or a moment"
        " (2026-11-21T18:00).",
    )


def at_a_terminal() -> bool:
    """Whether somebody sees what is printed, and can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def wait_for_interrupt(words: str) -> None:
    """At a terminal, print `words` and return at Ctrl-C; elsewhere do nothing."""
    # Nobody who reads a log or a pipe could end it.
    if at_a_terminal():
        echo(f"{words}\nCtrl-C ends it.")
        with suppress(KeyboardInterrupt):
            signal.pause()


def emit(document: Any) -> None:
    """One JSON object on standard output."""
    # Escapes of JSON where the output lacks letters: those of the stream would not be valid JSON.
    text = json.dumps(document, ensure_ascii=not speaks_unicode(sys.stdout), default=str)
    # Escapes of what could control a terminal as well: the data stays the same, which `echo` would
    # not leave so.
    if not text.isprintable():
        text = "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
    echo(text)
