"""Start a local forge, and look into its files, with patience for a busy machine."""

from contextlib import suppress
from functools import partial
from pathlib import Path

from harness.programs.local_forge import start as starting
from tests import warm

SECONDS = 180
"""Nothing that goes well waits for its end: it says only that nobody waits for ever."""

start = partial(starting.start, seconds=SECONDS, popen=warm.Server)
"""A forge that is forked where its imports are done. `test_server` starts the program itself."""


def files_below(folder: Path) -> dict[Path, bytes]:
    """Each file and its bytes. Files that a running server deletes meanwhile are left out."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            found[path] = path.read_bytes()
    return found
