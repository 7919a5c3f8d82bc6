"""Rate limiting: requests per account and hour, reported in the headers that
GitHub's clients read."""

import threading
from dataclasses import dataclass

HOUR = 3600


@dataclass(frozen=True, slots=True)
class RequestAllowance:
    """What is left of the hour. `reset` is its end, in seconds since the epoch."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        """Requests left."""
        return max(0, self.limit - self.used)

    @property
    def exceeded(self) -> bool:
        """Whether this request is over the limit."""
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        """The rate-limit headers, as GitHub sends them."""
        used = min(self.used, self.limit)
        limits = {
            "limit": self.limit,
            "remaining": self.remaining,
            "used": used,
            "reset": self.reset,
        }
        return {f"x-ratelimit-{name}": str(value) for name, value in limits.items()} | {
            "x-ratelimit-resource": "core"
        }


class RateLimits:
    """Counters in memory; a restart resets them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._spent: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    def spend(self, account: str, now: int, *, requests: int = 1) -> RequestAllowance:
        """Count requests of an account. 0 only reads, -1 gives one back (a 304 is free)."""
        hour = now // HOUR
        with self._lock:
            # Drop the counters of past hours here, so that the dictionary cannot grow for ever.
            if any(then < hour for _, then in self._spent):
                self._spent = {key: used for key, used in self._spent.items() if key[1] >= hour}
            used = self._spent[account, hour] = max(
                0, self._spent.get((account, hour), 0) + requests
            )
        return RequestAllowance(self._limit, used, (hour + 1) * HOUR)
