"""`try`: a journey performed once, without a claim about anything. It is the loop in which a writer
works.

The app is a folder's, in a box of its own as it would be judged, or one that runs already at an
address of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from validators.app.instances import Door, Fleet, Wanted
from validators.app.side import Side, prepared_side, seeded_side
from validators.authoring.report import parts, run_lines
from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive, UsageError
from validators.evidence.keep import kept
from validators.launcher.context import Context
from validators.launcher.library import judge_library
from validators.launcher.pacing import scene_of
from validators.launcher.perform import (
    DRIVER_LOG,
    EVIDENCE,
    PORTS,
    TestBench,
    driver_spec,
    evidence_at,
    plan_of,
    wait_for,
)
from validators.performance.plan import PlannedRun, plan_json, ready_line

TRY = "try"
PIECE = 65536
MOST_OPTIONS = 4
LONGEST_PAGE = 60  # lines, of a page shown to whoever wonders why something was not found on it


@dataclass(frozen=True, slots=True)
class Address:
    """Where an app listens on this machine."""

    host: str
    port: int

    @staticmethod
    def of(url: str) -> Address:
        """The address in a URL. Raises UsageError."""
        told = urlsplit(url)
        if told.scheme != "http" or not told.hostname or told.path not in ("", "/"):
            raise UsageError(
                f"--url {url}: expected the app's own address, like http://127.0.0.1:8001; paths"
                " are the journey's"
            )
        return Address(told.hostname, told.port or 80)


def tried(
    context: Context, journey: Journey, *, folder: Path, seed: int, address: Address | None = None
) -> tuple[RunEvidence, ...]:
    """The journey's run and its twin's on the request's base tree, or on the app at an address.

    Every file is kept below `folder`. Raises Inconclusive."""
    scene = scene_of(context, seed=seed, keep=folder / "kept")
    bench = TestBench(
        scene, context.sandboxes(folder / "papers"), folder, folder / "kept", context.phases
    )
    runs = (RunId(journey.name), RunId(journey.name, kind=RunKind.NEGATIVE_CONTROL))
    if address is not None:
        return _at(address, bench, runs, journey)
    side = _side(context, bench, seed=journey.seed)
    return bench.performed(TRY, runs, journeys=(journey.source,), side=lambda _run: side).evidence


def try_lines(journey: Journey, told: Sequence[RunEvidence], *, kept: Path) -> Iterator[str]:
    """Each step and look of each run, and what the page looked like to the judge where a step or
    look did not hold."""
    for run in told:
        negative_control = run.run.kind is RunKind.NEGATIVE_CONTROL
        if run.skipped:
            yield "twin: not performed, because the journey itself did not pass"
            continue
        yield (
            f"twin: one of what it expects must not hold ({run.millis} ms)"
            if negative_control
            else f"{journey.name} ({run.millis} ms)"
        )
        yield from run_lines(run, journey.source)
        if not negative_control and not all(part.passed for part in parts(run)):
            yield from _page(run, kept)


def _page(run: RunEvidence, kept: Path) -> Iterator[str]:
    for name in (name for name in run.files if Path(name).name.startswith("aria")):
        lines = list(_folded((kept / name).read_text().splitlines()))
        yield (
            "  at the end the page was, by roles and"
            f" names{' (of another person)' if '-' in Path(name).name else ''}:"
        )
        yield from (f"    {line}" for line in lines[:LONGEST_PAGE])
        if len(lines) > LONGEST_PAGE:
            yield (
                f"    … {len(lines) - LONGEST_PAGE} more lines in {Path(name).name}; --keep DIR"
                " keeps it, with a picture"
            )


def _folded(lines: Sequence[str]) -> Iterator[str]:
    """The lines with the options of a long list told by their number."""
    for options, group in groupby(lines, key=lambda line: line.lstrip().startswith("- option ")):
        some = list(group)
        if options and len(some) > MOST_OPTIONS:
            yield (
                f"{some[0].split('- option')[0]}- {len(some)} options, {some[0].strip()[2:]} and"
                " so on"
            )
        else:
            yield from some


def _side(context: Context, bench: TestBench, *, seed: str | None) -> Side:
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
    address: Address, bench: TestBench, runs: Sequence[RunId], journey: Journey
) -> tuple[RunEvidence, ...]:
    """The runs on an app that is there already: the browser's box reaches it through a relay, and
    nothing else."""
    folder, scene = bench.folder / TRY, bench.scene
    out = folder / "out"
    out.mkdir(parents=True)
    own = runs if journey.negative_control_apart else runs[:1]
    acted = tuple(PlannedRun(run, port) for run, port in zip(own, PORTS, strict=False))
    planned = (*acted, *(PlannedRun(run, 0) for run in runs[len(own) :]))
    with ExitStack() as stack:
        fleet = Fleet(scene.start, bench.sandboxes, folder, stack)
        doors = fleet.doors(Wanted(str(one.port), one.port, one.port) for one in acted)
        for door in doors:
            threading.Thread(target=_relayed, args=(door, address), daemon=True).start()
        spec = driver_spec(scene, doors, out, library=judge_library(bench.folder))
        driver = stack.enter_context(bench.sandboxes.started(spec, log=folder / DRIVER_LOG))
        driver.send(
            plan_json(plan_of(scene, planned, (journey.source,))).encode() + b"\n", more=True
        )
        driver.send("".join(ready_line(one.port) for one in acted).encode())
        wait_for(driver, scene)
    kept(out, into=bench.keep / TRY)
    if (code := driver.result().exit_code) != 0:
        said = (folder / DRIVER_LOG).read_text(errors="replace")[-500:]
        raise Inconclusive(f"the judge's browser ended with exit code {code}; it said: {said}")
    return evidence_at(bench.keep / TRY / EVIDENCE, label=TRY)


def _relayed(door: Door, address: Address) -> None:
    """Carry every connection of a door to the address, for as long as the door is open."""
    with suppress(OSError):
        while True:
            visitor, _ = door.listening.accept()
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
