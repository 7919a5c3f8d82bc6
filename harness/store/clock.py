"""The machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """Tells the time; the only place in the factory that asks the machine for it."""

    def now(self) -> datetime:
        return datetime.now(UTC)
