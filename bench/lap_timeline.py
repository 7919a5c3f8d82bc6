"""One issue's way through the demo in order: each step with its begin, its end, the processors'
seconds of everything below the factory meanwhile, how many processors that kept at work, and
what it waited for.

    python bench/lap_timeline.py [ISSUE]     (default 1; a demo with this issue alone)

A step begins where the ledger has the end of what it waited for: the step before it, or, between
two runs, what the tick does there (projections, the fetch of the branch). Where a step keeps less
than one processor at work, it mostly waits itself."""

import sys
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.lap import entries_of, runs_of, whole_demo
from bench.processors import Processors

Samples = Sequence[tuple[float, float]]
ENDS = {"run": "the run", "run-ended": "the end of the run"}


@dataclass(frozen=True, slots=True)
class Step:
    """`began` and `ended` are seconds since the epoch."""

    name: str
    began: float
    ended: float
    waited_for: str


def steps(run: str, entries: Sequence[Mapping[str, Any]], *, after: Step | None) -> Iterator[Step]:
    """The steps of a run, the first of which is the start of the run itself."""
    last = after
    for entry in entries:
        if entry["kind"] not in ("node", *ENDS):
            continue
        word = ENDS.get(entry["kind"]) or entry["message"].split()[0]
        ended = datetime.fromisoformat(entry["at"]).timestamp()
        began = last.ended if last else ended
        last = Step(f"{run}  {word}", began, ended, last.name if last else "the demo's set-up")
        yield last


def spent(samples: Samples, moment: float) -> float:
    """Processor seconds up to a moment, between two looks in proportion."""
    at = bisect_right(samples, (moment, float("inf")))
    if at == 0 or at == len(samples):
        return samples[min(at, len(samples) - 1)][1]
    (before, low), (later, high) = samples[at - 1], samples[at]
    return low + (high - low) * (moment - before) / (later - before)


def main() -> None:
    issue = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory(prefix="lap-") as folder:
        home = Path(folder)
        with Processors() as watched:
            whole_demo(home, "--issue", str(issue))
        found: list[Step] = []
        for run in runs_of(home, issue):
            last = found[-1] if found else None
            found += steps(run, entries_of(home, run), after=last)
    first = found[0].began
    print(f"{'step':<38} {'begin':>6} {'end':>6} {'s':>6} {'cpu s':>6} {'busy':>5}  waited for")
    for step in found:
        seconds = step.ended - step.began
        used = spent(watched.sums, step.ended) - spent(watched.sums, step.began)
        busy = f"{used / seconds:>5.2f}" if seconds >= 0.1 else " " * 5
        begin, end = step.began - first, step.ended - first
        numbers = f"{begin:>6.2f} {end:>6.2f} {seconds:>6.2f} {used:>6.2f} {busy}"
        print(f"{step.name:<38} {numbers}  {step.waited_for}")


if __name__ == "__main__":
    main()
