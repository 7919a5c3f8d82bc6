"""Structured log entries, written with the standard library's logging.

Every entry has an event (a word for programs), a message for people, and the run, the issue and the
node that it is about, where there are any. A `logging.Handler` shows or stores entries; it reads
them with `entry_of`.

Nothing relies on the log: what the factory has to know again is in the ledger."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

NODE_STARTED, NODE_ENDED = "node-started", "node-ended"
WARNING = logging.WARNING
_FIELD = "factory_entry"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry. `run` and `node` are empty, and `issue` is None, where it is about none. `outcome`
    is that of a node that ended, else empty."""

    event: str
    message: str = ""
    run: str = ""
    issue: int | None = None
    node: str = ""
    outcome: str = ""


class Log:
    """Writes entries to its handlers and counts them. Any thread may write."""

    def __init__(self, *handlers: logging.Handler) -> None:
        # A logger outside of the global tree: two factories in one process do not mix, and what
        # libraries log is not ours.
        self._logger = logging.Logger("factory", logging.DEBUG)
        for handler in handlers:
            self._logger.addHandler(handler)
        if not handlers:
            self._logger.addHandler(logging.NullHandler())
        self._counts, self._lock = Counter[str](), Lock()

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each event was written; for nodes that ended, by outcome (`node-ended:failed`).
        A new counter needs an event and no more."""
        return dict(sorted(self._counts.items()))

    def write(
        self,
        event: str,
        message: str = "",
        *,
        run: str = "",
        issue: int | None = None,
        node: str = "",
        outcome: str = "",
        level: int = logging.INFO,
    ) -> None:
        """Write one entry about a run, an issue, a node, or the factory as a whole."""
        entry = LogEntry(event, message, run, issue, node, outcome)
        with self._lock:
            self._counts[f"{event}:{outcome}" if outcome else event] += 1
        self._logger.log(level, "%s", message, extra={_FIELD: entry})


def entry_of(record: logging.LogRecord) -> LogEntry:
    """The entry that a record of a `Log` carries."""
    entry: LogEntry = getattr(record, _FIELD)
    return entry
