"""When to ask the provider again. The one layer of the factory that retries; SDKs have
`max_retries=0`."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRIES = 4
# Seconds. After 0 or a date in the past, the provider is asked again in one second, not at once.
FLOOR = 1.0
# Seconds. Nobody waits longer: the sandbox that asks has a clock of its own.
CAP = 60.0
RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
FREE = frozenset({400, 401, 402, 403, 404, 405, 409, 413, 422, 429, 503, 529})
"""Answers that certainly cost nothing. Any other may have been billed, so it stays reserved."""


def requested_wait(headers: Mapping[str, str], *, now: float) -> float | None:
    """The seconds that an answer asks to wait, by `retry-after-ms` or `retry-after`; None if it
    names none.

    `retry-after` has seconds or an HTTP date, so the result may be zero or negative. `now` is
    seconds since the epoch. (RFC 9110, 10.2.3)
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    header = headers.get("retry-after", "").strip()
    seconds = _number(header)
    return _until(header, now) if seconds is None else seconds


def wait_before_retry(wanted: float | None, tried: int, *, jitter: float) -> float | None:
    """Seconds to wait after the `tried`-th failure (from 1); None means that it is not tried again.

    That is so after the last try, or when `wanted` is longer than CAP. When nothing is wanted: 1,
    2, 4 … s. `jitter` in [0, 1) adds up to a quarter, so that sandboxes do not return in step. The
    result is at least FLOOR.
    """
    wait = 2.0 ** (tried - 1) if wanted is None else wanted
    if tried >= TRIES or wait > CAP:
        return None
    return min(CAP, max(FLOOR, wait) * (1 + jitter / 4))


def _number(header: str | None) -> float | None:
    try:
        found = float(header or "")
    except ValueError:
        return None
    # `float` reads `nan`, which every comparison would let pass.
    return None if math.isnan(found) else found


def _until(text: str, now: float) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    # A year or a zone of many digits overflows.
    except (ValueError, OverflowError):
        return None
    # The zone -0000 comes back as none; it means UTC.
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (aware - datetime.fromtimestamp(now, UTC)).total_seconds()
