"""How long the judge's browser waits before it gives up.

Properties:
- All waits come from five numbers. The launcher writes them into the plan and the driver passes
  them down; no module has a wait of its own.
- A wait ends as soon as its answer comes, so longer bounds do not slow the judgement of a good app.
  The one wait that always lasts its full time is for a timer that an act has armed.
- An answer that is outstanding when its bound ends counts as no answer, however long that was.
- A slow machine makes bounds longer; nothing makes them shorter.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import isfinite

MOST_SECONDS = 600.0
"""The longest bound that is accepted. A longer one is a typing error."""

REFERENCE_SECONDS = 0.025
"""How long the timed work takes on a machine for which the usual bounds are long enough."""

MOST_SCALE = 4.0
"""The most that bounds are stretched. A slower machine needs its own bounds in factory.toml,
because a judgement has to end."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds. A quiet machine needs a small part of the defaults.

    `start_seconds`: a browser starts. `step_seconds`: a step is done, or what is expected appears.
    `read_seconds`: a page answers one question. `picture_seconds`: a screenshot is taken.
    `quiet_seconds`: how long a page's own background requests may keep a step waiting. All other
    waits are fixed multiples of these. Raises ValueError for a value out of range."""

    start_seconds: float = 20.0
    step_seconds: float = 5.0
    read_seconds: float = 2.0
    picture_seconds: float = 1.0
    quiet_seconds: float = 1.5

    def __post_init__(self) -> None:
        for name, seconds in asdict(self).items():
            if not (isfinite(seconds) and 0 < seconds <= MOST_SECONDS):
                raise ValueError(
                    f"{name}: expected seconds above 0 and at most {MOST_SECONDS:g}, found"
                    f" {seconds:g}"
                )

    @property
    def tree_seconds(self) -> float:
        """To read a whole page. A table of a thousand rows takes two seconds of one core."""
        return 5 * self.read_seconds

    @property
    def keep_seconds(self) -> float:
        """To write all evidence of a page at the end of a run."""
        return 2.5 * self.picture_seconds

    @property
    def aftermath_seconds(self) -> float:
        """For a timer that an act has armed. Timers that are due later are not waited for."""
        return self.quiet_seconds / 3

    @property
    def travel_seconds(self) -> float:
        """For every page to take over a new time."""
        return self.step_seconds

    @property
    def act_seconds(self) -> float:
        """For one act of a persona."""
        return 1.6 * self.step_seconds

    @property
    def control_step_seconds(self) -> float:
        """For a control's step, in addition to what the slowest step of the real run needed."""
        return 0.4 * self.step_seconds

    @property
    def control_look_seconds(self) -> float:
        """For a control's look, in addition to what the slowest look of the real run needed."""
        return 0.1 * self.step_seconds

    @property
    def close_seconds(self) -> float:
        """To close the pages of a run. Runs share a browser, so a slow one must not be killed."""
        return 0.75 * self.start_seconds

    @property
    def line_seconds(self) -> float:
        """For the actor to connect; its sandbox starts beside that of the browser."""
        return 3 * self.start_seconds

    def scaled(self, factor: float) -> Bounds:
        """Each bound times a factor of at least 1, at most MOST_SECONDS."""
        return Bounds(
            **{name: min(MOST_SECONDS, seconds * factor) for name, seconds in asdict(self).items()}
        )


BOUNDS = tuple(field.name for field in fields(Bounds))
USUAL = Bounds()


@dataclass(frozen=True, slots=True)
class Speed:
    """How long the timed work took on this machine: CPU seconds and wall-clock seconds."""

    processor: float
    wall: float


def scale(speed: Speed) -> float:
    """The factor for bounds on a machine of this speed, from 1 to MOST_SCALE."""
    # Wall time covers a slow CPU and other load. CPU time is greater only if the clock was set back
    # meanwhile, so the greater of the two is right. NaN compares false and stretches nothing.
    slower = max(speed.processor, speed.wall) / REFERENCE_SECONDS
    return min(MOST_SCALE, slower) if slower > 1 else 1.0
