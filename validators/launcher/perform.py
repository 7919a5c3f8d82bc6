"""Perform runs: a fresh app for every run, one driver, and the files that it leaves.

Properties:
- The driver's sandbox starts first: it loads its browsers while the tree is exported and apps
  start. The launcher names each app that answers, and the driver performs its run at once.
- The app of a control starts when the driver asks for it, as it does once the journey has passed.
  A change that fails costs no app that nobody needs.
- The driver sees the apps' sockets, the plan on its standard input, one folder that it may write,
  and the clocks of runs that travel in time. It sees no tree, store, key or address.
- The controls of a journey that did not pass need no app."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from time import monotonic

from validators.app.instances import InstanceSpec, InstanceStarter, Listener, Start
from validators.app.sandboxes import Bind, Sandbox, Sandboxes, SandboxResult, SandboxSpec
from validators.app.side import Side
from validators.domain.bounds import USUAL, Bounds
from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive
from validators.evidence.keep import keep_files, keep_tail
from validators.language.reader import read
from validators.launcher.app_past import instance_spec, past, planned_run
from validators.launcher.clocks import CLOCKS, CLOCKS_ENV, clocks_bind, clocks_for, travelling
from validators.launcher.library import LIBRARY, judge_library
from validators.launcher.phases import Deadline
from validators.launcher.progress import Progress
from validators.performance.evidence_json import read_evidence
from validators.performance.journey_run import Watch, unwatched
from validators.performance.plan import Plan, PlannedRun, plan_json, ready_line
from validators.performance.surroundings import surroundings

OUT = "/out"
DRIVER = ("python", "-m", "validators.driver", OUT)
DRIVER_DISTRIBUTIONS = ("playwright", "pyyaml", "h11", "websockets")
FIRST = "runs"
CONTROLS = (RunKind.NEGATIVE_CONTROL, RunKind.FAULT_INJECTION)
DRIVER_LOG = "driver.log"
PROGRESS = "progress.jsonl"
# Sandboxes that share the machine's accounts, processes and terminals: a tool would see them.
SHARED_FORMS = ("landlock", "unsealed")
STOP_SECONDS, FOLLOW_SECONDS = 5, 0.1
EVIDENCE = "evidence.json"
# A driver's own has some hundred thousand; read, each may take a hundred times its room.
MOST_EVIDENCE = 8 << 20
"""Bytes of a driver's evidence that are read."""
# Below the ports that the kernel gives to outgoing connections. Else a probe whose own port happens
# to be the app's port would connect to itself, and the app would find its port taken.
PORTS = range(10000, 32768)


@dataclass(frozen=True, slots=True)
class Scene:
    """What all runs of a performance share. Equal seeds give equal scenes, except for the waits:
    `bounds` and `journey_seconds` fit this machine. `deadline` is when all must be over. `avoided`:
    the issue's own words, which are never drawn."""

    seed: int
    today: date
    start: Start
    journey_seconds: int
    deadline: Deadline
    bounds: Bounds = USUAL
    avoided: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PerformanceResult:
    """The evidence, its files named below the evidence folder, and how each sandbox ended."""

    evidence: tuple[RunEvidence, ...]
    sandboxes: tuple[SandboxResult, ...]


@dataclass(frozen=True, slots=True)
class _Preparation:
    """All planned runs; and each run that needs an app, with the instance for it."""

    planned: tuple[PlannedRun, ...]
    instances: tuple[tuple[PlannedRun, InstanceSpec], ...]


