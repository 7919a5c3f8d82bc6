"""How often is an app that is right in a special case alone told from one that is right?

    python bench/special_cases.py [--seeds 20] [--only CASE …] [--json]

Each case is an app of `special_cases_app.py` in the judge's sandboxes, visited by its two visitors
as in a judgement, with so many seeds. Caught: its two runs fail or differ, as those of the app that
is always right never may. Rates are of a journey that says `regardless` of what its case goes by.
Exit 1 when the right app was called wrong, or a run said nothing."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the app of this bench lies beside it

from bench.special_cases_app import CASES
from validators.app.instances import Start
from validators.app.sandboxes import Sandboxes
from validators.app.side import Side
from validators.domain.evidence import Identity, RunEvidence, RunId
from validators.domain.run_result import Result, diverges, result, silence
from validators.launcher.perform import PerformanceBench, Scene
from validators.launcher.phases import Deadline
from validators.wiring import SUPERVISOR

APP = Path(__file__).with_name("special_cases_app.py")
AT_ONCE = 5  # seeds: two apps each
FIRST_SEED, WALL_SECONDS, READY_SECONDS, JOURNEY_SECONDS = 20261121, 3600, 60, 60
HONEST = "always right"
JOURNEY = """journey: booking
promise: issue
regardless: [{regardless}]
steps:
  - open: /
  - fill: {label: Name, value: "{{ any.name }}"}
  - fill: {label: Group size, value: "{{ any.int(2, 800) }}"}
  - click: {button: Book}
expect:
  - text: {role: status, equals: "Booked for {{ filled.group_size }}"}
  - row: {cells: ["{{ filled.name }}", "{{ filled.group_size }}"], in: {table: Bookings}, times: 1}
"""
REGARDLESS = {
    "": "others, date",
    "the first 5 bookings": "others",
    "fewer than 3 rows": "others",
    "until tomorrow": "date",
    "until next week": "date",
    "until ten months from now": "date",
}


@dataclass
class Told:
    """What so many seeds came to in one case."""

    case: str
    caught: int = 0
    alone: int = 0
    missed: int = 0
    silent: int = 0
    reasons: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=20, metavar="N")
    parser.add_argument(
        "--only", nargs="+", choices=[case for case in CASES if case], metavar="CASE"
    )
    parser.add_argument(
        "--other-form",
        default="",
        metavar="FORM",
        help="the form of sandbox of the masked visitor's app",
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    began, told = time.monotonic(), []
    for case in ("", *(arguments.only or [case for case in CASES if case])):
        told.append(
            _case(
                case,
                range(FIRST_SEED, FIRST_SEED + arguments.seeds),
                other_form=arguments.other_form,
            )
        )
        if not arguments.json:
            one = told[-1]
            silent = f", {one.silent} without an answer" if one.silent else ""
            alone = f"{one.alone:>3} by the masked visitor alone"
            print(
                f"{one.case:<30} caught {one.caught:>3} of {arguments.seeds}, {alone}{silent}",
                flush=True,
            )
    print(
        json.dumps([asdict(one) for one in told], indent=1)
        if arguments.json
        else f"{time.monotonic() - began:.0f} s"
    )
    return 1 if told[0].caught or any(one.silent for one in told) else 0


def _case(case: str, seeds: Sequence[int], *, other_form: str) -> Told:
    told = Told(case or HONEST)
    for first in range(0, len(seeds), AT_ONCE):
        for plain, masked in _performed(
            case, seeds[first : first + AT_ONCE], other_form=other_form
        ):
            both = {result(plain), result(masked)}
            if Result.INCONCLUSIVE in both:
                told.silent += 1
                told.reasons += [
                    f"{run.run}: {silence(run)}"
                    for run in (plain, masked)
                    if result(run) is Result.INCONCLUSIVE
                ]
            elif diverges(plain, masked) or both != {Result.PASSED}:
                told.caught += 1
                told.alone += result(masked) is Result.FAILED
            else:
                told.missed += 1
    return told


def _performed(
    case: str, seeds: Sequence[int], *, other_form: str
) -> list[tuple[RunEvidence, RunEvidence]]:
    """The two runs of each seed. Each is an attempt of its own, so one performance has them all."""
    with tempfile.TemporaryDirectory(prefix="special-cases-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for made in ("papers", "tree", "data"):
            (folder / made).mkdir()
        shutil.copy(APP, folder / "tree")
        env = (("APP_DATA", "/data"), ("CASE", case), ("BEGAN", str(time.time())))
        side = Side("candidate", folder / "tree", None, folder / "data", env)
        start = Start(
            ("python", APP.name), "PORT", "/", READY_SECONDS, WALL_SECONDS, "app.localhost"
        )
        scene = Scene(
            seeds[0], datetime.now(UTC).date(), start, JOURNEY_SECONDS, Deadline(WALL_SECONDS)
        )
        sandboxes = Sandboxes(SUPERVISOR, "auto", folder / "papers", other_form)
        bench = PerformanceBench(scene, sandboxes, folder, folder / "kept", lambda phase: None)
        pairs = [
            [RunId("booking", identity, attempt=at + 1) for identity in Identity]
            for at in range(len(seeds))
        ]
        drawn = {run: seed for pair, seed in zip(pairs, seeds, strict=True) for run in pair}
        left = bench.performed(
            "runs", [*drawn], journeys=[_journey(case)], side=lambda run: side, seeds=drawn
        )
        found = {run.run: run for run in left.evidence}
        return [(found[plain], found[masked]) for plain, masked in pairs]


def _journey(case: str) -> str:
    told = REGARDLESS.get(case)
    return (
        JOURNEY.replace("{regardless}", told)
        if told
        else JOURNEY.replace("regardless: [{regardless}]\n", "")
    )


if __name__ == "__main__":
    sys.exit(main())
