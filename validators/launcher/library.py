"""The part of this program that runs in boxes, as a folder of its own: a box is not shown how
verdicts are made."""

from __future__ import annotations

import shutil
from pathlib import Path

import validators
from validators.app.sandboxes import Bind

LIBRARY = "/opt/judge"
SANDBOXED = ("browser", "domain", "driver", "language", "performance", "ports", "roles")


def judge_library(folder: Path) -> Bind:
    """A read-only bind of the boxed rooms, copied below `folder`, to be put on PYTHONPATH as
    LIBRARY."""
    source, copy = Path(validators.__file__).parent, folder / "library"
    if not copy.exists():
        package = copy / source.name
        package.mkdir(parents=True)
        shutil.copy2(source / "__init__.py", package)
        for room in SANDBOXED:
            shutil.copytree(source / room, package / room)
    return Bind(copy, LIBRARY)
