"""Healthy answers that are not recorded yet, and when a question was asked last.

An answer every ten seconds would fill the ledger, so healthy ones are recorded by the minute. What
a killed process had not recorded is asked again: a soak becomes longer, never shorter."""

import threading
from datetime import datetime, timedelta


class HealthMeter:
    """Of one environment of one release, which `key` names. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: object = None
        self._asked: datetime | None = None
        self._well = 0

    def asked_at(self, key: object) -> datetime | None:
        """When this process asked last; None where it did not."""
        with self._lock:
            return self._asked if key == self._key else None

    def asked(self, key: object, now: datetime, *, is_well: bool) -> int:
        """One question was answered at `now`. Returns how many healthy answers are not recorded."""
        with self._lock:
            if key != self._key:
                self._key, self._well = key, 0
            self._asked = now
            self._well += is_well
            return self._well

    def recorded(self) -> None:
        """All that was answered is recorded."""
        with self._lock:
            self._well = 0


def is_over(since: datetime, now: datetime, *, seconds: float) -> bool:
    """Whether so long has passed since then; also where the clock was set back meanwhile."""
    return not since <= now < since + timedelta(seconds=seconds)
