"""Recorded changes, for commands that try rules on them: from a file, or from the factory's
ledger."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import home
from harness.domain.errors import ConfigError

if TYPE_CHECKING:
    from harness.governance.past.history import RecordedChange

HISTORY = "history.json"

history_file = click.option(
    "--history",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Recorded changes as JSON; the default is the ledger of $FACTORY_HOME.",
)


from_git = click.option(
    "--from-git",
    is_flag=True,
    help="The newest 200 changes of the branch that is checked out; no factory is needed.",
)


def recorded(
    file: Path | None, since: datetime | None = None, *, clone: Path | None = None
) -> Sequence["RecordedChange"]:
    """The changes in `file`, those of the clone's history, or those of the ledger.

    Raises ConfigError when there is none of them, or when it cannot be read."""
    from harness.factory.policy_gate.recorded import later_than, recorded_changes
    from harness.home.state import open_ledger

    if clone is not None:
        from harness.repository.original.past_changes import past_changes

        changes = past_changes(clone)
    elif file is not None:
        changes = read(file)
    else:
        try:
            with open_ledger(home()) as ledger:
                changes = recorded_changes(ledger.entries())
        # Rules are also tried where there is no factory, so the message names the other way.
        except ConfigError as error:
            raise ConfigError(f"{error}; or name recorded changes with --history FILE") from None
    if since is None:
        return changes
    return later_than(changes, since, file=str(file) if file else None)


def read(file: Path) -> tuple["RecordedChange", ...]:
    """The changes in a file. Raises ConfigError."""
    from harness.governance.past.history import LARGEST, read_history

    # One byte more than allowed is enough to refuse a file that is too large.
    with file.open("rb") as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ConfigError(
            f"has more than {LARGEST} bytes, and a history has at most so many; split it by time",
            file=str(file),
        )
    try:
        return read_history(content.decode("utf-8"), file=str(file))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(
            "is not UTF-8 here; save the file as UTF-8", file=str(file), line=line
        ) from None
