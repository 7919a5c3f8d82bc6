"""The packages of this program that run in sandboxes, copied to their own folder. A sandbox does
not see the code that makes verdicts."""

from __future__ import annotations

import shutil
from pathlib import Path

import validators
from validators.app.sandboxes import Bind

LIBRARY = "/opt/judge"
SANDBOXED = ("browser", "domain", "driver", "language", "performance", "ports", "roles")


def judge_library(folder: Path) -> Bind:
    """A read-only bind of these packages, copied below `folder` at the first call. A sandbox puts
    LIBRARY on its PYTHONPATH."""
    source, copy = Path(validators.__file__).parent, folder / "library"
    if not copy.exists():
        package = copy / source.name
        package.mkdir(parents=True)
        shutil.copy2(source / "__init__.py", package)
        for room in SANDBOXED:
            shutil.copytree(source / room, package / room)
    return Bind(copy, LIBRARY)
