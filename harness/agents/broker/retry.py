"""When to ask the provider again. The one layer of the factory that retries; SDKs run with `max_retries=0`."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRIES = 4
FLOOR = 1.0     # seconds; a provider that says 0 or a date in the past is asked again after one second, not at once
CAP = 60.0      # seconds; an absurd wait is not slept through: the box that asks has a clock of its own
RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
FREE = frozenset({400, 401, 402, 403, 404, 405, 409, 413, 422, 429, 503, 529})
"""Answers that certainly cost nothing. Any other failure may have been billed, so its reservation stays."""


def pause(retry_after: str | None, tried: int, *, now: float, jitter: float) -> float:
    """Seconds to wait after the `tried`-th failure (from 1).

    `retry_after` is the header as it came: seconds, an HTTP date, rubbish, or absent; after the last two, 1, 2, 4 … s.
    `now` is seconds since the epoch. `jitter` in [0, 1) adds up to a quarter, so that boxes do not return in step.
    The result is at least FLOOR and at most CAP. (RFC 9110, 10.2.3)
    """
    asked = _asked(retry_after, now)
    wait = 2.0 ** (tried - 1) if asked is None else asked
    return min(CAP, max(FLOOR, wait) * (1 + jitter / 4))


def _asked(header: str | None, now: float) -> float | None:
    text = (header or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, now)
    return None if math.isnan(seconds) else seconds


def _until(text: str, now: float) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (aware - datetime.fromtimestamp(now, UTC)).total_seconds()
