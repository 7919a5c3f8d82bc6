"""What judging costs: one new journey and five that stand guard, on one candidate, beside plain
Playwright.

    python bench/judge.py [--own N] [--standing N] [--rounds N] [--json]

Ours is the whole judge. The first judgement proves the new journey on base as well; the second
knows that, as it does when a change is judged, and is what is compared. Every run has an app of its
own in a sandbox, its pages and network kept, the plain ones with a trace and a picture after each step.
Plain is the library alone with the same page loads and looks, as many runs and as many at once: one
process, one browser, one app, nothing kept. Processor seconds are those of every process below, and
of this one.

A journey of calls stands beside curl, one of commands beside a shell that do the same: two visitors
at once on apps that are started for them, ours in sandboxes, theirs without.

The seal is what sandboxes, relays and the signature add: the same driver on the same two apps, with
and without them, in turn. Memory is the most that the whole tree of processes had at once in the first
judgement, shared pages counted once (PSS). Tokens are characters divided by four: what one look at
a dense page puts before a model."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the other half of this bench lies beside it

from bench.judge_parts import besides_seconds, journeys, looked, plainly, seal_seconds
from bench.memory import Peak
from bench.processors import Processors
from validators.authoring.local_request import LocalApp, local_request
from validators.domain.evidence import RunKind
from validators.judging.judging import Judgement, judgement_of
from validators.judging.publish import EVIDENCE, publish
from validators.language.reader import read
from validators.launcher.context import Context, opened_context
from validators.launcher.regression_suite import MISSION
from validators.launcher.request import Request
from validators.store.entries import Entry, Event
from validators.store.journeys import journey_digest, purpose_of, with_canary
from validators.wiring import SUPERVISOR

OWN, STANDING, ROUNDS, JOURNEY_SECONDS = 1, 5, 5, 30
TARGETS = {
    "judging, s": 8.0,
    "judging, processor s": 16.0,
    "a run, x plain": 1.5,
    "a run, x plain, processor": 1.5,
    "proof on base, s": 5.0,
    "the seal, s": 0.4,
    "a look, tokens": 1000.0,
    "calls, x curl": 1.5,
    "calls, s above curl": 0.3,
    "commands, x a shell": 1.5,
    "commands, s above a shell": 0.3,
}
APP = Path(__file__).with_name("judge_app.py")
BUG = ("LIMIT = 12", "LIMIT = 0")  # on base every group is too large
PROOF = "proof: "


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock and of processors."""

    seconds: float
    processor: float


@dataclass(frozen=True, slots=True)
class Ours:
    """One whole judgement: its outcome, seconds by phase, what it cost in all, and the runs that it
    performed."""

    outcome: str
    reason: str
    phases: tuple[tuple[str, float], ...]
    cost: Cost
    runs: int


def sides(folder: Path) -> LocalApp:
    """The app before the fix and after it, in folders of their own."""
    for name, text in (("base", APP.read_text().replace(*BUG)), ("reference", APP.read_text())):
        (folder / name).mkdir()
        (folder / name / APP.name).write_text(text)
    (data := folder / "data").mkdir()
    (data / "bookings.json").write_text("[]")
    start = f"python {APP.name}"
    return LocalApp(
        folder / "base",
        folder / "reference",
        start=start,
        port_env="PORT",
        ready="/",
        ready_seconds=60,
        data=data,
    )


def sealed(context: Context, own: tuple[str, ...], standing: tuple[str, ...]) -> None:
    """Seal the journeys, as an author would have; those that stand guard have noticed saboteurs
    before."""
    for issue, texts in ((context.request.issue.number, own), (MISSION, standing)):
        whole = tuple(map(with_canary, texts))
        entries = tuple(
            Entry(
                Event.SEALED,
                issue,
                read(text).name,
                journey_digest(text),
                purpose_of(context.request.issue.kind),
                "sha256:0",
                "author",
                "",
                "2026-01-02",
            )
            for text in whole
        )
        context.journey_store.seal(whole, entries)
        for entry in entries if issue == MISSION else ():
            context.journey_store.keep_controls(entry.digest, tree="0" * 40, run="bench")


def judged(request: Request, folder: Path, *, run: str) -> Ours:
    """Judge the candidate with all journeys, sign and publish, and say what that took."""
    context = opened_context(
        replace(request, run=run), caller=folder, now=lambda: datetime.now(UTC)
    )
    kept = context.journey_store.folder / "judged" / f".unfinished-{run}"
    kept.mkdir(parents=True)
    told: list[Judgement] = []

    def judge() -> None:
        told.append(judgement_of(context, keep=kept / EVIDENCE))
        publish(told[0], kept=kept, out=folder / run, ended=datetime.now(UTC))

    cost, judgement = cost_of(judge), told[0]
    verdict, phases = (
        judgement.verdict,
        tuple((span.name, span.seconds) for span in context.phases.spans()),
    )
    performed = [
        one
        for one in judgement.evidence
        if not one.skipped and one.run.kind not in (RunKind.BASE, RunKind.NEGATIVE_CONTROL)
    ]
    return Ours(str(verdict.outcome), verdict.reason, phases, cost, len(performed))


