"""Start a local forge, and look into its files, with patience for a busy machine."""

from contextlib import suppress
from functools import partial
from pathlib import Path

from harness.programs.local_forge import start as starting

SECONDS = 180
"""Nothing that goes well waits for its end: it says only that nobody waits for ever."""

start = partial(starting.start, seconds=SECONDS)


def files_below(folder: Path) -> dict[Path, bytes]:
    """Each file and its bytes. Files that a running server deletes meanwhile are left out."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            found[path] = path.read_bytes()
    return found
