"""Signs of life: who works on a home, since when, and whether it still does. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from harness.domain.plain import JsonDict

BEAT_SECONDS = 10
"""How often a factory at work leaves a sign of life."""
PAGE_SECONDS = 60.0
"""How often a factory that stays writes the dashboard, where it looks at the forge as often."""
SILENT = timedelta(seconds=3 * BEAT_SECONDS)
"""A factory that has been silent for longer is dead. It is less than two looks of `factory up`."""
STUCK = timedelta(minutes=10)
"""A process that lives, and whose work has not moved for longer, is stuck. A service manager's
watchdog has the same limit."""


class Doing(StrEnum):
    """What a factory does at a moment."""

    STARTING = "starting"
    WORKING = "working"
    WAITING = "waiting"
    STOPPED = "stopped"
    DOWN = "down"


class Life(StrEnum):
    """What the signs of life show."""

    NOBODY = "nobody"
    AT_WORK = "at work"
    STUCK = "stuck"
    LEFT = "left"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Presence:
    """The last sign of life of the factory that worked last on a home.

    `beat` is when its process was last alive, `moved` when its work last moved. `looked` is its
    last look at the forge, `looks_again` the latest moment of the next one, where that is known.
    `left` is when it left, and `how`; both are empty while it works. A factory that makes a single
    pass does not look again: `is_staying` is false. One that stays writes the dashboard at least
    every `page_seconds`, though nothing happens.

    `pid` names one of `processes`; where that is empty, nobody knows which. `is_gone`: whoever
    reads the sign knows that the process has ended."""

    command: str
    host: str
    pid: int
    began: datetime
    beat: datetime
    moved: datetime
    is_staying: bool = True
    page_seconds: float = PAGE_SECONDS
    doing: Doing = Doing.STARTING
    looked: datetime | None = None
    looks_again: datetime | None = None
    left: datetime | None = None
    how: str = ""
    processes: str = ""
    is_gone: bool = False

    @property
    def id(self) -> str:
        """Names this process among all that ever worked here."""
        return f"{self.began.isoformat()}/{self.host}/{self.pid}"

    def document(self) -> JsonDict:
        """The presence as JSON, times in ISO 8601."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
        }


def presence_in(document: Mapping[str, Any]) -> Presence:
    """The presence in a document that `document` made. Raises ValueError if it is none."""
    known = {field.name for field in fields(Presence)}
    try:
        values = {name: value for name, value in document.items() if name in known}
        for name in ("began", "beat", "moved", "looked", "looks_again", "left"):
            if values.get(name) is not None:
                values[name] = datetime.fromisoformat(values[name])
        return Presence(**values | {"doing": Doing(values["doing"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no sign of life: {error}") from error


def life(presence: Presence | None, now: datetime) -> Life:
    """What the last sign of life shows at `now`."""
    if presence is None:
        return Life.NOBODY
    if presence.left is not None:
        return Life.LEFT
    # Two machines may share a home, and the other's clock may be ahead: that is no silence.
    if presence.is_gone or now - presence.beat > SILENT:
        return Life.DIED
    return Life.STUCK if now - presence.moved > STUCK else Life.AT_WORK
