"""`factory logs RUN --transcript`: what agents said, on a terminal or in a file, as far as it has
come or while it comes."""

import time
from collections.abc import Callable
from pathlib import Path

import click

from harness.cli.options import emit
from harness.cli.output.terminal import printable
from harness.operations.maintenance.transcripts import transcript_of

_LOOK_SECONDS = 0.5


def show(
    home: Path, run: str, *, follow: bool, as_json: bool, wait: Callable[[float], None] = time.sleep
) -> None:
    """Print a run's transcript; with `follow`, go on until the run is over, and `wait` some seconds
    before each new look."""
    told = transcript_of(home, run)
    if as_json:
        emit(
            {
                "run": run,
                "over": told.over,
                "sections": list(told.sections),
                "sealed": list(told.sealed),
            }
        )
        return
    shown = 0
    while True:
        for section in told.sections[shown:]:
            click.echo(printable(section), nl=False)
            shown += 1
        if told.over or not follow:
            break
        wait(_LOOK_SECONDS)
        told = transcript_of(home, run)
    if not shown and not told.sealed:
        click.echo(f"No model was asked in {run}{'' if told.over else ' yet'}.")
    for line in told.sealed:
        click.echo(f"\n{printable(line)}")
