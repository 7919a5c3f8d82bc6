"""A private folder for one performance, gone afterwards; what a killed launcher left is swept by
the next.

A judge may be killed at any moment, and what it had found out until then is evidence, though of no
verdict. So a folder can name an heir, in the store: whoever sweeps the folder of a launcher that is
dead carries the evidence over first."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from validators.domain.stops import Inconclusive, UsageError
from validators.evidence.keep import keep_tail, kept

PREFIX = "judge-"
HEIR = "heir"
OUT = "out"
# bytes: an app's socket lies up to 65 bytes further down, and the kernel ends its name at 107
LONGEST_PLACE = 40


@contextmanager
def work_folder(*, heir: Path | None = None) -> Iterator[Path]:
    """A fresh folder with mode 0700, named for this process. `heir` gets the evidence in it if this
    process is killed.

    Raises UsageError where its name would be too long for the sockets in it."""
    place = tempfile.gettempdir()
    if len(os.fsencode(place)) > LONGEST_PLACE:
        raise UsageError(
            f"{place}: too long a name for the sockets below it; set TMPDIR to one of at most"
            f" {LONGEST_PLACE} bytes"
        )
    sweep(Path(place))
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    if heir:
        (folder / HEIR).write_text(str(heir))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the folders of launchers that are dead, once their heirs have what they left."""
    for folder in parent.glob(f"{PREFIX}[0-9]*-*"):
        left = folder.name.removeprefix(PREFIX)
        with suppress(
            FileNotFoundError
        ):  # another launcher sweeps as well: whoever renames it first has it
            if (
                not Path("/proc", left.split("-")[0]).exists()
                and folder.stat().st_uid == os.geteuid()
            ):
                ours = folder.rename(parent / f"{PREFIX}{os.getpid()}-{left}")
                _bequeathed(ours)
                shutil.rmtree(ours, ignore_errors=True)


def _bequeathed(folder: Path) -> None:
    """Copy what each performance below the folder had put out, and every log, to the heir; what is
    there already stays."""
    with suppress(
        OSError, Inconclusive
    ):  # too much of it, or no heir any more: then nothing more is kept
        heir = Path((folder / HEIR).read_text())
        for place in (path for path in folder.iterdir() if heir.is_dir() and (path / OUT).is_dir()):
            if (heir / place.name).exists():
                continue
            kept(place / OUT, into=heir / place.name)
            for log in (*place.glob("*.log"), *place.glob("*/server.log")):
                keep_tail(
                    log, into=heir / place.name / "server" / "-".join(log.relative_to(place).parts)
                )
