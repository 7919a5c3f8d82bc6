"""What judging costs: twenty journeys on one candidate, beside the same steps as plain Playwright. Ratios within one run count.

    python bench/judge.py [--journeys N] [--rounds N] [--json]

Ours is the whole judge: each journey red on base, then plain and masked, with its twin and five saboteurs; every run with a
boxed app of its own, its pages and network kept, the plain ones with a trace and a picture after each step. Plain is the
library alone: one process, one browser, one app for all journeys, one after the other, nothing kept. Time is told for each
run of a journey, because ours makes nine of one; `judging alone` leaves the base out, which is known when a change is judged.

The seal is what boxes, relays and the signature add: the same driver on the same two apps, in boxes and without, in turn.
Memory is the most that the whole tree of processes had at once, shared pages counted once (PSS). Tokens are characters
divided by four: what one look at a dense page puts before a model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the other half of this bench lies beside it

from bench.judge_parts import journeys, looked, plainly, seal_seconds
from bench.memory import Peak
from validators.domain.evidence import Kind
from validators.language.reader import read
from validators.launcher.desk import Desk, opened_desk
from validators.launcher.ground import Ground, request_on
from validators.launcher.judging import Judgement, judgement_of
from validators.launcher.publish import EVIDENCE, published
from validators.store.entries import Entry, Event
from validators.store.shelf import journey_digest, purpose_of, with_canary
from validators.wiring import SUPERVISOR

JOURNEYS, ROUNDS, JOURNEY_SECONDS = 20, 5, 30
SEAL_SECONDS, LOOK_TOKENS = 0.4, 1000
APP = Path(__file__).with_name("judge_app.py")
BUG = ("LIMIT = 12", "LIMIT = 0")      # on base every group is too large
BASE_PHASES = ("proof", "base")


@dataclass(frozen=True, slots=True)
class Ours:
    """One whole judgement: its outcome, seconds by phase and in all, runs performed, and mebibytes at the peak."""

    outcome: str
    reason: str
    phases: tuple[tuple[str, float], ...]
    seconds: float
    runs: int
    base_runs: int
    mebibytes: float

    @property
    def judging(self) -> float:
        """Seconds without those that went into proving the base."""
        return self.seconds - sum(seconds for name, seconds in self.phases if name.startswith(BASE_PHASES))

    @property
    def each(self) -> float:
        """Seconds for each run of a journey on the candidate."""
        return self.judging / max(1, self.runs - self.base_runs)


def sides(folder: Path) -> Ground:
    """The app before the fix and after it, in folders of their own."""
    for name, text in (("base", APP.read_text().replace(*BUG)), ("reference", APP.read_text())):
        (folder / name).mkdir()
        (folder / name / APP.name).write_text(text)
    (data := folder / "data").mkdir()
    (data / "bookings.json").write_text("[]")
    start = f"python {APP.name}"
    return Ground(folder / "base", folder / "reference", start=start, port_env="PORT", ready="/", ready_seconds=60, data=data)


def sealed(desk: Desk, texts: tuple[str, ...]) -> None:
    """Seal the journeys, as an author would have."""
    whole = tuple(map(with_canary, texts))
    request = desk.request
    entries = tuple(
        Entry(Event.SEALED, request.issue.number, read(text).name, journey_digest(text), purpose_of(request.issue.kind),
              "sha256:0", "author", "", "2026-01-02")
        for text in whole
    )
    desk.shelf.seal(whole, entries)


def ours(folder: Path, texts: tuple[str, ...]) -> Ours:
    """Judge the candidate with all journeys, sign and publish, and say what that took."""
    request = request_on(sides(folder), folder=folder, supervisor=SUPERVISOR, journeys=len(texts), seconds=JOURNEY_SECONDS)
    desk = opened_desk(request, caller=folder, now=lambda: datetime.now(UTC))
    sealed(desk, texts)
    kept = desk.shelf.folder / "judged" / ".unfinished-bench"
    kept.mkdir(parents=True)
    with Peak() as peak:
        began = time.perf_counter()
        judgement = judgement_of(desk, keep=kept / EVIDENCE)
        published(judgement, kept=kept, out=folder / "out", ended=datetime.now(UTC))
        seconds = time.perf_counter() - began
    return _told(judgement, seconds, peak.mebibytes)


def _told(judgement: Judgement, seconds: float, mebibytes: float) -> Ours:
    performed = [run for run in judgement.evidence if not run.skipped]
    return Ours(
        str(judgement.verdict.outcome),
        judgement.verdict.reason,
        tuple((span.name, span.seconds) for span in judgement.desk.phases.spans()),
        seconds,
        len(performed),
        sum(run.run.kind is Kind.BASE for run in performed),
        mebibytes,
    )


def measured(act: Callable[[], float]) -> tuple[float, float]:
    """Seconds that something says it took, and mebibytes at its peak."""
    with Peak() as peak:
        seconds = act()
    return seconds, peak.mebibytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journeys", type=int, default=JOURNEYS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the seal, boxed and not in turn")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    texts = journeys(options.journeys)
    with tempfile.TemporaryDirectory(prefix="j-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        judged = ours(folder, texts)
        plain, plain_memory = measured(lambda: asyncio.run(plainly(texts, APP, folder)))
        seal = [seal_seconds(folder / f"seal-{number}", APP, texts[0]) for number in range(options.rounds)]
    looks = asyncio.run(looked())
    middle = {name: statistics.median(one[name] for one in seal) for name in seal[0]}
    added = middle["boxed"] - middle["unboxed"] + middle["signing"]
    met = judged.outcome == "passed" and added <= SEAL_SECONDS and looks["ours, controls"] < LOOK_TOKENS
    found = {
        "ok": met, "outcome": judged.outcome, "reason": judged.reason, "journeys": len(texts), "runs": judged.runs,
        "base_runs": judged.base_runs,
        "seconds": {"ours": judged.seconds, "judging alone": judged.judging, "plain": plain},
        "each": {"ours": judged.each, "plain": plain / len(texts), "ratio": judged.each / (plain / len(texts))},
        "mebibytes": {"ours": judged.mebibytes, "plain": plain_memory},
        "seal": {**middle, "added": added}, "tokens": looks, "phases": dict(judged.phases),
    }
    print(json.dumps(found) if options.json else "\n".join(_lines(found)))
    return 0 if met else 1


def _lines(found: dict[str, Any]) -> list[str]:
    seconds, each, memory = found["seconds"], found["each"], found["mebibytes"]
    seal, looks = found["seal"], found["tokens"]
    whole = seconds["ours"] / max(1, found["runs"])
    rows = [
        ("plain Playwright", found["journeys"], seconds["plain"], each["plain"], 1.0, memory["plain"]),
        ("ours, judging alone", found["runs"] - found["base_runs"], seconds["judging alone"], each["ours"], each["ratio"],
         memory["ours"]),
        ("ours, base as well", found["runs"], seconds["ours"], whole, whole / each["plain"], memory["ours"]),
    ]
    return [
        f"{found['journeys']} journeys on one candidate: {found['outcome']}: {found['reason']}",
        f"{'':<22} {'runs':>6} {'s':>8} {'s a run':>9} {'x plain':>8} {'MiB':>7}",
        *(f"{name:<22} {runs!s:>6} {s:>8.1f} {one:>9.3f} {ratio:>8.2f} {mib:>7.0f}" for name, runs, s, one, ratio, mib in rows),
        "",
        *(f"  {name:<34} {took:>8.2f} s" for name, took in found["phases"].items()),
        "",
        f"the seal: boxed {seal['boxed']:.2f} s, the same without {seal['unboxed']:.2f} s, signing {seal['signing']:.3f} s: "
        f"{seal['added']:.2f} s a validation (target {SEAL_SECONDS} s)",
        "",
        f"{'tokens a look at a dense page':<34} {'':>8} {'x plain':>8}",
        *(f"  {name:<32} {count:>8.0f} {count / looks['plain snapshot']:>8.2f}" for name, count in looks.items()),
        f"targets: seal at most {SEAL_SECONDS} s, a look under {LOOK_TOKENS} tokens, every journey passed — "
        f"{'met' if found['ok'] else 'missed'}",
    ]


if __name__ == "__main__":
    sys.exit(main())
