"""Models that are paused: a broker that answers nobody for a while, and what the ledger then
holds."""

from contextlib import contextmanager
from datetime import UTC, datetime

from harness.domain.errors import ModelsPaused
from harness.factory.run.pause import PAUSE
from tests.events import event_of
from tests.fakes.people import FakeBroker

MIDNIGHT = datetime(2030, 5, 5, tzinfo=UTC)
WORDS = "the cap of $20 for this day would be crossed"


class Purse(FakeBroker):
    """A broker that answers nobody, or not these roles, or not for this issue, before a moment."""

    def __init__(self, clock, *, roles=None, issue=None, cause="day", until=MIDNIGHT) -> None:
        super().__init__()
        self._issue = issue
        self._clock, self._roles, self._cause, self._until = clock, roles, cause, until
        self.refused: list[str] = []

    @contextmanager
    def open(self, request):
        is_meant = (self._roles is None or request.role in self._roles) and self._issue in (
            None,
            request.issue,
        )
        if self._clock.at < self._until and is_meant:
            self.refused.append(request.role)
            raise ModelsPaused(WORDS, cause=self._cause, again_at=self._until)
        with super().open(request) as session:
            yield session


def paused(world, *, cause="day", until=MIDNIGHT, day="20", month="500"):
    return world.ledger.append(
        event_of(
            PAUSE,
            {
                "cause": cause,
                "until": until.isoformat(),
                "why": WORDS,
                "run": "r",
                "caps": {"day": day, "month": month},
            },
        ),
        f"pause/{len(pauses(world)) + 1}",
    )


def pauses(world):
    return world.ledger.entries(kind=PAUSE)
