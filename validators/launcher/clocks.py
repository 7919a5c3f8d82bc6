"""Clocks for runs that travel in time. The launcher makes them, a driver puts them forward, and an
app can only read its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from validators.app.sandboxes import Bind
from validators.domain.clock import AHEAD, ahead_text
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive
from validators.performance.plan import PlannedRun

CLOCKS, CLOCKS_ENV = "/clocks", "LOF_CLOCKS"
NO_CLOCK = (
    "it travels in time, and [app] in factory.toml names no clock_env by which the app could follow"
)


def travelling(journeys: Iterable[Journey], *, clock_env: str) -> tuple[str, ...]:
    """The names of the journeys that travel. Raises Inconclusive when there is one, and the app has
    no clock that can be put forward."""
    names = tuple(journey.name for journey in journeys if journey.travels)
    if names and not clock_env:
        raise Inconclusive(f"journey {names[0]!r} cannot be performed: {NO_CLOCK}")
    return names


def clocks_for(
    runs: Iterable[PlannedRun], travellers: Iterable[str], *, folder: Path
) -> dict[int, Path]:
    """By port: the folder of a new clock for each run of a traveller, and for each run that begins
    ahead."""
    names, clocks = frozenset(travellers), dict[int, Path]()
    for run in runs:
        if run.id.journey not in names and not run.ahead:
            continue
        clock = folder / str(run.port)
        clock.mkdir(parents=True)
        (clock / AHEAD).write_text(ahead_text(run.ahead))
        clocks[run.port] = clock
    return clocks


def clocks_bind(clocks: Iterable[Path]) -> tuple[Bind, ...]:
    """The binds for a driver: it may write all clocks."""
    # All clocks share one parent folder, which is bound once.
    return tuple({clock.parent: Bind(clock.parent, CLOCKS, "rw") for clock in clocks}.values())
