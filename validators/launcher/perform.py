"""One performance: fresh apps for every run, one driver, and the files it leaves behind once all of
them are dead.

The driver's box is made first: while the tree is exported and apps come up it loads its browsers.
It is told of each app that answers, and performs its run at once. The controls of a journey that
did not pass need no app. It sees the apps' doors, the plan on its standard input, one folder it may
write and the clocks of the runs that travel; not the tree, the store, a key or any address."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from validators.app.instances import InstanceStarter, Listener, Start
from validators.app.sandboxes import Bind, Sandbox, Sandboxes, SandboxResult, SandboxSpec
from validators.app.side import Side
from validators.domain.bounds import USUAL, Bounds
from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import Kind, RunEvidence, RunId
from validators.domain.stops import Inconclusive
from validators.evidence.keep import keep_tail, kept
from validators.language.reader import read
from validators.launcher.app_past import instance_spec, past, planned_run
from validators.launcher.clocks import CLOCKS, CLOCKS_ENV, clocks_bind, clocks_for, travelling
from validators.launcher.library import LIBRARY, judge_library
from validators.launcher.phases import Deadline
from validators.performance.evidence_json import read_evidence
from validators.performance.plan import AT_ONCE, Plan, PlannedRun, plan_json, ready_line
from validators.performance.surroundings import surroundings

OUT = "/out"
DRIVER = ("python", "-m", "validators.driver", OUT)
DRIVER_DISTRIBUTIONS = ("playwright", "pyyaml")
FIRST = "runs"
CONTROLS = (Kind.TWIN, Kind.SABOTAGE)
DRIVER_LOG = "driver.log"
STOP_SECONDS = 5
EVIDENCE = "evidence.json"
PORTS = range(10000, 32768)
"""Below those that a kernel gives to whoever connects. Asking whether an app is there, from a port
that happens to be the very one that is asked for, is answered by the asker itself, and then the app
finds its port taken."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for every run of a performance; equal seeds give equal scenes, but for how
    long is waited: `bounds` and `journey_seconds` are those of this machine. `deadline` is when all
    must be over."""

    seed: int
    today: date
    start: Start
    journey_seconds: int
    deadline: Deadline
    bounds: Bounds = USUAL


@dataclass(frozen=True, slots=True)
class PerformanceResult:
    """What is left: the evidence as facts, its files named below the evidence folder, and how each
    box held."""

    evidence: tuple[RunEvidence, ...]
    sandboxes: tuple[SandboxResult, ...]


@dataclass(frozen=True, slots=True)
class PerformanceBench:
    """Where runs are performed: the boxes, a private folder, and the evidence folder, where every
    file is kept."""

    scene: Scene
    sandboxes: Sandboxes
    folder: Path
    keep: Path
    phase: Callable[[str], None]

    def performed(
        self,
        label: str,
        runs: Sequence[RunId],
        *,
        journeys: Sequence[str],
        side: Callable[[RunId], Side],
        seeds: Mapping[RunId, int] | None = None,
    ) -> PerformanceResult:
        """Perform the runs, keeping every file below `label` in the evidence whatever happens.
        Raises Inconclusive.

        `side` prepares a side at first use; `seeds` are of the runs that have another than the
        scene's."""
        folder, keep = self.folder / label, self.keep / label
        told = "" if label == FIRST else f"{label}: "
        out = folder / "out"
        out.mkdir(parents=True)
        ports = iter(random.Random(f"{label} ports {self.scene.seed}").sample(PORTS, 2 * len(runs)))  # noqa: S311
        known = tuple(map(read, journeys))
        by_name, clock_env = (
            {journey.name: journey for journey in known},
            self.scene.start.clock_env,
        )
        own, usual = seeds or {}, self.scene.seed
        been = {
            run: past(run, by_name[run.journey], seed=own.get(run, usual), clock=bool(clock_env))
            for run in runs
        }
        planned = tuple(
            planned_run(run, by_name[run.journey], been[run], port=next(ports), seed=own.get(run))
            for run in runs
        )
        acted = tuple(run for run in planned if run.port)
        travellers = travelling(known, clock_env=clock_env)
        clocks = clocks_for(acted if clock_env else (), travellers, folder=folder / "clocks")
        try:
            with ExitStack() as stack:
                starter = InstanceStarter(self.scene.start, self.sandboxes, folder, stack)
                listeners = starter.listeners(
                    instance_spec(run, been[run.id], port=next(ports), clock=clocks.get(run.port))
                    for run in acted
                )
                driver = stack.enter_context(
                    self.sandboxes.started(
                        driver_spec(self.scene, listeners, out, library=judge_library(self.folder)),
                        log=folder / DRIVER_LOG,
                    )
                )
                driver.send(
                    plan_json(plan_of(self.scene, planned, tuple(journeys))).encode() + b"\n",
                    more=True,
                )
                sides = [
                    (listener, side(run.id))
                    for run, listener in in_order(zip(acted, listeners, strict=True))
                ]
                self.phase(f"{told}apps start, and journeys")
                apps = starter.until_ready(
                    sides,
                    ready=lambda listener: driver.send(
                        ready_line(listener.spec.dial).encode(), more=True
                    ),
                    unless=driver.ended,
                )
                driver.send(b"")
                self.phase(f"{told}journeys and controls")
                wait_for(driver, self.scene)
                self.phase(f"{told}boxes end")
                for app in apps:
                    app.dismiss()
        finally:
            self.phase(f"{told}keep the evidence")
            _keep(folder, planned, into=keep)
        sandboxes = tuple(box.result() for box in (driver, *apps))
        _refuse_cut(sandboxes[0])
        return PerformanceResult(evidence_at(keep / EVIDENCE, label=label), sandboxes)


