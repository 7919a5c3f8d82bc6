"""Whether an answer of the forge is a limit, and how long to wait then: from what was answered
alone, no clock, no chance.

GitHub's words on it ("Rate limits for the REST API", "Best practices for using the REST API"): wait
for `retry-after` where there is one; where nothing is left of the hour, until `x-ratelimit-reset`;
else at least a minute, and longer each time. A limit comes as 403 or 429, and from GraphQL as 200
with `errors`."""

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
    """The forge answers nobody of this account for a while. `seconds` is what the answer asks to
    wait, within bounds."""

    seconds: float
    is_secondary: bool

    @property
    def says(self) -> str:
        """Its name."""
        return "secondary rate limit" if self.is_secondary else "rate limit"

    def after(self, times: int) -> float:
        """Seconds to wait when `times` answers before this one, without another between them, were
        limits too: at least twice as long each time, up to an hour. Whoever names a second again
        and again does not mean it."""
        least = LEAST_UNNAMED_SECONDS if self.seconds >= LEAST_UNNAMED_SECONDS else LEAST_SECONDS
        return min(MOST_SECONDS, max(self.seconds, least * 2.0 ** min(times, 20)))


def limit_of(status: int, headers: Mapping[str, str], body: str, *, now: float) -> Limit | None:
    """The limit that an answer is, or None. `headers` have lower-case names; `now` is ours, in
    seconds since the epoch, and counts where the answer does not say when it was given."""
    if not _is_limit(status, headers, body):
        return None
    told = _moment(headers.get("date")) or now
    is_spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
    asked = _retry_after(headers.get("retry-after"), told)
    if asked is None and is_spent:
        reset = _number(headers.get("x-ratelimit-reset"))
        asked = None if reset is None else reset - told
    if asked is None:
        return Limit(LEAST_UNNAMED_SECONDS, is_secondary=not is_spent)
    return Limit(min(MOST_SECONDS, max(LEAST_SECONDS, asked)), is_secondary=not is_spent)


def _is_limit(status: int, headers: Mapping[str, str], body: str) -> bool:
    """A plain 403 is no limit: it says that something is not allowed, and stays so."""
    if status == 429:
        return True
    said = body[:2000].lower()
    if status == 403:
        spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
        return spent or "retry-after" in headers or any(words in said for words in _WORDS)
    return status == 200 and '"rate_limited"' in said and '"errors"' in said


def _retry_after(text: str | None, told: float) -> float | None:
    """Seconds, as a number or as the moment that the header names; None for what is neither."""
    if text is None:
        return None
    seconds = _number(text)
    if seconds is not None:
        return seconds
    moment = _moment(text)
    return None if moment is None else moment - told


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
