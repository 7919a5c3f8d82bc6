"""How far can the numbers of trust be believed?

    python bench/trust.py [--seeds N] [--json]

Generated: for each seed, 300 landings whose true probability to stay is known. The model learns
from them; each is forecast without its own outcome, and 3,000 new changes are compared with their
true probability. Recorded: the 91 merged pull requests of a public factory, of which a history
keeps paths, lines and the kind alone. What became of them it does not tell, so here one counts as
amended where a later one, within 14 days and titled as a fix, changes half of its files or more: a
stand-in, and the table says so. Then the brakes: a fresh repository, a revert, and the index beside
an independent recount.

A table of 300 is never without error, were its forecasts the true probabilities themselves: that
error stands beside each, and is no target.

Exit 0: every target is met."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import fsum
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the recount lies beside it

from bench.trust_recount import recount, rows_of
from harness.domain.facts import UNKNOWN, FileChange
from harness.domain.landing import Outcome
from harness.domain.trust import (
    Bin,
    ChangeTraits,
    Decision,
    Followed,
    Forecast,
    Grant,
    Level,
    Thresholds,
    calibration_error,
    confidence,
    decide,
    learned,
    level_of,
    reliability,
)
from harness.factory.records.history import histories
from harness.factory.trust.autonomy import autonomy
from harness.factory.trust.outcomes import main_area
from harness.store.ledger.sqlite import SqliteLedger
from tests.domain.trust.generated import past, truths
from tests.factory.trust.recorded import random_ledger
from tests.fakes.clock import FakeClock

ROOT = Path(__file__).parents[1]
HISTORY = ROOT / "examples" / "public-factory" / "history.json"
GENERATED, FRESH, ERROR = 300, 3000, 0.05
KINDS = {"fix": "bug", "feat": "feature"}
DAYS = timedelta(days=14)
SHARED = 0.5


@dataclass(frozen=True)
class Figure:
    """One measured thing beside its target."""

    name: str
    measured: str
    target: str
    met: bool


def generated(seed: int) -> tuple[Figure, Figure, tuple[Bin, ...]]:
    landings = past(seed, GENERATED)
    taught = learned(landings)
    bins = reliability(taught.forecasts)
    held_out = calibration_error(bins)
    chance = calibration_error(
        reliability(
            [
                Forecast(min(true.stays, 0.9999), one.outcome is Outcome.STAYED)
                for true, one in zip(truths(seed, GENERATED), landings, strict=True)
            ]
        )
    )
    fresh = truths(seed + 1000, FRESH)
    values = [taught.confidence(one.traits).value for one in fresh]
    true = true_error(values, [one.stays for one in fresh])
    return (
        _error(
            f"seed {seed}: {len(taught.forecasts)} held-out forecasts ({chance:.3f} by chance)",
            held_out,
        ),
        _error(f"seed {seed}: {FRESH} new changes, true probability", true),
        bins,
    )


def true_error(values: list[float], stays: list[float]) -> float:
    """The calibration error against the true probabilities, with no chance in it."""
    total = 0.0
    for part in reliability([Forecast(value, stayed=False) for value in values]):
        inside = [
            (value, true)
            for value, true in zip(values, stays, strict=True)
            if part.begin <= value < part.end
        ]
        total += abs(fsum(value - true for value, true in inside))
    return total / len(values)


def _error(name: str, error: float) -> Figure:
    return Figure(name, f"{error:.3f}", f"<= {ERROR}", error <= ERROR)


def recorded_past() -> tuple[Followed, ...]:
    """The recorded landings. The facts that a history does not keep stay unknown."""
    document = json.loads(HISTORY.read_text("utf-8"))
    merged = sorted(document["pull_requests"], key=lambda one: one["merged_at"])
    return tuple(_recorded(one, merged[at + 1 :]) for at, one in enumerate(merged))


def _recorded(one: dict, later: list[dict]) -> Followed:
    landed = datetime.fromisoformat(one["merged_at"])
    mends = (other for other in later if _mends(one, other))
    mend = next((datetime.fromisoformat(other["merged_at"]) for other in mends), None)
    files = tuple(
        FileChange(
            part["path"].encode(),
            UNKNOWN,
            UNKNOWN,
            UNKNOWN,
            None,
            None,
            part["added"],
            part["deleted"],
        )
        for part in one["files"]
    )
    counted = [change.lines for change in files]
    traits = ChangeTraits(
        area=main_area(files),
        kind=KINDS.get(one["kind"], "chore"),
        lines=UNKNOWN if UNKNOWN in counted else sum(counted),
        files=len(files),
    )
    outcome = Outcome.AMENDED if mend else Outcome.STAYED
    return Followed(one["pr"], str(one["pr"]), traits, outcome, landed, mend or landed + DAYS)


def _mends(one: dict, other: dict) -> bool:
    apart = datetime.fromisoformat(other["merged_at"]) - datetime.fromisoformat(one["merged_at"])
    ours = {part["path"] for part in one["files"]}
    shared = ours & {part["path"] for part in other["files"]}
    return other["kind"] == "fix" and apart < DAYS and len(shared) >= SHARED * len(ours)


def public_factory() -> tuple[tuple[Figure, ...], tuple[Bin, ...]]:
    found = recorded_past()
    taught = learned(found)
    bins = reliability(taught.forecasts)
    values = [taught.confidence(one.traits).value for one in found]
    alone = 0
    for at, one in enumerate(found):
        known = [before for before in found[:at] if before.known < one.landed]
        alone += decide(confidence(whole(one.traits), known), Thresholds()) is Decision.MERGE
    stayed = sum(one.outcome is Outcome.STAYED for one in found)
    return (
        Figure(
            "recorded: landings, of which stayed by the stand-in",
            f"{len(found)}, {stayed}",
            "91",
            len(found) == 91,
        ),
        Figure(
            "recorded: highest confidence, whose facts are unknown",
            f"{max(values):.2f}",
            "0.00",
            not any(values),
        ),
        _error("recorded: 91 forecasts by counts, each at its landing", calibration_error(bins)),
        Figure("recorded: merged alone, were the other facts good", str(alone), "(shown)", True),
    ), bins


def whole(traits: ChangeTraits) -> ChangeTraits:
    """The change as if what a history does not keep had been at its best."""
    lines = 0 if traits.lines is UNKNOWN else traits.lines
    best = {"rounds": 0, "retries": 0, "tier": 0, "findings": 0}
    return replace(traits, lines=lines, controls_held=True, red_on_base=True, **best)


def brakes() -> tuple[Figure, ...]:
    """What must hold whatever the numbers are."""
    lax = Thresholds(0.5, 0.4, 0.3)
    first = next(
        at
        for at in range(100)
        if decide(confidence(_usual(), _stayed(at)), Thresholds()) is Decision.MERGE
    )
    fresh = sum(decide(confidence(_usual(), _stayed(at)), lax) is Decision.MERGE for at in range(5))
    reverted = (
        *_stayed(40),
        replace(_stayed(1)[0], outcome=Outcome.REVERTED, known=_stayed(60)[-1].known),
    )
    levels = [level_of("app", reverted, grant).word for grant in (None, Grant(Level.FULL))]
    return (
        Figure(
            "fresh repository: merges before 5 outcomes, threshold 0.5", str(fresh), "0", fresh == 0
        ),
        Figure(
            "fresh repository: outcomes before the first merge at 0.95",
            str(first),
            ">= 5",
            first >= 5,
        ),
        Figure(
            "after a revert: level earned, level granted",
            ", ".join(levels),
            "small, small",
            levels == ["small", "small"],
        ),
    )


def _usual() -> ChangeTraits:
    return ChangeTraits("app", "bug", 10, 2, 0, 0, 0, 0, True, True)


def _stayed(count: int) -> tuple[Followed, ...]:
    landings = past(0, count)
    return tuple(replace(one, traits=_usual(), outcome=Outcome.STAYED) for one in landings)


def index(seed: int) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        ledger = SqliteLedger(Path(folder), clock)
        random_ledger(ledger, clock, seed=seed, issues=120)
        now, entries = clock.now(), ledger.entries()
        ledger.close()
        again = recount(rows_of(Path(folder) / "ledger.db"), now)
    found = autonomy(histories(entries), now=now)
    mine = (found.issues, found.alone)
    return Figure(
        f"index, ledger {seed}: alone of issues",
        f"{mine[1]} of {mine[0]}",
        f"{again[1]} of {again[0]}",
        mine == again,
    )


def table(bins: tuple[Bin, ...]) -> list[str]:
    return [
        f"    {one.begin:.2f} to {one.end:.2f}  predicted {one.predicted:.3f}  observed {one.observed:.3f}"
        f"  ({one.low:.2f} to {one.high:.2f})  {one.count:>3}  error {one.error:.3f}"
        for one in bins
    ]


def main() -> int:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    figures, tables = [], []
    for seed in range(given.seeds):
        held_out, true, bins = generated(seed)
        figures += [held_out, true]
        tables.append((f"generated, seed {seed}", bins))
    shown, bins = public_factory()
    figures += [*shown, *brakes(), *(index(seed) for seed in range(3))]
    tables.append(("recorded", bins))
    if given.json:
        print(json.dumps([vars(one) for one in figures]))
    else:
        for one in figures:
            print(
                f"{'ok  ' if one.met else 'MISS'}  {one.name:<58} {one.measured:>14}   {one.target}"
            )
        for name, bins in tables:
            print(f"\n{name}, by bin (the share that stayed, with its 95 % interval):")
            print("\n".join(table(bins)))
    return 0 if all(one.met for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
