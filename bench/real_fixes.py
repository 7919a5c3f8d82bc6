"""Real bugs of packages that none of us wrote: does a journey tell the release with the bug from the
one with the fix?

    python bench/real_fixes.py [--only ISSUE …] [--pairs FILE …] [--journeys DIR] [--keep DIR]
                               [--special CASE …] [--open] [--json] [--relock]

`real_fixes/registries.json` has twelve bugs of packages from PyPI and npm: four behind an API, four
in a tool or library, four on a page; the apps around them are ours. `pairs.json` and `more.json`
have Datasette's, which is an app itself. A bug's journey must be red on the release before the fix,
green on the one after, red on the fix that works in a special case only (for one user agent, on one
port, in a test environment, for the first requests; for a tool: in one account, with no shell), red
on the fix that is one for the reporter's own input alone, and red on a painted copy: what the fixed
app answered to the reporter, with nothing behind it. Everything goes through the judge: sandboxes,
plain and masked visitors, twins, injected faults, the fold that decides, a store and a key made for
the occasion. A judgement that comes to no answer is made again, up to three times, as the factory
does.

In `journeys/first/` is what somebody wrote first, and what a painted copy would pass. `check` or
the judge must refuse each on the fix itself, and say so: those rows have no answer, and the reason
is what led to the journey that is used.

A false pass is a side that had to be red and passed; a false failure, a fix that did not. The judge
does not answer to two special cases, `judge's ports` and `judge's host`: an app that knows how it
is judged can be fixed for the judge alone. They are tried with `--open`, and counted apart.

`--relock` writes the hashes of the releases that are named anew, for this machine and this Python.
Exit 0: no false pass and no false failure."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the other half of this bench lies beside it

from bench.real_fixes_ground import CACHE, HERE, LOCK, Ground, Pair, pair_in, relocked
from validators.authoring.local_request import LocalApp as Folders
from validators.authoring.local_request import local_request
from validators.authoring.prove import JourneyFiles, read_journeys
from validators.authoring.rehearsal import Round, rehearsals
from validators.domain.errors import JourneyInvalid
from validators.domain.exploring.satisfaction import wilson
from validators.launcher.context import opened_context
from validators.launcher.workplace import work_folder
from validators.wiring import SUPERVISOR

PAIRS, REGISTRIES = HERE / "pairs.json", HERE / "registries.json"
SPECIAL = (
    "user agent",
    "a person's agent",
    "port",
    "environment",
    "first 5 requests",
    "first 15 requests",
)
SPECIAL_TOOLS = ("no shell", "a person's shell", "account", "environment")
LIKENESSES = ("own address", "painted")
OPEN = ("judge's ports", "judge's host")
JOURNEY_SECONDS = 60
JUDGEMENTS = 3  # as the factory does: no answer is asked for again, in full
FIRST = "first written"
# the words in which a journey's author is told that it proves nothing
ONLY_PAINTED = "only painted would pass"
NAMES = {"new": "the fix"}
WANTED = {"new": "passed"}
Outcomes = Callable[[Sequence[Round]], tuple[str, str]]
COLOURS = {"failed": "red", "passed": "green", "inconclusive": "no answer"}


@dataclass(frozen=True)
class Side:
    """What one side had to be, what it was, why, and how many seconds of wall time that took.
    `because`: what the reason says."""

    issue: str
    name: str
    wanted: str
    outcome: str
    reason: str
    seconds: float
    because: str = ""

    @property
    def holds(self) -> bool:
        return self.outcome == self.wanted and self.because in self.reason


def main() -> int:
    arguments = _arguments()
    documents = [json.loads(file.read_text()) for file in arguments.pairs]
    pairs = [
        pair
        for document in documents
        for pair in map(pair_in, document["pairs"])
        if not arguments.only or pair.issue in arguments.only
    ]
    told = json.loads(PAIRS.read_text())["layers"]
    layers = {name: tuple(pins) for name, pins in told.items()}
    CACHE.mkdir(parents=True, exist_ok=True)
    if arguments.relock:
        LOCK.write_text(json.dumps(relocked(layers, pairs), indent=1) + "\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="real-fixes-") as folder:
        Path(folder).chmod(0o755)
        ground = Ground(layers, Path(folder), json.loads(LOCK.read_text()))
        sides = [
            side
            for pair in pairs
            for side in _told(_judged(pair, ground, arguments), as_json=arguments.json)
        ]
    print(
        json.dumps([vars(side) for side in sides], indent=1)
        if arguments.json
        else "\n".join(_sums(sides))
    )
    return 0 if sides and all(side.holds for side in sides if side.name not in OPEN) else 1


def _judged(pair: Pair, ground: Ground, arguments: argparse.Namespace) -> Iterator[Side]:
    """Every side of one bug, judged in the order of the table."""
    journeys = sorted(arguments.journeys.glob(f"{pair.issue}[-.]*"))
    if not journeys:
        yield Side(
            pair.issue,
            "journey",
            "passed",
            "none",
            f"no journey {pair.issue}-*.yaml in {arguments.journeys}",
            0.0,
        )
        return
    named = ground.named(pair)
    known = SPECIAL_TOOLS if pair.tool else (*SPECIAL, *(OPEN if arguments.open else ()))
    chosen = known if arguments.special is None else (*arguments.special, *OPEN)
    special = [case for case in known if case in chosen]
    with tempfile.TemporaryDirectory(prefix=f"proofs-{pair.issue}-") as proofs:
        # Alone, and remembered: what base costs is told apart from what a candidate does.
        rounds, seconds = _answered(
            named, read_journeys(journeys), proofs=Path(proofs), keep=None, by=_base
        )
        yield Side(pair.issue, "before the fix", "failed", *_base(rounds), seconds=seconds)
        for mode in ("new", *special, *LIKENESSES):
            side = replace(named, reference=ground.side(pair, mode))
            keep = arguments.keep and arguments.keep / f"{pair.issue}-{mode}"
            rounds, seconds = _answered(
                side, read_journeys(journeys), proofs=Path(proofs), keep=keep
            )
            yield Side(
                pair.issue,
                NAMES.get(mode, mode),
                WANTED.get(mode, "failed"),
                *_candidate(rounds),
                seconds=seconds,
            )
            if mode == "new":
                for file in sorted((arguments.journeys / "first").glob(f"{pair.issue}[-.]*")):
                    yield _first(pair, file, side)


def _first(pair: Pair, file: Path, side: Folders) -> Side:
    """What `check`, and then the judge, say of a journey that proves nothing, before the fix
    itself."""
    with tempfile.TemporaryDirectory(prefix=f"proofs-{pair.issue}-") as proofs:
        try:
            rounds, seconds = _answered(side, read_journeys([file]), proofs=Path(proofs), keep=None)
            said = _candidate(rounds)
        except JourneyInvalid as refused:
            said, seconds = ("inconclusive", f"check: {refused.problems[0].message}"), 0.0
    return Side(pair.issue, FIRST, "inconclusive", *said, seconds=seconds, because=ONLY_PAINTED)


def _answered(
    side: Folders,
    told: JourneyFiles,
    *,
    proofs: Path,
    keep: Path | None,
    by: Outcomes | None = None,
) -> tuple[list[Round], float]:
    """The rounds of the first judgement that came to an answer, or of the last; and the seconds
    that all of them took."""
    began = time.monotonic()
    for _ in range(JUDGEMENTS):
        rounds = _performed(side, told, proofs=proofs, keep=keep)
        outcome, reason = (by or _candidate)(rounds)
        if outcome != "inconclusive" or ONLY_PAINTED in reason:
            break
    return rounds, time.monotonic() - began


def _performed(
    side: Folders, told: JourneyFiles, *, proofs: Path, keep: Path | None
) -> list[Round]:
    """One round of each journey; what base has shown is remembered in `proofs`."""
    with work_folder() as folder:
        count = 2 * len(told.journeys)
        request = local_request(
            side, folder=folder, supervisor=SUPERVISOR, journeys=count, seconds=JOURNEY_SECONDS
        )
        context = opened_context(request, caller=folder, now=lambda: datetime.now(UTC))
        return [
            one.rounds[0]
            for one in rehearsals(context, told.journeys, rounds=1, keep=keep, proofs=proofs)
        ]


def _base(rounds: Sequence[Round]) -> tuple[str, str]:
    if all(one.proof and one.proof.proved for one in rounds):
        return "failed", "red on base: a named expectation failed"
    reasons = [
        one.proof.reason if one.proof else one.stopped
        for one in rounds
        if not (one.proof and one.proof.proved)
    ]
    return ("passed" if "it passes on base" in reasons[0] else "inconclusive"), reasons[0]


def _candidate(rounds: Sequence[Round]) -> tuple[str, str]:
    """The worst that one of the journeys says: failed before inconclusive before passed."""
    verdicts = [
        (str(one.verdict.outcome), one.verdict.reason)
        if one.verdict
        else ("inconclusive", one.stopped)
        for one in rounds
    ]
    return min(verdicts, key=lambda told: ("failed", "inconclusive", "passed").index(told[0]))


def _told(sides: Iterable[Side], *, as_json: bool) -> Iterator[Side]:
    """The sides again, each printed when it is known."""
    for side in sides:
        if not as_json:
            mark = "" if side.holds else "  <- open" if side.name in OPEN else "  <- WRONG"
            told = COLOURS.get(side.outcome, side.outcome)
            reason = side.reason if side.name == FIRST else side.reason[:70]
            print(
                f"{side.issue:>20}  {side.name:<18} {told:<12} {side.seconds:6.1f} s "
                f" {reason}{mark}",
                flush=True,
            )
        yield side


def _sums(sides: Sequence[Side]) -> Iterator[str]:
    closed = [side for side in sides if side.name not in (*OPEN, FIRST)]
    red, green = (
        [side for side in closed if side.wanted == wanted] for wanted in ("failed", "passed")
    )
    passes, failures = (
        sum(side.outcome == wrong for side in some)
        for some, wrong in ((red, "passed"), (green, "failed"))
    )
    silent = sum(side.outcome == "inconclusive" for side in closed)
    yield f"false passes    {passes} of {len(red)}, at most {wilson(passes, len(red))[1]:.0%}"
    yield f"false failures  {failures} of {len(green)}, at most {wilson(failures, len(green))[1]:.0%}"
    yield f"no answer       {silent} of {len(closed)}"
    if first := [side for side in sides if side.name == FIRST]:
        yield (
            f"first written   {sum(side.holds for side in first)} of {len(first)} were refused as"
            " proving nothing"
        )
    if known := [side for side in sides if side.name in OPEN]:
        yield f"open cases      {sum(side.holds for side in known)} of {len(known)} were seen"
    yield f"seconds         {sum(side.seconds for side in sides):.0f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", default=(), metavar="ISSUE")
    parser.add_argument(
        "--pairs", type=Path, nargs="+", default=(PAIRS, REGISTRIES), metavar="FILE"
    )
    parser.add_argument("--journeys", type=Path, default=HERE / "journeys", metavar="DIR")
    parser.add_argument(
        "--special",
        nargs="*",
        choices=tuple(dict.fromkeys((*SPECIAL, *SPECIAL_TOOLS))),
        metavar="CASE",
        help="some cases, or none",
    )
    parser.add_argument(
        "--open",
        action="store_true",
        help="also the special cases that the judge is known not to see",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep pictures, traces and logs")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--relock", action="store_true", help="write the hashes of every pin anew")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
