"""Live progress: what runs, for how long, what was decided. On a terminal one line moves; elsewhere
lines are printed."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.markup import escape

from harness.cli.output.terminal import console

GOOD, IDLE = "produced", "no-change"


class Progress:
    """Tells on standard error, so that standard output stays the answer's."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = console(stderr=True, quiet=quiet)
        self._status = self._console.status("", spinner="dots")
        self._began: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._console.is_interactive:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._status.stop()

    def tell(self, run: str, what: str, words: str) -> None:
        """One thing that began (no words) or was found out (words)."""
        with self._lock:
            began = self._began.setdefault((run, what), time.monotonic())
            if not words:
                self._status.update(f"[dim]{escape(run)}[/] {escape(what)} …")
                return
            spent = time.monotonic() - began
            outcome, _, message = words.partition(": ")
            if outcome == IDLE:  # the log of the run has it; here it would hide what was done
                return
            colour = "green" if outcome == GOOD else "red"
            line = " ".join(message.split())
            self._console.print(
                f"[dim]{spent:5.1f}s  {escape(run):<15}[/] [{colour}]{escape(what):<10}[/]"
                f" {escape(line)}"
            )

    def say(self, words: str) -> None:
        """A line of its own."""
        with self._lock:
            self._console.print(words, markup=False)
