"""`try`: perform a journey once and prove nothing, for the person who writes it.

The app is one in a folder, which runs in its own sandbox as it would be judged, or one that runs
already at an address of this machine."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from validators.app.instances import InstanceSpec, InstanceStarter, Listener
from validators.app.side import Side, prepared_side, seeded_side
from validators.authoring.report import end_lines, part_lines, parts, quoted
from validators.domain.errors import Problem
from validators.domain.evidence import Part, RunEvidence, RunId, RunKind
from validators.domain.journeys.journey import Expect, Journey
from validators.domain.run_result import Result, result
from validators.domain.stops import Inconclusive, UsageError
from validators.evidence.keep import keep_files
from validators.language.lint import warnings
from validators.launcher.context import Context
from validators.launcher.library import judge_library
from validators.launcher.pacing import scene_of
from validators.launcher.perform import (
    DRIVER_LOG,
    EVIDENCE,
    PORTS,
    PerformanceBench,
    driver_spec,
    evidence_at,
    plan_of,
    started_driver,
    wait_for,
)
from validators.performance.evidence_json import evidence_document
from validators.performance.journey_run import Watch
from validators.performance.plan import PlannedRun, plan_json, ready_line

TRY = "try"
PIECE = 65536
MOST_OPTIONS = 4
# No line of a report begins so.
UNDERWAY = "  ... "
# Lines of a page that are shown when something was not found on it.
LONGEST_PAGE = 60
# Answers to calls, and characters of each.
MOST_ANSWERS, LONGEST_ANSWER = 6, 400
CONNECT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Address:
    """Where an app listens on this machine."""

    host: str
    port: int

    @staticmethod
    def of(url: str) -> Address:
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
        if not _on_this_machine(host):
            raise _refused(
                url, f"{host} is another machine, and the judge's browser leads to this one alone"
            )
        if extra := url.partition(named.netloc)[2].removesuffix("/"):
            raise _refused(
                url, f"{extra} is not put before the paths of a journey; write it in its steps"
            )
        return Address(host, 80 if port is None else port)

    def dial(self) -> socket.socket:
        """A connection to the app. Raises OSError."""
        return socket.create_connection((self.host, self.port), timeout=CONNECT_SECONDS)


def _refused(url: str, reason: str) -> UsageError:
    return UsageError(
        f"--url {url}: expected the app's own address on this machine, like http://127.0.0.1:8001:"
        f" {reason}"
    )


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
        return _at(address, bench, runs, journey)
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


def _at(
    address: Address, bench: PerformanceBench, runs: Sequence[RunId], journey: Journey
) -> tuple[RunEvidence, ...]:
    """The runs on an app that runs already. The browser's sandbox reaches that app through a relay,
    and nothing else."""
    try:
        address.dial().close()
    except OSError as error:
        raise Inconclusive(
            f"nothing answers at {address.host}:{address.port} ({error}); start the app there, then"
            " try again"
        ) from None
    folder, scene = bench.folder / TRY, bench.scene
    out = folder / "out"
    out.mkdir(parents=True)
    # A negative control that is part of the journey's own run needs no port.
    own = runs if journey.negative_control_apart else runs[:1]
    acted = tuple(PlannedRun(run, port) for run, port in zip(own, PORTS, strict=False))
    planned = (*acted, *(PlannedRun(run, 0) for run in runs[len(own) :]))
    with ExitStack() as stack:
        starter = InstanceStarter(scene.start, bench.sandboxes, folder, stack)
        listeners = starter.listeners(
            InstanceSpec(str(one.port), one.port, one.port) for one in acted
        )
        for listener in listeners:
            threading.Thread(target=_relayed, args=(listener, address), daemon=True).start()
        spec = driver_spec(scene, listeners, out, library=judge_library(bench.folder))
        driver, progress = started_driver(bench, spec, folder, stack)
        plan = replace(plan_of(scene, planned, (journey.source,)), progress=progress is not None)
        driver.send(plan_json(plan).encode() + b"\n", more=True)
        driver.send("".join(ready_line(one.port) for one in acted).encode())
        wait_for(driver, scene, progress)
    keep_files(out, into=bench.keep / TRY)
    if (code := driver.result().exit_code) != 0:
        log = (folder / DRIVER_LOG).read_text(errors="replace")[-500:]
        raise Inconclusive(f"the judge's browser ended with exit code {code}; its log ends: {log}")
    return evidence_at(bench.keep / TRY / EVIDENCE, label=TRY)


def _relayed(listener: Listener, address: Address) -> None:
    """Relay every connection of a listener to the address, as long as the listener is open."""
    with suppress(OSError):
        while True:
            visitor, _ = listener.listening.accept()
            threading.Thread(target=_carried, args=(visitor, address), daemon=True).start()


def _carried(visitor: socket.socket, address: Address) -> None:
    with (
        closing(visitor),
        suppress(OSError),
        address.dial() as app,
    ):
        app.settimeout(None)
        back = threading.Thread(target=_poured, args=(app, visitor), daemon=True)
        back.start()
        _poured(visitor, app)
        back.join()


def _poured(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
