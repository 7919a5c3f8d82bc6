"""A handler that keeps every log entry."""

import logging
from collections.abc import Callable

from harness.log import LogEntry, entry_of


class LogEntries(logging.Handler):
    """`react` is called with the event of each."""

    def __init__(self, react: Callable[[str], None] = lambda event: None) -> None:
        super().__init__()
        self._react = react
        self.written: list[LogEntry] = []

    def emit(self, record: logging.LogRecord) -> None:
        entry = entry_of(record)
        self.written.append(entry)
        self._react(entry.event)

    def of(self, event: str) -> list[LogEntry]:
        """The entries of one event, in order."""
        return [entry for entry in self.written if entry.event == event]
