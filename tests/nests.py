"""Folders in folders that no path leads to."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# One has a path that no system call takes, the other is deeper than Python may recurse.
LONG, DEEP = ("n" * 250, 20), ("n", 1500)


@contextmanager
def folder_for_nests() -> Iterator[Path]:
    """A folder that goes with all that is in it, also where the code under test is wrong: what
    clears the temporary folders of tests recurses."""
    made = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        yield made
    finally:
        subprocess.run(["rm", "-rf", "--", made], check=True, env={"PATH": os.defpath})


def nest(top: Path, name: str, depth: int, *, content: int = 0) -> None:
    """Make `depth` folders of this name, each in the one before, with a file of so many bytes in
    the last."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    with open("file", "wb", opener=lambda path, flags: os.open(path, flags, dir_fd=here)) as file:
        file.write(bytes(content))
    os.close(here)
