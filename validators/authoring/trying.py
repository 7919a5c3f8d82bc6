"""`try`: perform a journey once and prove nothing, for the person who writes it.

The app is one in a folder, which runs in its own sandbox as it would be judged, or one that runs
already at an address of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from validators.app.side import Side, prepared_side, seeded_side
from validators.authoring.report import end_lines, part_lines, parts, quoted
from validators.domain.errors import Problem
from validators.domain.evidence import Part, RunEvidence, RunId, RunKind
from validators.domain.journeys.journey import Expect, Journey
from validators.domain.run_result import Result, result
from validators.domain.stops import UsageError
from validators.language.lint import warnings
from validators.launcher.context import Context
from validators.launcher.living import Address, on_this_machine, performed_at
from validators.launcher.pacing import scene_of
from validators.launcher.perform import PerformanceBench
from validators.performance.evidence_json import evidence_document
from validators.performance.journey_run import Watch

TRY = "try"
MOST_OPTIONS = 4
# No line of a report begins so.
UNDERWAY = "  ... "
# Lines of a page that are shown when something was not found on it.
LONGEST_PAGE = 60
# Answers to calls, and characters of each.
MOST_ANSWERS, LONGEST_ANSWER = 6, 400


def address_of(url: str) -> Address:
    """The address in a URL. Raises UsageError, which names what in the URL cannot be used."""
    try:
        named = urlsplit(url)
        host, port = named.hostname or "", named.port
    except ValueError as error:
        raise _refused(url, str(error)) from None
    if "@" in named.netloc:
        # Without the URL: it may hold a password.
        raise UsageError("--url: an account in the address is not used; let the steps sign in")
    if named.scheme != "http" or not host:
        raise _refused(url, "the judge's browser reaches the app by plain HTTP")
    if not on_this_machine(host):
        raise _refused(
            url, f"{host} is another machine, and the judge's browser leads to this one alone"
        )
    if extra := url.partition(named.netloc)[2].removesuffix("/"):
        raise _refused(
            url, f"{extra} is not put before the paths of a journey; write it in its steps"
        )
    return Address(host, 80 if port is None else port)


def _refused(url: str, reason: str) -> UsageError:
    return UsageError(
        f"--url {url}: expected the app's own address on this machine, like http://127.0.0.1:8001:"
        f" {reason}"
    )


def tried(
    context: Context,
    journey: Journey,
    *,
    folder: Path,
    seed: int,
    address: Address | None = None,
    watch: Watch | None = None,
) -> tuple[RunEvidence, ...]:
    """The runs of the journey and of its negative control, on the request's base tree or on the app
    at an address. `watch` is called with each step and look as it is done.

    Every file is kept below `folder`. Raises Inconclusive."""
    scene = scene_of(context, seed=seed, keep=folder / "kept")
    bench = PerformanceBench(
        scene,
        context.sandboxes(folder / "sandboxes"),
        folder,
        folder / "kept",
        context.phases,
        watch,
    )
    runs = (RunId(journey.name), RunId(journey.name, kind=RunKind.NEGATIVE_CONTROL))
    if address is not None:
        return performed_at(address, bench, runs, label=TRY, journeys=(journey,)).evidence
    side = _side(context, bench, seed=journey.seed)
    return bench.performed(TRY, runs, journeys=(journey.source,), side=lambda _run: side).evidence


@dataclass(slots=True)
class TryReport:
    """What a person reads who tries a journey: first its weak points, then each step and look as it
    is done, then how each run ended."""

    journey: Journey
    url: str = ""
    # Also what is underway, in lines that begin with UNDERWAY: for a terminal, which erases them.
    live: bool = False
    # Steps and looks of the journey's own run that were reported as they were done.
    reported: int = 0

    def weak_points(self) -> tuple[Problem, ...]:
        """The lint's warnings, and what an app that runs already cannot offer."""
        found = warnings(self.journey)
        if self.url and self.journey.seed:
            message = (
                f"it needs the data {self.journey.seed!r}, which nobody puts into an app that runs"
                " already"
            )
            found = (*found, Problem(0, message))
        if self.url and self.journey.runs_commands:
            message = "commands run beside an app in a folder only: name the folder, not an address"
            found = (*found, Problem(0, message))
        return found

    def begin_lines(self, file: Path) -> Iterator[str]:
        yield from (f"{file}: {found} (a warning)" for found in self.weak_points())
        yield f"{self.journey.name}{f', at {self.url}' if self.url else ''}"
        if self.live:
            yield f"{UNDERWAY}starting {'the browser' if self.url else 'the app and the browser'}"

    def done_lines(self, run: RunId, part: Part) -> Iterator[str]:
        """One step or look, as soon as it is done."""
        # A control is reported once it is over: until then nobody knows whether it counts.
        if run.kind is RunKind.JOURNEY:
            self.reported += 1
            yield from part_lines(part, self.journey.source)
            if self.live:
                yield f"{UNDERWAY}{self._next()}"

    def _next(self) -> str:
        """What follows what was reported last, in the words of the journey."""
        lines = tuple(_lines_in_order(self.journey))[self.reported :]
        if not lines:
            return "the negative control"
        return f"{lines[0]:>3}  {quoted(self.journey.source.splitlines(), lines[0])}"

    def end_lines(self, runs: Sequence[RunEvidence], *, kept: Path) -> Iterator[str]:
        """How each run ended, with what was not reported before; and the page where one of them did
        not hold."""
        for run in runs:
            control = run.run.kind is RunKind.NEGATIVE_CONTROL
            if run.skipped:
                yield "negative control: not performed, because the journey itself did not pass"
                continue
            if control:
                yield "negative control: one of its expectations must not hold"
            for part in parts(run)[0 if control else self.reported :]:
                yield from part_lines(part, self.journey.source)
            yield from end_lines(run)
            yield f"  {_ended(run)}"
            if not control and not all(part.passed for part in parts(run)):
                yield from _page(run, kept)


