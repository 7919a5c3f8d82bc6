"""The scene of a performance, with waits that fit this machine.

The bounds that a request gives are for a quiet machine. On one that is slower, or has much else to
do, a good page takes longer, and calling it one that does not answer would be the judge's mistake.
So a small piece of work is timed before anything is performed, and the bounds and a journey's whole
time are made longer by as much as it took longer (`domain.bounds.scale`). The launcher does it,
before any app is started: the driver shares its box with the browsers, where a page could be slow
on purpose to be given more time. What `wall_seconds` allows stays what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from math import ceil
from pathlib import Path
from time import perf_counter, thread_time

from validators.domain.bounds import MOST_SCALE, REFERENCE_SECONDS, Speed, scale
from validators.launcher.context import Context
from validators.launcher.perform import Scene

PACING = "pacing.json"
ROUNDS, STEPS = 20, 10_000


def scene_of(
    context: Context, *, seed: int, keep: Path, measure: Callable[[], Speed] | None = None
) -> Scene:
    """The scene that the desk's request asks for. How long it waits is told in the log, and in
    `keep` beside the evidence.

    `measure` says how fast this machine is; None times the reference work."""
    context.phases("measure the machine")
    speed, request = (measure or measured)(), context.request
    factor = scale(speed)
    bounds = request.bounds.scaled(factor)
    journey_seconds = ceil(request.limits.journey_seconds * factor)
    keep.mkdir(parents=True, exist_ok=True)
    told = {
        "scale": round(factor, 2),
        "processor_seconds": round(speed.processor, 4),
        "wall_seconds": round(speed.wall, 4),
        "reference_seconds": REFERENCE_SECONDS,
        "bounds": asdict(bounds),
        "journey_seconds": journey_seconds,
    }
    (keep / PACING).write_text(json.dumps(told, indent=1))
    millis, at_work = speed.wall * 1000, speed.processor * 1000
    context.phases.notes.append(
        f"bounds times {factor:.2f}: the timed work took {millis:.0f} ms, {at_work:.0f} of a"
        " processor's"
    )
    return Scene(
        seed, context.now().date(), context.start(), journey_seconds, context.deadline, bounds
    )


def measured() -> Speed:
    """How long the reference work takes here. On a machine so slow that the scale is at its most, a
    part of it is enough."""
    processor, wall, longest = thread_time(), perf_counter(), REFERENCE_SECONDS * MOST_SCALE
    done, worth = 0, 1
    while done < ROUNDS and perf_counter() - wall < longest * 0.8:
        for step in range(STEPS):
            worth = (worth * 1103515245 + step) & 0x7FFFFFFF
        done += 1
    whole = ROUNDS / done
    return Speed((thread_time() - processor) * whole, (perf_counter() - wall) * whole)
