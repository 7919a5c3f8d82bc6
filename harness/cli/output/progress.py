"""Live progress on a terminal: what runs, for how long, and the results. Elsewhere than on a
terminal each result is a line."""

import logging
import time
from typing import Self

from rich.markup import escape

from harness.cli.output.terminal import console
from harness.log import NODE_STARTED, LogEntry, entry_of

GOOD, IDLE = "produced", "no-change"


class Progress(logging.Handler):
    """A handler of log entries that prints on standard error, so that standard output carries only
    the command's answer."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__()
        self._console = console(stderr=True, quiet=quiet)
        self._status = self._console.status("", spinner="dots")
        self._began: dict[tuple[str, str], float] = {}

    def __enter__(self) -> Self:
        # Elsewhere a moving line would fill a log with its pictures.
        if self._console.is_interactive:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def emit(self, record: logging.LogRecord) -> None:
        """Show what started, or print what ended or happened."""
        # logging holds the handler's lock meanwhile: several workers report at once, and a console
        # writes one line at a time.
        entry = entry_of(record)
        began = self._began.setdefault((entry.run, entry.node), time.monotonic())
        if entry.event == NODE_STARTED:
            self._status.update(f"[dim]{escape(entry.run)}[/] {escape(entry.node)} …")
        # The run's log has what changed nothing; here it would hide what was done.
        elif entry.outcome != IDLE:
            colour = "red" if _is_bad(entry, record.levelno) else "green"
            self._console.print(
                f"[dim]{time.monotonic() - began:5.1f}s  {escape(_subject(entry)):<15}[/]"
                f" [{colour}]{escape(entry.node or entry.event):<10}[/]"
                f" {escape(' '.join(entry.message.split()))}"
            )

    def pause(self) -> None:
        """Take the moving line away."""
        self._status.stop()

    def say(self, words: str) -> None:
        """Print a line of its own."""
        # The same lock as for log entries, so the two never share a line.
        self.acquire()
        try:
            self._console.print(words, markup=False)
        finally:
            self.release()


def _is_bad(entry: LogEntry, level: int) -> bool:
    return level >= logging.WARNING or entry.outcome not in ("", GOOD)


def _subject(entry: LogEntry) -> str:
    return entry.run or (f"issue #{entry.issue}" if entry.issue else "")
