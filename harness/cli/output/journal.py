"""What a daemon says on standard output: one line for each thing that happened, for a person, a
file or journald."""

import json
import threading
from contextlib import suppress
from datetime import datetime, tzinfo

from harness.factory.reporting.digest_page import printable


class Journal:
    """Lines of text, or of JSON: `at`, `kind`, `says`, and for a node's end `run` and `node`. Each
    is flushed."""

    def __init__(self, zone: tzinfo, *, as_json: bool) -> None:
        self._zone = zone
        self._as_json = as_json
        self._lock = threading.Lock()

    def say(self, kind: str, words: str) -> None:
        self._write({"kind": kind, "says": words}, f"{kind:<10} {printable(words)}")

    def tell(self, run: str, what: str, words: str) -> None:
        """One node's end, or another thing found out. What only began is not said: it will end."""
        if words:
            said = words.rstrip(": ")
            self._write(
                {"kind": "node", "run": run, "node": what, "says": said},
                f"{run:<16} {what}: {printable(said)}",
            )

    def _write(self, document: dict[str, str], line: str) -> None:
        now = datetime.now(self._zone)
        with self._lock, suppress(BrokenPipeError):  # whoever read this is gone; the work goes on
            print(
                json.dumps({"at": now.isoformat(timespec="milliseconds"), **document})
                if self._as_json
                else f"{now:%Y-%m-%d %H:%M:%S}  {line}",
                flush=True,
            )
