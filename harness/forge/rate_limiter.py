"""One turnstile for all who ask one forge as one account: one after another at the pace the forge
asks for, and nobody while it refuses to answer.

Properties: what one thread was told holds for all of them; while it is closed no request is sent,
which GitHub counts against those who go on; a clock that is set changes nothing, for waiting goes
by the clock that never jumps."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.forge.limits import Limit

JITTER, MOST_JITTER_SECONDS = 0.1, 10.0
REQUEST_SECONDS, WRITE_SECONDS = 0.25, 1.0
"""GitHub's pace: no more than one write a second, and few enough readings that a minute's points
last."""


def _since_boot() -> float:
    """Seconds that go on while the machine sleeps, where it has them: a token ends meanwhile."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True, slots=True)
class Time:
    """What a turnstile needs of time: the hour for people, seconds that only grow, a way to wait,
    and a chance in [0, 1)."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = _since_boot
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class Limited(Exception):
    """The forge answers nobody before `again_at` (UTC). No request was sent, or the one that was
    has not been obeyed."""

    def __init__(self, limit: Limit, again_at: datetime) -> None:
        super().__init__(
            f"the forge's {limit.says} ended it; it answers again at"
            f" {again_at:%Y-%m-%d %H:%M:%S} UTC"
        )
        self.limit, self.again_at = limit, again_at


class RateLimiter:
    """`between` and `between_writes` are seconds; 0 for a forge in the box, which asks nobody to go
    slowly."""

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
        """Wait for one's turn. Raises Limited, at once, while the forge answers nobody."""
        with self._lock:
            now = self._time.steady()
            self._refuse_while_closed(now)
            turn = max(now, self._next, self._next_write if writes else 0.0)
            self._next = turn + self._between
            if writes:
                self._next_write = turn + self._between_writes
        if turn > now:
            self._time.sleep(turn - now)
            with self._lock:  # it may have been closed meanwhile
                self._refuse_while_closed(self._time.steady())

    def close(self, limit: Limit) -> Limited:
        """Let nobody through for as long as the limit asks, and a little more, so that not all come
        back at once. Returns what to raise."""
        with self._lock:
            seconds = limit.after(self._in_a_row)
            seconds += min(MOST_JITTER_SECONDS, seconds * JITTER) * self._time.chance()
            self._opens = max(self._opens, self._time.steady() + seconds)
            self._closed_by = limit
            self._in_a_row += 1
            return self._limited(self._time.steady())

    def answered(self) -> None:
        """The forge answers: what comes next is no repetition."""
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
    """The one of this process for a forge and an account."""
    with _LOCK:
        if (api, account) not in _THERE:
            pace = (REQUEST_SECONDS, WRITE_SECONDS) if at_githubs_pace else (0.0, 0.0)
            _THERE[api, account] = RateLimiter(between=pace[0], between_writes=pace[1])
        return _THERE[api, account]
