"""Time that moves only when it is told to, one second for each look."""

from datetime import UTC, datetime, timedelta
from threading import Lock


class FakeClock:
    def __init__(self) -> None:
        self.at = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)
        self._looking = Lock()  # many hands look at it, and no two see the same second

    def now(self) -> datetime:
        with self._looking:
            self.at += timedelta(seconds=1)
            return self.at
