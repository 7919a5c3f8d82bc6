"""A private folder for one performance. It is removed afterwards; the next launcher removes the
folders that killed launchers have left.

A judge may be killed at any moment, and what it had found until then is evidence, though no
verdict. So a folder can name a place in the store. Whoever removes the folder of a dead launcher
copies its evidence to that place first."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from validators.domain.stops import Inconclusive, UsageError
from validators.evidence.keep import keep_files, keep_tail
from validators.store.files import delete_folder

PREFIX = "judge-"
RESCUE_TO = "rescue-to"
OUT = "out"
# Bytes. An app's socket lies up to 65 bytes further down, and the kernel cuts its name at 107.
LONGEST_PLACE = 40


@contextmanager
def work_folder(*, rescue_to: Path | None = None) -> Iterator[Path]:
    """A fresh folder with mode 0700, named for this process. If this process is killed, the
    evidence in it goes to `rescue_to`.

    Raises UsageError when its path would be too long for the sockets in it."""
    place = tempfile.gettempdir()
    if len(os.fsencode(place)) > LONGEST_PLACE:
        raise UsageError(
            f"{place}: too long a name for the sockets below it; set TMPDIR to one of at most"
            f" {LONGEST_PLACE} bytes"
        )
    remove_abandoned(Path(place))
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    if rescue_to:
        (folder / RESCUE_TO).write_text(str(rescue_to))
    try:
        yield folder
    finally:
        delete_folder(folder)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders of dead launchers, after their evidence was rescued."""
    for folder in parent.glob(f"{PREFIX}[0-9]*-*"):
        rest = folder.name.removeprefix(PREFIX)
        # Another launcher may do the same at this moment: the first to rename a folder has it. What
        # nobody can move or delete stops no later launcher.
        with suppress(OSError):
            dead = not Path("/proc", rest.split("-")[0]).exists()
            if dead and folder.stat().st_uid == os.geteuid():
                ours = folder.rename(parent / f"{PREFIX}{os.getpid()}-{rest}")
                _rescue_evidence(ours)
                delete_folder(ours)


def _rescue_evidence(folder: Path) -> None:
    """Copy the output of each performance below the folder, and every log, to the place that the
    folder names. What is there already stays."""
    # Too much evidence, or no such place any more: then nothing more is kept.
    with suppress(OSError, Inconclusive):
        target = Path((folder / RESCUE_TO).read_text())
        for performance in folder.iterdir():
            kept = target / performance.name
            if not target.is_dir() or not (performance / OUT).is_dir() or kept.exists():
                continue
            keep_files(performance / OUT, into=kept)
            for log in (*performance.glob("*.log"), *performance.glob("*/server.log")):
                name = "-".join(log.relative_to(performance).parts)
                keep_tail(log, into=kept / "server" / name)
