"""How many requests of each source are taken: a bucket holds BURST, and fills by PER_SECOND."""

from collections.abc import Callable
from dataclasses import dataclass, field

BURST, PER_SECOND = 300.0, 5.0
RETRY_SECONDS = 60


@dataclass(slots=True)
class Rates:
    """The buckets, by source. Only known sources have one, so they are few. `now` is a clock of
    seconds that never goes back."""

    now: Callable[[], float]
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, source: str) -> bool:
        """Whether another request of this source is taken; it then counts."""
        now = self.now()
        level, at = self._buckets.get(source, (BURST, now))
        level = min(BURST, level + (now - at) * PER_SECOND)
        taken = level >= 1
        self._buckets[source] = (level - 1 if taken else level, now)
        return taken
