"""When to ask the provider again. The one layer of the factory that retries; SDKs run with
`max_retries=0`."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRIES = 4
# seconds; a provider that says 0 or a date in the past is asked again after one second, not at once
FLOOR = 1.0
# seconds; a longer wait is not slept through: the box that asks has a clock of its own
CAP = 60.0
RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
FREE = frozenset({400, 401, 402, 403, 404, 405, 409, 413, 422, 429, 503, 529})
"""Answers that certainly cost nothing. Any other failure may have been billed, so its reservation
stays."""


def asked(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that an answer asks to wait, which may be none or fewer, by `retry-after-ms` or by
    `retry-after`: seconds, or an HTTP date. None where it says nothing that can be understood.
    `now` is seconds since the epoch. (RFC 9110, 10.2.3)"""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    header = headers.get("retry-after", "").strip()
    seconds = _number(header)
    return _until(header, now) if seconds is None else seconds


def pause(wanted: float | None, tried: int, *, jitter: float) -> float | None:
    """Seconds to wait after the `tried`-th failure (from 1), or None where it is not tried again:
    it was the last try, or what is `wanted` is longer than CAP. Where nothing is wanted: 1, 2, 4 …
    s.

    `jitter` in [0, 1) adds up to a quarter, so that boxes do not return in step. The result is at
    least FLOOR."""
    wait = 2.0 ** (tried - 1) if wanted is None else wanted
    if tried >= TRIES or wait > CAP:
        return None
    return min(CAP, max(FLOOR, wait) * (1 + jitter / 4))


def _number(header: str | None) -> float | None:
    try:
        found = float(header or "")
    except ValueError:
        return None
    return None if math.isnan(found) else found


def _until(text: str, now: float) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (aware - datetime.fromtimestamp(now, UTC)).total_seconds()