def _lines_in_order(journey: Journey) -> Iterator[int]:
    """The line of each step and look, as they are reported."""
    for step in journey.steps:
        yield from (look.line for look in step.looks) if isinstance(step, Expect) else (step.line,)
    yield from (look.line for block in journey.expect for look in block.looks)


def outcome_of(runs: Sequence[RunEvidence]) -> Result:
    """What a try shows: PASSED when the journey passed and its negative control failed."""
    own, control = map(result, runs)
    if own is Result.PASSED:
        return {Result.FAILED: Result.PASSED, Result.PASSED: Result.FAILED}.get(control, control)
    return own


def try_document(
    report: TryReport, runs: Sequence[RunEvidence], *, seed: int, kept: Path | None
) -> dict[str, Any]:
    """All of it as JSON values. Files are named below `kept`; none where nothing is kept."""
    found = outcome_of(runs)
    return {
        "ok": found is Result.PASSED,
        "outcome": found,
        "journey": report.journey.name,
        "seed": seed,
        "warnings": [{"line": one.line, "message": one.message} for one in report.weak_points()],
        "runs": [evidence_document(run if kept else replace(run, files=())) for run in runs],
    }


def _ended(run: RunEvidence) -> str:
    control, found = run.run.kind is RunKind.NEGATIVE_CONTROL, result(run)
    must = {Result.FAILED: ", as it must", Result.PASSED: ", and must not"}.get(found, "")
    return f"{found}{must if control else f' in {run.millis} ms'}"


def _page(run: RunEvidence, kept: Path) -> Iterator[str]:
    for name in (name for name in run.files if Path(name).name == "calls.json"):
        yield "  the app answered:"
        yield from (f"    {line}" for line in _answers((kept / name).read_text()))
    for name in (name for name in run.files if Path(name).name.startswith("aria")):
        # Where only calls were made, no page was opened.
        if not (lines := list(_folded((kept / name).read_text().splitlines()))):
            continue
        file = Path(name).name
        # aria.txt is the visitor's own page, aria-1.txt that of the next session.
        whose = " (of another person)" if "-" in file else ""
        yield f"  at the end the page was, by roles and names{whose}:"
        yield from (f"    {line}" for line in lines[:LONGEST_PAGE])
        if (more := len(lines) - LONGEST_PAGE) > 0:
            yield f"    … {more} more lines in {file}; --keep DIR keeps it, with a picture"


def _answers(log: str) -> Iterator[str]:
    """The last answers, with the beginning of each body."""
    for one in json.loads(log)[-MOST_ANSWERS:]:
        body = " ".join(str(one["answer"]).split())[:LONGEST_ANSWER]
        yield f"{one['method']} {one['path']} → {one['status']} {body}"


def _folded(lines: Sequence[str]) -> Iterator[str]:
    """The lines, with a long list of options replaced by their number."""
    for options, group in groupby(lines, key=lambda line: line.lstrip().startswith("- option ")):
        some = list(group)
        if options and len(some) > MOST_OPTIONS:
            indent, first = some[0].split("- option")[0], some[0].strip()[2:]
            yield f"{indent}- {len(some)} options, {first} and so on"
        else:
            yield from some


def _side(context: Context, bench: PerformanceBench, *, seed: str | None) -> Side:
    request = context.request
    bare = prepared_side(
        "app",
        request.app,
        git_dir=Path(request.git_dir),
        tree=request.base.tree,
        sandboxes=bench.sandboxes,
        stores=context.stores,
        folder=bench.folder / "app",
    )
    return seeded_side(bare, request.app, seed=seed, sandboxes=bench.sandboxes)
