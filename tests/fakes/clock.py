"""Time that moves only when it is told to, one second for each look."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    def __init__(self) -> None:
        self.at = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at
