"""The machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """The only place in the factory that asks the machine for the time."""

    def now(self) -> datetime:
        return datetime.now(UTC)
