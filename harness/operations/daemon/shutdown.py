"""Graceful shutdown of a daemon. At SIGTERM or Ctrl-C running work may finish until a timeout; a
second Ctrl-C ends the process at once.

Signal handlers only set plain attributes and the kernel's timer: the interrupted line may hold any
lock that a handler would take."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from harness.domain.errors import Interrupted


class Shutdown:
    """Which signal asked the process to end, if one did. Use as a context, in the main thread.

    After the timeout (seconds) it raises Interrupted in the main thread, wherever that is, and sets
    `is_late`."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._before: dict[int, Any] = {}
        self.signal_number: int | None = None
        self.is_late = False
        self.on_signal: Callable[[], None] = lambda: None

    @property
    def exit_code(self) -> int:
        """0 if a service manager asked, 130 if a person at the keyboard did."""
        return Interrupted.exit_code if self.signal_number == signal.SIGINT else 0

    def leave(self, code: int) -> int:
        """Return `code`, or end the process with it if the shutdown timed out."""
        # A normal exit would wait for the threads of nodes, which had their time. What they run is
        # tied to this process and ends with it.
        if self.is_late:
            _end(code)
        return code

    def __enter__(self) -> Self:
        for number, handler in (
            (signal.SIGTERM, self._on_request),
            (signal.SIGINT, self._on_request),
            (signal.SIGALRM, self._on_timeout),
        ):
            self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, before in self._before.items():
            signal.signal(number, before)

    def _on_request(self, number: int, _frame: FrameType | None) -> None:
        if self.signal_number is None:
            self.signal_number = number
            self.on_signal()
            signal.setitimer(signal.ITIMER_REAL, max(self._timeout, 0.001))
        elif number == signal.SIGINT:
            _end(Interrupted.exit_code)

    def _on_timeout(self, _number: int, _frame: FrameType | None) -> None:
        self.is_late = True
        raise Interrupted("the shutdown timed out; what was running is repeated at the next start")


def _end(code: int) -> None:
    """End at once, as a kill does: the next process continues from what is recorded."""
    sys.stdout.flush()
    os._exit(code)
