"""Options that every command shares."""

import json
import os
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
    """Where the factory keeps its state: $FACTORY_HOME, else the state folder of the account (XDG).
    Always absolute.

    Raises ConfigError when neither says where that is.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # the XDG specification: a relative one counts for nothing
        state = "~/.local/state"
    found = os.path.expanduser(os.environ.get("FACTORY_HOME") or f"{state}/lights-out-factory")
    if found.startswith("~"):
        raise ConfigError(
            f"there is no folder {found.split('/')[0]} for this account; set FACTORY_HOME to a"
            " folder of its own"
        )
    return Path(os.path.abspath(found))


@contextmanager
def fresh_home(folder: Path | None) -> Iterator[Path]:
    """An empty place for a new home; one that we made ourselves goes again when nothing was put
    into it.

    Raises ConfigError when the folder that was named is not empty, or cannot be one.
    """
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="lights-out-factory-"))
        try:
            yield folder
        finally:
            with suppress(OSError):
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


def emit(document: Any) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(document, ensure_ascii=not speaks_unicode(sys.stdout), default=str))
