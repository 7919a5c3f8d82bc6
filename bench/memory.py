"""The most memory that this process and all below it had at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

EVERY_SECONDS = 0.5


class Peak:
    """Watches for as long as the block lasts. Shared pages are counted once: it is PSS that is
    added up."""

    def __init__(self) -> None:
        self.mebibytes = 0.0
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self.mebibytes = max(self.mebibytes, sum(map(_kibibytes, _family(os.getpid()))) / 1024)


def _family(root: int) -> set[int]:
    parents = {int(name): _parent(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return found


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def _kibibytes(pid: int) -> int:
    """Of a process that may be gone, or another account's: then nothing."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
