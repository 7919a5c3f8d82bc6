"""How long the judge's browser waits before it says that it has no answer.

These properties hold:
- All such waits come from five numbers. The launcher writes them into the plan, and the driver
  passes them down; no module has such a wait of its own.
- What comes ends its wait at once, so a longer bound makes the judgement of a good app no longer; a
  timer that an act has armed is the one wait that is waited out. What is outstanding at the end of
  its bound is no answer, however long that was.
- A machine's speed makes bounds longer, never shorter.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import isfinite

MOST_SECONDS = 600.0
"""The most that one bound may be. Beyond it, somebody mistyped."""

REFERENCE_SECONDS = 0.025
"""What the work that is timed takes a machine for which the usual bounds are long enough; with some
to spare."""

MOST_SCALE = 4.0
"""A machine that is slower than this needs bounds of its own, in factory.toml: a judgement has to
end."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds. The defaults are the usual bounds, which a quiet machine needs a small part of.

    `start_seconds`: a browser starts. `step_seconds`: a step is done, or what is expected appears.
    `read_seconds`: a page answers one question. `picture_seconds`: a page shows itself.
    `quiet_seconds`: how long a page's own background requests may keep a step waiting. The other
    waits are fixed multiples of these. Raises ValueError for what is no such time."""

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
        """A whole page is read. A table of a thousand rows takes a browser two seconds of one
        core."""
        return 5 * self.read_seconds

    @property
    def keep_seconds(self) -> float:
        """All that is kept of a page at a run's end is written."""
        return 2.5 * self.picture_seconds

    @property
    def aftermath_seconds(self) -> float:
        """A timer that an act has armed is due. One that is due later is not waited for."""
        return self.quiet_seconds / 3

    @property
    def travel_seconds(self) -> float:
        """Every page takes over a new time."""
        return self.step_seconds

    @property
    def act_seconds(self) -> float:
        """A persona's act is done."""
        return 1.6 * self.step_seconds

    @property
    def control_step_seconds(self) -> float:
        """A control's step, beside what the real run's slowest step needed."""
        return 0.4 * self.step_seconds

    @property
    def control_look_seconds(self) -> float:
        """A control's look, beside what the real run's slowest look needed."""
        return 0.1 * self.step_seconds

    @property
    def close_seconds(self) -> float:
        """A run's pages are closed. The browser is shared: one that is only slow must not be killed
        under the others."""
        return 0.75 * self.start_seconds

    @property
    def line_seconds(self) -> float:
        """The actor comes to the line; its box starts beside the browser's."""
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
    """What the timed work took here: seconds of a processor, and on the wall."""

    processor: float
    wall: float


def scale(speed: Speed) -> float:
    """By how much bounds are longer on a machine of this speed: from 1 to MOST_SCALE.

    The wall says how long work takes here, on a slow processor as well as beside other work. The
    processor's seconds can only be more where the wall's clock was put back, so the greater of the
    two counts. A time that is none makes nothing longer."""
    slower = max(speed.processor, speed.wall) / REFERENCE_SECONDS
    return min(MOST_SCALE, slower) if slower > 1 else 1.0
