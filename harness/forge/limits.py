"""Whether an answer of the forge is a rate limit, and how long to wait then. Pure: no clock, no
randomness.

GitHub's rules ("Rate limits for the REST API", "Best practices for using the REST API"): wait for
`retry-after` if there is one; if nothing is left of the hour, wait until `x-ratelimit-reset`;
otherwise wait at least a minute, and longer each time. A limit comes as 403 or 429, and from
GraphQL as 200 with `errors`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

LEAST_SECONDS, LEAST_UNNAMED_SECONDS, MOST_SECONDS = 1.0, 60.0, 3600.0
_WORDS = (
    "rate limit",
    "abuse detection",
    "please retry your request again later",
    "please wait a few minutes",
)


@dataclass(frozen=True, slots=True)
class Limit:
    """The forge refuses this account's requests for a while. `seconds` is the time that the answer
    asks to wait, within bounds."""

    seconds: float
    is_secondary: bool

    @property
    def name(self) -> str:
        """The limit's name in messages."""
        return "secondary rate limit" if self.is_secondary else "rate limit"

    def after(self, times: int) -> float:
        """Seconds to wait when the last `times` answers in a row were limits too: at least twice as
        long each time, up to an hour. A forge that asks for one second again and again does not
        mean it."""
        least = LEAST_UNNAMED_SECONDS if self.seconds >= LEAST_UNNAMED_SECONDS else LEAST_SECONDS
        return min(MOST_SECONDS, max(self.seconds, least * 2.0 ** min(times, 20)))


def limit_of(status: int, headers: Mapping[str, str], body: str, *, now: float) -> Limit | None:
    """The limit that an answer reports, or None. `headers` have lower-case names. `now` is our own
    time in seconds since the epoch, used if the answer has no date."""
    if not _is_limit(status, headers, body):
        return None
    answered_at = _moment(headers.get("date")) or now
    is_spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
    asked = _retry_after(headers.get("retry-after"), answered_at)
    if asked is None and is_spent:
        reset = _number(headers.get("x-ratelimit-reset"))
        asked = None if reset is None else reset - answered_at
    if asked is None:
        return Limit(LEAST_UNNAMED_SECONDS, is_secondary=not is_spent)
    return Limit(min(MOST_SECONDS, max(LEAST_SECONDS, asked)), is_secondary=not is_spent)


def _is_limit(status: int, headers: Mapping[str, str], body: str) -> bool:
    """A plain 403 is not a limit: it means that something is not allowed, and stays so."""
    if status == 429:
        return True
    text = body[:2000].lower()
    if status == 403:
        spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
        return spent or "retry-after" in headers or any(words in text for words in _WORDS)
    return status == 200 and '"rate_limited"' in text and '"errors"' in text


def _retry_after(text: str | None, answered_at: float) -> float | None:
    """Seconds, from a number or from the date that the header names; None for anything else."""
    if text is None:
        return None
    seconds = _number(text)
    if seconds is not None:
        return seconds
    moment = _moment(text)
    return None if moment is None else moment - answered_at


def _number(text: str | None) -> float | None:
    try:
        found = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _moment(text: str | None) -> float | None:
    """An HTTP date in seconds since the epoch."""
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
