"""Make the scene of a performance, with waits that fit this machine.

The request's bounds are for a quiet machine. On a slower or busier one a good page takes longer,
and to call it unresponsive would be the judge's mistake. So the launcher first times a small piece
of work, and scales the bounds and a journey's time limit by the result (`domain.bounds.scale`).

The launcher measures before any app starts. The driver could not: it shares its sandbox with the
browsers, where a page could be slow on purpose to get more time. `wall_seconds` is not scaled."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from math import ceil
from pathlib import Path

from validators.domain.bounds import REFERENCE_SECONDS, Speed, scale
from validators.domain.journeys.values import words_of
from validators.launcher.context import Context
from validators.launcher.perform import Scene
from validators.launcher.speed import measured

PACING = "pacing.json"


def scene_of(
    context: Context, *, seed: int, keep: Path, measure: Callable[[], Speed] | None = None
) -> Scene:
    """The scene for the context's request. The scaled waits are written to the log, and to `keep`
    beside the evidence.

    `measure` returns this machine's speed; None times the reference work."""
    context.phases("measure the machine")
    speed, request = (measure or measured)(), context.request
    factor = scale(speed)
    bounds = request.bounds.scaled(factor)
    journey_seconds = ceil(request.limits.journey_seconds * factor)
    keep.mkdir(parents=True, exist_ok=True)
    facts = {
        "scale": round(factor, 2),
        "processor_seconds": round(speed.processor, 4),
        "wall_seconds": round(speed.wall, 4),
        "reference_seconds": REFERENCE_SECONDS,
        "bounds": asdict(bounds),
        "journey_seconds": journey_seconds,
    }
    (keep / PACING).write_text(json.dumps(facts, indent=1))
    millis, at_work = speed.wall * 1000, speed.processor * 1000
    context.phases.notes.append(
        f"bounds times {factor:.2f}: the timed work took {millis:.0f} ms, {at_work:.0f} of a"
        " processor's"
    )
    return Scene(
        seed,
        context.now().date(),
        context.start(),
        journey_seconds,
        context.deadline,
        bounds,
        words_of(f"{request.issue.title}\n{request.issue.body}"),
    )
