"""One rate limiter for all requests to one forge as one account: one after another, at the forge's
pace, and none while the forge refuses them.

Properties:
- A limit that one thread met holds for all of them.
- While it is closed no request is sent: GitHub punishes clients that go on.
- Setting the clock changes nothing: waiting uses a clock that never jumps.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.forge.limits import Limit

JITTER, MOST_JITTER_SECONDS = 0.1, 10.0
REQUEST_SECONDS, WRITE_SECONDS = 0.25, 1.0
"""GitHub's pace: at most one write a second, and few enough reads for its limit per minute."""


def _since_boot() -> float:
    """Seconds that also count while the machine sleeps, if the system has such a clock: a token
    expires in that time."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True, slots=True)
class Time:
    """The clock of a rate limiter: the time of day for people, seconds that only grow, a way to
    wait, and a random number in [0, 1)."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = _since_boot
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class Limited(Exception):
    """The forge refuses requests before `again_at` (UTC). No request was sent, or the one that was
    sent had no effect."""

    def __init__(self, limit: Limit, again_at: datetime) -> None:
        super().__init__(
            f"the forge's {limit.name} ended it; it answers again at"
            f" {again_at:%Y-%m-%d %H:%M:%S} UTC"
        )
        self.limit, self.again_at = limit, again_at


class RateLimiter:
    """Spaces requests by `between` seconds, and writes by `between_writes`; both are 0 for a local
    forge, which has no limits."""

    def __init__(
        self, *, between: float = 0.0, between_writes: float = 0.0, time: Time | None = None
    ) -> None:
        self._between, self._between_writes = between, between_writes
        self._time = time or Time()
        self._lock = threading.Lock()
        self._next = self._next_write = self._opens = 0.0
        self._closed_by: Limit | None = None
        self._in_a_row = 0

    def enter(self, *, writes: bool) -> None:
        """Wait for this request's turn. Raises Limited at once while the forge refuses requests."""
        with self._lock:
            now = self._time.steady()
            self._refuse_while_closed(now)
            turn = max(now, self._next, self._next_write if writes else 0.0)
            self._next = turn + self._between
            if writes:
                self._next_write = turn + self._between_writes
        # The turn was taken under the lock; waiting for it outside lets others take theirs.
        if turn > now:
            self._time.sleep(turn - now)
            # Another thread may have met a limit while this one slept.
            with self._lock:
                self._refuse_while_closed(self._time.steady())

    def close(self, limit: Limit) -> Limited:
        """Refuse all requests for the time that the limit asks, and a little longer, so that not
        all come back at once. Returns the error to raise."""
        with self._lock:
            seconds = limit.after(self._in_a_row)
            seconds += min(MOST_JITTER_SECONDS, seconds * JITTER) * self._time.chance()
            # A shorter limit that came later must not open it sooner.
            self._opens = max(self._opens, self._time.steady() + seconds)
            self._closed_by = limit
            self._in_a_row += 1
            return self._limited(self._time.steady())

    def answered(self) -> None:
        """The forge answered: the next limit is the first one again."""
        with self._lock:
            self._in_a_row = 0

    def _refuse_while_closed(self, now: float) -> None:
        if now < self._opens:
            raise self._limited(now)

    def _limited(self, now: float) -> Limited:
        opens = datetime.fromtimestamp(self._time.wall() + self._opens - now, UTC)
        return Limited(self._closed_by or Limit(0.0, is_secondary=False), opens)


_THERE: dict[tuple[str, str], RateLimiter] = {}
_LOCK = threading.Lock()


def rate_limiter_of(api: str, account: str, *, at_githubs_pace: bool) -> RateLimiter:
    """This process's rate limiter for a forge and an account."""
    with _LOCK:
        if (api, account) not in _THERE:
            pace = (REQUEST_SECONDS, WRITE_SECONDS) if at_githubs_pace else (0.0, 0.0)
            _THERE[api, account] = RateLimiter(between=pace[0], between_writes=pace[1])
        return _THERE[api, account]