def cost_of(act: Callable[[], object]) -> Cost:
    """What an act costs, with every process that it starts."""
    with Processors() as spent:
        own, began = time.thread_time(), time.perf_counter()  # of this thread: another one watches
        act()
        seconds, processor = time.perf_counter() - began, time.thread_time() - own
    return Cost(seconds, processor + sum(spent.seconds.values()))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--own", type=int, default=OWN)
    parser.add_argument("--standing", type=int, default=STANDING)
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="of the seal, sandboxed and not in turn"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    texts = journeys(options.own + options.standing)
    with tempfile.TemporaryDirectory(prefix="j-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        request = local_request(
            sides(folder),
            folder=folder,
            supervisor=SUPERVISOR,
            journeys=len(texts),
            seconds=JOURNEY_SECONDS,
        )
        context = opened_context(request, caller=folder, now=lambda: datetime.now(UTC))
        sealed(context, texts[: options.own], texts[options.own :])
        with (
            Peak() as peak
        ):  # to look costs a processor as well, so what is compared is not looked at
            first = judged(request, folder, run="first")
        ours = judged(request, folder, run="second")
        plain = cost_of(lambda: asyncio.run(plainly(journeys(ours.runs), APP, folder)))
        seal = [
            seal_seconds(folder / f"seal-{number}", APP, texts[0])
            | besides_seconds(folder / f"besides-{number}", APP)
            for number in range(options.rounds)
        ]
    looks = asyncio.run(looked())
    middle = {name: statistics.median(one[name] for one in seal) for name in seal[0]}
    figures = {
        "judging, s": ours.cost.seconds,
        "judging, processor s": ours.cost.processor,
        "a run, x plain": ours.cost.seconds / plain.seconds,
        "a run, x plain, processor": ours.cost.processor / plain.processor,
        "proof on base, s": sum(
            seconds for name, seconds in first.phases if name.startswith(PROOF)
        ),
        "the seal, s": middle["sandboxed"] - middle["bare"] + middle["signing"],
        "a look, tokens": looks["ours, controls"],
        "calls, x curl": middle["calls"] / middle["curl"],
        "calls, s above curl": middle["calls"] - middle["curl"],
        "commands, x a shell": middle["commands"] / middle["shell"],
        "commands, s above a shell": middle["commands"] - middle["shell"],
    }
    met = (
        all(figures[name] <= TARGETS[name] for name in TARGETS)
        and first.outcome == ours.outcome == "passed"
    )
    found = {
        "ok": met,
        "outcome": ours.outcome,
        "reason": ours.reason,
        "runs": ours.runs,
        "ours": asdict(ours.cost),
        "plain": asdict(plain),
        "mebibytes": peak.mebibytes,
        "figures": figures,
        "seal": middle,
        "tokens": looks,
        "phases": dict(ours.phases),
    }
    print(json.dumps(found) if options.json else "\n".join(_lines(found)))
    return 0 if met else 1


def _lines(found: dict[str, Any]) -> list[str]:
    rows = [("ours", found["ours"]), ("plain Playwright", found["plain"])]
    return [
        f"{found['outcome']}: {found['reason']}",
        f"{found['runs']} runs, by whom {'':<9} {'s':>8} {'processor s':>12}",
        *(f"{name:<27} {one['seconds']:>8.1f} {one['processor']:>12.1f}" for name, one in rows),
        f"the judge's memory at its peak: {found['mebibytes']:.0f} MiB",
        "",
        *(f"  {name:<34} {took:>8.2f} s" for name, took in found["phases"].items()),
        "",
        (
            f"the seal: sandboxed {found['seal']['sandboxed']:.2f} s, the same without"
            f" {found['seal']['bare']:.2f} s, signing {found['seal']['signing']:.3f} s"
        ),
        *(
            f"{ours} of two visitors, each with a fresh app: {found['seal'][ours]:.2f} s;"
            f" the same by {plain}: {found['seal'][plain]:.2f} s"
            for ours, plain in (("calls", "curl"), ("commands", "shell"))
        ),
        *(
            f"a look at a dense page, {name:<28} {count:>6.0f} tokens"
            for name, count in found["tokens"].items()
        ),
        "",
        *(
            f"{name:<27} {found['figures'][name]:>8.2f}   target {target:>7g}   "
            f"{'met' if found['figures'][name] <= target else 'MISSED'}"
            for name, target in TARGETS.items()
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