def in_order(runs: Iterable[tuple[PlannedRun, Listener]]) -> list[tuple[PlannedRun, Listener]]:
    """The order in which apps start: controls follow what is performed first, and others need not
    hold them up."""
    told = list(runs)
    journeys = [one for one in told if one[0].id.kind not in CONTROLS]
    return [
        *journeys[:AT_ONCE],
        *(one for one in told if one[0].id.kind in CONTROLS),
        *journeys[AT_ONCE:],
    ]


def driver_spec(
    scene: Scene, listeners: Sequence[Listener], out: Path, *, library: Bind
) -> SandboxSpec:
    """All that the driver's box is shown."""
    return SandboxSpec(
        name="driver",
        argv=DRIVER,
        cwd=OUT,
        wall_seconds=scene.deadline.seconds_left(),
        binds=(
            library,
            Bind(out, OUT, "rw"),
            *clocks_bind(listener.spec.clock for listener in listeners if listener.spec.clock),
        ),
        env={"PYTHONPATH": LIBRARY, **({CLOCKS_ENV: CLOCKS} if scene.start.clock_env else {})},
        distributions=DRIVER_DISTRIBUTIONS,
        dial=tuple((listener.spec.dial, listener.path) for listener in listeners),
        browser=True,
        memory_mb=3072,
        pids=1024,
        disk_mb=1024,
    )


def plan_of(scene: Scene, planned: tuple[PlannedRun, ...], journeys: tuple[str, ...]) -> Plan:
    around = surroundings(scene.seed)
    return Plan(
        journeys=journeys,
        runs=planned,
        seed=scene.seed,
        today=scene.today,
        hostname=scene.start.hostname,
        locale=around.locale,
        timezone=around.timezone,
        viewport=around.viewport,
        journey_seconds=float(scene.journey_seconds),
        bounds=scene.bounds,
    )


def wait_for(driver: Sandbox, scene: Scene) -> None:
    if not driver.waited(scene.deadline.seconds_left() + STOP_SECONDS):
        raise Inconclusive("the judge's browser did not end in time")


def _refuse_cut(driver: SandboxResult) -> None:
    if driver.killed_by:
        raise Inconclusive(f"the judge's browser was stopped by its {driver.killed_by} limit")
    if driver.exit_code != 0:
        raise Inconclusive(
            f"the judge's browser ended with exit code {driver.exit_code}; the sealed evidence has"
            " its log"
        )


def _keep(folder: Path, planned: Sequence[PlannedRun], *, into: Path) -> None:
    kept(folder / "out", into=into)
    for run in planned:
        log = folder / str(run.port) / "server.log"
        if log.exists():
            keep_tail(log, into=into / _server_log(run.id))
    if (folder / DRIVER_LOG).exists():
        keep_tail(folder / DRIVER_LOG, into=into / DRIVER_LOG)


def evidence_at(file: Path, *, label: str) -> tuple[RunEvidence, ...]:
    """What a driver told, its files named below `label`. Raises Inconclusive when it cannot be
    read."""
    try:
        runs = read_evidence(file.read_text())
    except (OSError, UnicodeDecodeError, DocumentInvalid) as error:
        raise Inconclusive(f"the judge's browser left no readable evidence ({error})") from error
    names = {
        path.relative_to(file.parent).as_posix()
        for path in file.parent.rglob("*")
        if path.is_file()
    }
    return tuple(_with_files(run, names, label) for run in runs)


def _with_files(run: RunEvidence, kept_names: set[str], label: str) -> RunEvidence:
    """The run with its files named below the evidence folder, the app's own output among them.

    Only names of files that were kept: the driver wrote this list, and a path that climbs out is no
    evidence."""
    names = (*run.files, _server_log(run.run))
    return replace(run, files=tuple(f"{label}/{name}" for name in names if name in kept_names))


def _server_log(run: RunId) -> str:
    return f"server/{run.journey}-{run}.log"
