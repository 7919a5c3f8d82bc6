"""Options and small functions that the commands share."""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from harness.cli.output.terminal import speaks_unicode
from harness.domain.errors import ConfigError

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
def fresh_home(folder: Path | None) -> Iterator[Path]:
    """An empty folder for a new home. A temporary folder that stays empty is removed at the end.

    Raises ConfigError when `folder` is not empty or cannot be a folder.
    """
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="lights-out-factory-"))
        try:
            yield folder
        finally:
            with suppress(OSError):
                # This refuses a folder with anything in it, so nothing that was made is lost.
                folder.rmdir()
        return
    try:
        folder = folder.expanduser().absolute()
    except RuntimeError:
        raise ConfigError(
            f"there is no folder {folder.parts[0]} here; name another with --home"
        ) from None
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{folder} is not empty; a new home wants a folder of its own, so name a new one"
        )
    yield folder


def wait_for_interrupt() -> None:
    """Return at Ctrl-C."""
    with suppress(KeyboardInterrupt):
        signal.pause()


def emit(document: Any) -> None:
    """One JSON object on standard output."""
    # Escapes of JSON where the output lacks letters: those of the stream would not be valid JSON.
    click.echo(json.dumps(document, ensure_ascii=not speaks_unicode(sys.stdout), default=str))
