"""Follow what a driver reports while it performs.

The reports are for a person who waits. What counts is the evidence, which is read at the end."""

from __future__ import annotations

from pathlib import Path

from validators.domain.errors import DocumentInvalid
from validators.performance.evidence_json import read_part
from validators.performance.journey_run import Watch

MOST_BYTES = 1 << 20


class Progress:
    """Reads the reports in a driver's output file, as they come, and passes each on to `watch`."""

    def __init__(self, file: Path, watch: Watch) -> None:
        self.file = file
        self._watch = watch
        self._read = 0

    def follow(self) -> None:
        """Pass on every whole line that came since the last call, of MOST_BYTES in all."""
        try:
            with self.file.open("rb") as opened:
                opened.seek(self._read)
                came = opened.read(MOST_BYTES - self._read)
        except OSError:
            return
        whole = came[: came.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                run, part = read_part(line.decode("utf-8", "replace"))
            except DocumentInvalid:
                # The driver's own last line, or a page that took the browser over.
                continue
            self._watch(run, part)
