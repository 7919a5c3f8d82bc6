"""The events that people can get a notice of, and the hours in which they want to hear nothing."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum


class NoticeKind(StrEnum):
    """An event that people can get a notice of."""

    NEEDS_HUMAN = "needs-human"
    SUSPECTED_ATTACK = "suspected-attack"
    MERGED = "merged"
    REVERTED = "reverted"
    REGRESSED = "regressed"
    PAUSED = "paused"
    BUDGET = "budget"
    OUTAGE = "outage"
    LEFT = "left"
    ERRORS = "errors"
    WORKFLOW = "workflow"
    RELEASED = "released"
    HELD = "held"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begin` until `end`, each day, nothing is sent; what happened is one message at `end`.
    Where both are the same, all day is quiet, and there is one message a day."""

    begin: time
    end: time

    def holds(self, at: datetime) -> bool:
        """Whether it is quiet at that moment, which is in the operator's time zone."""
        now = at.time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end

    def is_over(self, happened: datetime, now: datetime) -> bool:
        """Whether what happened then may be sent now."""
        if self.begin != self.end:
            return not self.holds(now)
        today = now.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return happened < (today if today <= now else today - timedelta(days=1))
