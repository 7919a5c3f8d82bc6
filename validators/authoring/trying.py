"""`try`: perform a journey once and prove nothing, for the person who writes it.

The app is one in a folder, which runs in its own sandbox as it would be judged, or one that runs
already at an address of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from validators.app.instances import InstanceSpec, InstanceStarter, Listener
from validators.app.side import Side, prepared_side, seeded_side
from validators.authoring.report import parts, run_lines
from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive, UsageError
from validators.evidence.keep import keep_files
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
    wait_for,
)
from validators.performance.plan import PlannedRun, plan_json, ready_line

TRY = "try"
PIECE = 65536
MOST_OPTIONS = 4
# Lines of a page that are shown when something was not found on it.
LONGEST_PAGE = 60


@dataclass(frozen=True, slots=True)
class Address:
    """Where an app listens on this machine."""

    host: str
    port: int

    @staticmethod
    def of(url: str) -> Address:
        """The address in a URL. Raises UsageError."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise UsageError(
                f"--url {url}: expected the app's own address, like http://127.0.0.1:8001; paths"
                " are the journey's"
            )
        return Address(parts.hostname, parts.port or 80)


def tried(
    context: Context, journey: Journey, *, folder: Path, seed: int, address: Address | None = None
) -> tuple[RunEvidence, ...]:
    """The runs of the journey and of its negative control, on the request's base tree or on the app
    at an address.

    Every file is kept below `folder`. Raises Inconclusive."""
    scene = scene_of(context, seed=seed, keep=folder / "kept")
    bench = PerformanceBench(
        scene, context.sandboxes(folder / "sandboxes"), folder, folder / "kept", context.phases
    )
    runs = (RunId(journey.name), RunId(journey.name, kind=RunKind.NEGATIVE_CONTROL))
    if address is not None:
        return _at(address, bench, runs, journey)
    side = _side(context, bench, seed=journey.seed)
    return bench.performed(TRY, runs, journeys=(journey.source,), side=lambda _run: side).evidence


def try_lines(journey: Journey, runs: Sequence[RunEvidence], *, kept: Path) -> Iterator[str]:
    """Each step and look of each run, and the page where one of them did not hold."""
    for run in runs:
        control = run.run.kind is RunKind.NEGATIVE_CONTROL
        if run.skipped:
            yield "negative control: not performed, because the journey itself did not pass"
            continue
        yield (
            f"negative control: one of its expectations must not hold ({run.millis} ms)"
            if control
            else f"{journey.name} ({run.millis} ms)"
        )
        yield from run_lines(run, journey.source)
        if not control and not all(part.passed for part in parts(run)):
            yield from _page(run, kept)


def _page(run: RunEvidence, kept: Path) -> Iterator[str]:
    for name in (name for name in run.files if Path(name).name.startswith("aria")):
        lines = list(_folded((kept / name).read_text().splitlines()))
        file = Path(name).name
        # aria.txt is the visitor's own page, aria-1.txt that of the next session.
        whose = " (of another person)" if "-" in file else ""
        yield f"  at the end the page was, by roles and names{whose}:"
        yield from (f"    {line}" for line in lines[:LONGEST_PAGE])
        if (more := len(lines) - LONGEST_PAGE) > 0:
            yield f"    … {more} more lines in {file}; --keep DIR keeps it, with a picture"


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
        driver = stack.enter_context(bench.sandboxes.started(spec, log=folder / DRIVER_LOG))
        driver.send(
            plan_json(plan_of(scene, planned, (journey.source,))).encode() + b"\n", more=True
        )
        driver.send("".join(ready_line(one.port) for one in acted).encode())
        wait_for(driver, scene)
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
        socket.create_connection((address.host, address.port), timeout=10) as app,
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
