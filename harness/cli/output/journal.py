"""What the daemon writes to standard output: one line for each event, for a person, a file or
journald."""

import json
import threading
from contextlib import suppress
from datetime import datetime, tzinfo

from harness.factory.reporting.digest_page import printable


class Journal:
    """Writes lines of text, or of JSON with `at`, `kind`, `says`, and for a node `run` and `node`.
    Each line is flushed."""

    def __init__(self, zone: tzinfo, *, as_json: bool) -> None:
        self._zone = zone
        self._as_json = as_json
        self._lock = threading.Lock()

    def say(self, kind: str, words: str) -> None:
        self._write({"kind": kind, "says": words}, f"{kind:<10} {printable(words)}")

    def tell(self, run: str, what: str, words: str) -> None:
        """Write the end of one node, or another finding. The start of a node is not written: its
        end follows."""
        if words:
            message = words.rstrip(": ")
            self._write(
                {"kind": "node", "run": run, "node": what, "says": message},
                f"{run:<16} {what}: {printable(message)}",
            )

    def _write(self, document: dict[str, str], line: str) -> None:
        now = datetime.now(self._zone)
        # The reader of the pipe may be gone; the work goes on.
        with self._lock, suppress(BrokenPipeError):
            print(
                json.dumps({"at": now.isoformat(timespec="milliseconds"), **document})
                if self._as_json
                else f"{now:%Y-%m-%d %H:%M:%S}  {line}",
                flush=True,
            )
