"""Live progress: what runs, for how long, and the results. A terminal shows one moving line;
elsewhere each result is a line."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.markup import escape

from harness.cli.output.terminal import console

GOOD, IDLE = "produced", "no-change"


class Progress:
    """Prints on standard error, so that standard output carries only the command's answer."""

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
        """Show one thing that started (no words) or print its result (words)."""
        with self._lock:
            began = self._began.setdefault((run, what), time.monotonic())
            if not words:
                self._status.update(f"[dim]{escape(run)}[/] {escape(what)} …")
                return
            spent = time.monotonic() - began
            outcome, _, message = words.partition(": ")
            # The log of the run has it; here it would hide what was done.
            if outcome == IDLE:
                return
            colour = "green" if outcome == GOOD else "red"
            line = " ".join(message.split())
            self._console.print(
                f"[dim]{spent:5.1f}s  {escape(run):<15}[/] [{colour}]{escape(what):<10}[/]"
                f" {escape(line)}"
            )

    def say(self, words: str) -> None:
        """Print a line of its own."""
        with self._lock:
            self._console.print(words, markup=False)
