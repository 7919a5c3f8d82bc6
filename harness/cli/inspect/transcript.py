"""`factory logs RUN --transcript`: print what the agents wrote, once or while the run goes on."""

import time
from collections.abc import Callable
from pathlib import Path

from harness.cli.options import emit
from harness.cli.output.terminal import echo
from harness.domain.shortened import in_one_line
from harness.operations.maintenance.transcripts import transcript_of

_POLL_SECONDS = 0.5


def show(
    home: Path, run: str, *, follow: bool, as_json: bool, wait: Callable[[float], None] = time.sleep
) -> None:
    """Print a run's transcript. With `follow`, go on until the run is over and call `wait` with a
    number of seconds before each new read.
    """
    transcript = transcript_of(home, run)
    if as_json:
        emit(
            {
                "run": run,
                "over": transcript.over,
                "sections": list(transcript.sections),
                "sealed": list(transcript.sealed),
            }
        )
        return
    shown = 0
    while True:
        for section in transcript.sections[shown:]:
            # A model's words may contain the control sequences of a terminal.
            echo(section, nl=False)
            shown += 1
        if transcript.over or not follow:
            break
        wait(_POLL_SECONDS)
        transcript = transcript_of(home, run)
    # A run of judges alone has only sealed sessions, which are named below.
    if not shown and not transcript.sealed:
        echo(f"No model was asked in {run}{'' if transcript.over else ' yet'}.")
    for line in transcript.sealed:
        echo(f"\n{in_one_line(line)}")
