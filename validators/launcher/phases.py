"""How long each phase of a judgement takes, and the deadline of the whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from validators.domain.stops import Inconclusive


@dataclass(frozen=True, slots=True)
class Span:
    """One phase: its start, counted from the first phase, and its length, in seconds."""

    name: str
    began: float
    seconds: float


@dataclass(slots=True)
class Phases:
    """Call it with a name to begin a phase and end the one before. `notes` are more lines for the
    log."""

    clock: Callable[[], float] = time.monotonic
    marks: list[tuple[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        self.marks.append((name, self.clock()))

    def spans(self) -> tuple[Span, ...]:
        """Every phase until now; the last one still runs."""
        ends = [at for _, at in self.marks[1:]] + [self.clock()]
        first = self.marks[0][1] if self.marks else 0.0
        return tuple(
            Span(name, at - first, end - at)
            for (name, at), end in zip(self.marks, ends, strict=True)
        )

    def lines(self) -> tuple[str, ...]:
        """Log lines: one for each phase, which a benchmark parses, and then the notes."""
        return (*(f"phase {span.seconds:.3f} s {span.name}" for span in self.spans()), *self.notes)


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a request must be answered: `seconds` after it began, on its own clock."""

    seconds: int
    clock: Callable[[], float] = time.monotonic
    began: float = field(default_factory=time.monotonic)

    def seconds_left(self) -> int:
        """Whole seconds, at least one. Raises Inconclusive when the time is up."""
        left = self.began + self.seconds - self.clock()
        if left <= 0:
            raise Inconclusive(f"the {self.seconds} s that the request allows are over")
        return max(1, int(left))
