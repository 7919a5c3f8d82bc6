"""What the daemon writes to standard output: one line for each log entry, for a person, a file or
journald."""

import json
import logging
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, tzinfo

from harness.domain.shortened import in_one_line, shortened
from harness.log import NODE_STARTED, LogEntry, entry_of

LONGEST = 160
"""Characters of a message; the run's log has all of it."""


class Journal(logging.Handler):
    """Writes lines of text, or of JSON with `at`, `level`, `event`, `message`, `run`, `issue`,
    `node` and `outcome`. Each line is flushed."""

    def __init__(self, zone: tzinfo, *, as_json: bool) -> None:
        # Of a node only the end is written, which follows its start.
        super().__init__()
        self.addFilter(lambda record: entry_of(record).event != NODE_STARTED)
        self._zone = zone
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        """Write one entry as a line."""
        entry, at = entry_of(record), datetime.fromtimestamp(record.created, self._zone)
        # The reader of the pipe may be gone; the work goes on.
        with suppress(BrokenPipeError):
            print(
                json.dumps(
                    {
                        "at": at.isoformat(timespec="milliseconds"),
                        "level": record.levelname.lower(),
                        **asdict(entry),
                    }
                )
                if self._as_json
                else f"{at:%Y-%m-%d %H:%M:%S}  {_line(entry)}",
                flush=True,
            )


def _line(entry: LogEntry) -> str:
    message = shortened(in_one_line(entry.message), LONGEST)
    if not entry.node:
        about = entry.run or (f"#{entry.issue}" if entry.issue else "")
        return f"{entry.event:<10} {f'{about}: ' if about else ''}{message}"
    return f"{entry.run:<16} {entry.node}: {entry.outcome}{': ' if message else ''}{message}"
