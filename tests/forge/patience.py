"""A forge as somebody starts it, asks it and looks into it who does not give up while the machine
is busy with other things."""

from contextlib import suppress
from functools import partial
from pathlib import Path

from harness.programs.local_forge import start as starting

SECONDS = 180
"""Nothing that goes well waits for its end: it says only that nobody waits for ever."""

start = partial(starting.start, seconds=SECONDS)


def files_below(folder: Path) -> dict[Path, bytes]:
    """Each file and what it holds. What a server that runs takes away meanwhile is not there."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            found[path] = path.read_bytes()
    return found