@dataclass(frozen=True, slots=True)
class PerformanceBench:
    """Performs runs in sandboxes, with a private folder, and an evidence folder that keeps every
    file. `phase` is called with the name of each phase as it begins, `watch` with each step and
    look of a run as it is done."""

    scene: Scene
    sandboxes: Sandboxes
    folder: Path
    keep: Path
    phase: Callable[[str], None]
    watch: Watch | None = None

    def performed(
        self,
        label: str,
        runs: Sequence[RunId],
        *,
        journeys: Sequence[str],
        side: Callable[[RunId], Side],
        seeds: Mapping[RunId, int] | None = None,
    ) -> PerformanceResult:
        """Perform the runs. Every file is kept below `label` in the evidence, whatever happens.

        `side` prepares a side at its first use. `seeds` has the runs whose seed is not the scene's.
        Raises Inconclusive."""
        folder, keep = self.folder / label, self.keep / label
        prefix = "" if label == FIRST else f"{label}: "
        (folder / "out").mkdir(parents=True)
        prepared = self._prepared(label, runs, journeys, seeds or {})
        try:
            with ExitStack() as stack:
                sandboxes = self._perform(
                    prepared, tuple(journeys), stack, label=label, prefix=prefix, side=side
                )
        finally:
            # Evidence of a performance that failed is evidence, too.
            self.phase(f"{prefix}keep the evidence")
            _keep(folder, prepared.planned, into=keep)
        results = tuple(sandbox.result() for sandbox in sandboxes)
        _refuse_cut(results[0])
        return PerformanceResult(evidence_at(keep / EVIDENCE, runs, label=label), results)

    def _prepared(
        self, label: str, runs: Sequence[RunId], texts: Sequence[str], seeds: Mapping[RunId, int]
    ) -> _Preparation:
        """The planned runs and their instances. Ports and pasts are drawn from the scene's seed."""
        seed, clock_env = self.scene.seed, self.scene.start.clock_env
        drawn = random.Random(f"{label} ports {seed}").sample(PORTS, 3 * len(runs))  # noqa: S311
        ports = iter(drawn)
        journeys = tuple(map(read, texts))
        by_name = {journey.name: journey for journey in journeys}
        refuse_without_app(journeys, self.scene.start)
        refuse_without_namespaces(journeys, self.sandboxes.form)
        pasts = {
            run: past(run, by_name[run.journey], seed=seeds.get(run, seed), clock=bool(clock_env))
            for run in runs
        }
        planned = tuple(
            planned_run(
                run,
                by_name[run.journey],
                pasts[run],
                port=next(ports),
                seed=seeds.get(run),
                commands=next(ports) if by_name[run.journey].runs_commands else 0,
            )
            for run in runs
        )
        acted = tuple(run for run in planned if run.port)
        travellers = travelling(journeys, clock_env=clock_env)
        clocks = clocks_for(
            acted if clock_env else (), travellers, folder=self.folder / label / "clocks"
        )
        specs = (
            instance_spec(
                run,
                pasts[run.id],
                port=next(ports),
                clock=clocks.get(run.port),
                seed=seeds.get(run.id, seed),
            )
            for run in acted
        )
        return _Preparation(planned, tuple(zip(acted, specs, strict=True)))

    def _perform(
        self,
        prepared: _Preparation,
        journeys: tuple[str, ...],
        stack: ExitStack,
        *,
        label: str,
        prefix: str,
        side: Callable[[RunId], Side],
    ) -> tuple[Sandbox, ...]:
        """The driver's sandbox and those of the apps, after all runs. `stack` kills them."""
        folder, scene = self.folder / label, self.scene
        starter = InstanceStarter(scene.start, self.sandboxes, folder, stack)
        listeners = starter.listeners(spec for _, spec in prepared.instances)
        browser = any(read(text).has_pages for text in journeys)
        spec = driver_spec(
            scene, listeners, folder / "out", library=judge_library(self.folder), browser=browser
        )
        driver, progress = started_driver(self, spec, folder, stack)
        plan = plan_of(scene, prepared.planned, journeys)
        plan = replace(plan, progress=self.watch is not None)
        driver.send(plan_json(plan).encode() + b"\n", more=True)

        def announce(listener: Listener) -> None:
            driver.send(ready_line(listener.spec.dial).encode(), more=True)

        def needed() -> Set[int]:
            scene.deadline.seconds_left()  # raises when the time is up: nobody may ask any more
            progress.follow()
            return progress.needed

        # Sides are prepared here, while the driver loads its browsers.
        journeys_first, controls = list[tuple[Listener, Side]](), list[tuple[Listener, Side]]()
        for (run, _), listener in zip(prepared.instances, listeners, strict=True):
            is_control = run.id.kind in CONTROLS
            (controls if is_control else journeys_first).append((listener, side(run.id)))
        self.phase(f"{prefix}apps start, and journeys")
        apps = starter.until_ready(
            journeys_first, ready=announce, unless=driver.ended, if_needed=controls, needed=needed
        )
        driver.send(b"")
        self.phase(f"{prefix}journeys and controls")
        wait_for(driver, scene, progress)
        self.phase(f"{prefix}sandboxes end")
        for app in apps:
            app.dismiss()
        return (driver, *apps)


