"""A program of this machine in a sandbox whose root is another: with the loader and the libraries
that it has here, whatever the root holds in their places."""

import os
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from harness.domain.errors import SandboxError

if TYPE_CHECKING:
    from harness.programs.sandbox.walls.bubblewrap import View

FOLDER = "/opt/bin/.host"
SECONDS = 10
_LIBRARY = re.compile(r"\s*(?:(\S+) => )?(/\S+) \(0x[0-9a-f]+\)")


def shown(view: "View", program: str) -> tuple[str, ...]:
    """Show it in the view. The command line that starts it, whose first word is the loader's path.
    Raises SandboxError."""
    loader, libraries = _needed(program)
    for path in (loader, program, *libraries):
        view.bind(os.path.realpath(path), f"{FOLDER}/{os.path.basename(path)}")
    name = os.path.basename(program)
    loading = (f"{FOLDER}/{os.path.basename(loader)}", "--inhibit-cache", "--library-path", FOLDER)
    return (*loading, f"{FOLDER}/{name}")


@cache
def _needed(program: str) -> tuple[str, tuple[str, ...]]:
    """The loader of a program of this machine, and its libraries, as the loader itself tells."""
    try:
        printed = subprocess.run(
            (program,),
            env={"LD_TRACE_LOADED_OBJECTS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the libraries of {program} cannot be found: {error}") from error
    found = [match.groups() for line in printed.splitlines() if (match := _LIBRARY.fullmatch(line))]
    loaders = [path for name, path in found if name is None]
    if len(loaders) != 1:
        raise SandboxError(f"the loader of {program} cannot be found in {printed!r:.200}")
    return loaders[0], tuple(path for name, path in found if name is not None)
