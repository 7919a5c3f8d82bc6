"""Follow what a driver reports while it performs: what it has done, for a person who waits, and the
apps that it needs. What counts is the evidence, which is read at the end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from validators.domain.errors import DocumentInvalid
from validators.performance.evidence_json import read_part
from validators.performance.journey_run import Watch
from validators.performance.plan import read_needed

MOST_BYTES = 1 << 20


class Progress:
    """Reads the reports in a driver's output file, as they come, and passes what was done on to
    `watch`. `needed` has the ports of the apps that it asked for."""

    def __init__(self, file: Path, watch: Watch) -> None:
        self.file = file
        self.needed = set[int]()
        self._watch = watch
        self._read = 0

    def follow(self) -> None:
        """Read every whole line that came since the last call, of MOST_BYTES at most. A line that
        is longer is passed over."""
        try:
            with self.file.open("rb") as opened:
                opened.seek(self._read)
                came = opened.read(MOST_BYTES)
        except OSError:
            return
        whole = came[: came.rfind(b"\n") + 1]
        self._read += len(whole) or (MOST_BYTES if len(came) == MOST_BYTES else 0)
        for line in whole.decode("utf-8", "replace").split("\n"):
            self._heard(line)

    def _heard(self, line: str) -> None:
        with suppress(DocumentInvalid):
            self.needed.add(read_needed(line))
            return
        # Else: the driver's own last line, or a page that took the browser over.
        with suppress(DocumentInvalid):
            self._watch(*read_part(line))