def refuse_without_app(journeys: Iterable[Journey], start: Start) -> None:
    """Raises Inconclusive for a journey that opens pages or calls where there is no app."""
    for journey in journeys:
        if journey.needs_app and not start.argv:
            raise Inconclusive(
                f"journey {journey.name!r} opens pages or calls an API, and [app] in factory.toml"
                " has no start command: name one, or let the journey run commands alone"
            )


def refuse_without_namespaces(journeys: Iterable[Journey], form: str) -> None:
    """Raises Inconclusive for a journey that runs commands where sandboxes of this form run none.
    With `auto`, the supervisor finds the form, and refuses."""
    for journey in journeys:
        if journey.runs_commands and form in SHARED_FORMS:
            raise Inconclusive(
                f"journey {journey.name!r} runs commands, and sandboxes of the form {form} run"
                " none: let a machine judge it that has bubblewrap, or let the journey open pages"
                " alone"
            )


def driver_spec(
    scene: Scene,
    listeners: Sequence[Listener],
    out: Path,
    *,
    library: Bind,
    browser: bool = True,
) -> SandboxSpec:
    """All that the driver's sandbox can see. Calls and commands alone need no `browser`."""
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
        dial=tuple(pair for listener in listeners for pair in listener.dialled),
        browser=browser,
        memory_mb=3072,
        pids=1024,
        disk_mb=1024,
    )


def plan_of(scene: Scene, planned: tuple[PlannedRun, ...], journeys: tuple[str, ...]) -> Plan:
    """The driver's plan for these runs and the texts of their journeys."""
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
        avoided=scene.avoided,
    )


def started_driver(
    bench: PerformanceBench, spec: SandboxSpec, folder: Path, stack: ExitStack
) -> tuple[Sandbox, Progress]:
    """The driver's sandbox, which `stack` kills; and its progress, for whoever watches."""
    progress = Progress(folder / PROGRESS, bench.watch or unwatched)
    sandbox = bench.sandboxes.started(spec, log=folder / DRIVER_LOG, stdout=progress.file)
    return stack.enter_context(sandbox), progress


def wait_for(driver: Sandbox, scene: Scene, progress: Progress) -> None:
    """Wait until the driver has ended, and follow its progress. Raises Inconclusive when it does
    not end."""
    end = monotonic() + scene.deadline.seconds_left() + STOP_SECONDS
    while not (ended := driver.waited(FOLLOW_SECONDS)) and monotonic() < end:
        progress.follow()
    progress.follow()
    if not ended:
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
    keep_files(folder / "out", into=into)
    for run in planned:
        log = folder / str(run.port) / "server.log"
        if log.exists():
            keep_tail(log, into=into / _server_log(run.id))
    if (folder / DRIVER_LOG).exists():
        keep_tail(folder / DRIVER_LOG, into=into / DRIVER_LOG)


def evidence_at(file: Path, asked: Iterable[RunId], *, label: str) -> tuple[RunEvidence, ...]:
    """The evidence in a driver's file, its files named below `label`. Raises Inconclusive when it
    cannot be read, or has other runs than those that were asked for."""
    try:
        if (size := file.stat().st_size) > MOST_EVIDENCE:
            raise Inconclusive(f"the judge's browser left evidence of {size} bytes")
        runs = read_evidence(file.read_text())
    except (OSError, UnicodeDecodeError, DocumentInvalid) as error:
        raise Inconclusive(f"the judge's browser left no readable evidence ({error})") from error
    # A page that took the browser over must prove nothing about base, which the store would keep.
    left = set(asked)
    for run in runs:
        if run.run not in left:
            raise Inconclusive(f"the judge's browser left evidence of {run.run}, unasked or twice")
        left.remove(run.run)
    names = {
        path.relative_to(file.parent).as_posix()
        for path in file.parent.rglob("*")
        if path.is_file()
    }
    return tuple(_with_files(run, names, label) for run in runs)


def _with_files(run: RunEvidence, kept_names: set[str], label: str) -> RunEvidence:
    """The run with its files and its app's log, all named below the evidence folder."""
    # The driver wrote this list. Only files that were kept count: a path that leads out does not.
    names = (*run.files, _server_log(run.run))
    return replace(run, files=tuple(f"{label}/{name}" for name in names if name in kept_names))


def _server_log(run: RunId) -> str:
    return f"server/{run.journey}-{run}.log"
