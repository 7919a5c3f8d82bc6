"""How a daemon is told to go. SIGTERM or Ctrl-C: what runs may finish, within a grace; a second
Ctrl-C: at once.

Handlers only set plain attributes and the kernel's timer: a lock taken in a handler may be one that
the interrupted line holds."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from harness.domain.errors import Interrupted


class Shutdown:
    """Whether the process was told to go, and by what. Use as a context, in the main thread.

    When the grace is over, Interrupted is raised in the main thread, wherever it is; `is_late` says
    so."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._before: dict[int, Any] = {}
        self.told_by: int | None = None
        self.is_late = False
        self.on_told: Callable[[], None] = lambda: None

    @property
    def exit_code(self) -> int:
        """0 when a service manager asked, 130 when a person at the keyboard did."""
        return Interrupted.exit_code if self.told_by == signal.SIGINT else 0

    def leave(self, code: int) -> int:
        """`code`; but a late process ends here and now. Node threads would be waited for, and have
        had their grace; what they run is tied to this process and ends with it."""
        if self.is_late:
            _end(code)
        return code

    def __enter__(self) -> Self:
        for number, told in (
            (signal.SIGTERM, self._told),
            (signal.SIGINT, self._told),
            (signal.SIGALRM, self._late),
        ):
            self._before[number] = signal.signal(number, told)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, before in self._before.items():
            signal.signal(number, before)

    def _told(self, number: int, _frame: FrameType | None) -> None:
        if self.told_by is None:
            self.told_by = number
            self.on_told()
            signal.setitimer(signal.ITIMER_REAL, max(self._grace, 0.001))
        elif number == signal.SIGINT:
            _end(Interrupted.exit_code)

    def _late(self, _number: int, _frame: FrameType | None) -> None:
        self.is_late = True
        raise Interrupted("the grace is over; what was under way is made again next time")


def _end(code: int) -> None:
    """At once, as after a kill: whoever comes next goes on from what is recorded."""
    sys.stdout.flush()
    os._exit(code)
