"""Run one session of exploring: a fresh app, a browser and an actor, each in its own sandbox.

Properties:
- The browser's sandbox reaches the app and the line to the actor. The actor's sandbox reaches the
  model broker and serves the line. So a page that takes over the browser finds no model, and an
  actor that obeys a page can ask for acts and nothing else.
- The launcher makes the line's socket. Only the two sandboxes know its word."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import validators
from validators.app.instances import InstanceSpec, InstanceStarter, Listener
from validators.app.sandboxes import Bind, Sandbox, SandboxResult, SandboxSpec
from validators.app.side import Side
from validators.domain.errors import DocumentInvalid
from validators.domain.exploring.exploration import Transcript, read_transcript
from validators.domain.exploring.persona import Persona
from validators.domain.stops import Inconclusive
from validators.evidence.keep import keep_files, keep_tail
from validators.launcher.library import LIBRARY, judge_library
from validators.launcher.perform import DRIVER_DISTRIBUTIONS, OUT, PORTS, PerformanceBench
from validators.launcher.request import BrokerSocket
from validators.performance.exploration_plan import ExplorationPlan, exploration_plan_json
from validators.performance.surroundings import surroundings
from validators.roles.actor import ActorBrief

EXPLORER = ("python", "-m", "validators.driver.explore", OUT)
ACTOR = ("python", "-m", "validators.roles.actor")
MODEL_PORT = 8090
TRANSCRIPT = "transcript.json"
MOST_CHARACTERS = 1 << 20
# In times of a browser's start: two start, connect to each other, and write what is kept.
STARTS = 2.25


@dataclass(frozen=True, slots=True)
class SessionResult:
    """The transcript of a session, and how each sandbox ended."""

    transcript: Transcript
    sandboxes: tuple[SandboxResult, ...]


def run_session(
    persona: Persona,
    bench: PerformanceBench,
    *,
    label: str,
    side: Side,
    broker: BrokerSocket,
    files: Mapping[str, str],
) -> SessionResult:
    """Explore a fresh app of this side as the persona, who is shown the governance `files`. Every
    file is kept below `label` in the evidence. Raises Inconclusive."""
    folder, keep = bench.folder / label, bench.keep / label
    out = folder / "out"
    out.mkdir(parents=True)
    bench.phase(f"{label}: explore")
    dial, port, line = random.Random(f"{label} {bench.scene.seed}").sample(PORTS, 3)  # noqa: S311
    word = secrets.token_hex(16)
    try:
        with ExitStack() as stack:
            starter = InstanceStarter(bench.scene.start, bench.sandboxes, folder, stack)
            app_listener, line_listener = starter.listeners(
                (InstanceSpec("app", dial, port), InstanceSpec("line", line, line))
            )
            actor = stack.enter_context(
                _actor(bench, line_listener, broker, log=folder / "actor.log")
            )
            # The actor's sandbox has its own copy of this descriptor.
            line_listener.listening.close()
            explorer = _explorer(bench, app_listener, line_listener, out=out)
            driver = stack.enter_context(
                bench.sandboxes.started(explorer, log=folder / "driver.log")
            )
            brief = ActorBrief(broker.model, persona.who, persona.goal, _instructions(), files)
            actor.send(json.dumps(_actor_input(brief, line=line, word=word)).encode())
            apps = starter.until_ready([(app_listener, side)])
            driver.send(
                exploration_plan_json(
                    _exploration_plan(persona, bench, ports=(dial, line), word=word)
                ).encode()
                + b"\n"
            )
            _wait_for(driver, persona, bench)
            for sandbox in (actor, *apps):
                sandbox.dismiss()
    finally:
        bench.phase(f"{label}: keep the evidence")
        _keep(folder, keep)
    results = tuple(sandbox.result() for sandbox in (driver, actor, *apps))
    if results[0].exit_code != 0 or results[0].killed_by:
        how = results[0].killed_by or results[0].exit_code
        raise Inconclusive(f"the exploring browser ended with {how}")
    return SessionResult(_transcript(keep / TRANSCRIPT, persona), results)


def _explorer(bench: PerformanceBench, app: Listener, line: Listener, *, out: Path) -> SandboxSpec:
    return SandboxSpec(
        name="explorer",
        argv=EXPLORER,
        cwd=OUT,
        wall_seconds=bench.scene.deadline.seconds_left(),
        binds=(judge_library(bench.folder), Bind(out, OUT, "rw")),
        env={"PYTHONPATH": LIBRARY},
        distributions=DRIVER_DISTRIBUTIONS,
        dial=((app.spec.dial, app.path), (line.spec.dial, line.path)),
        browser=True,
        memory_mb=3072,
        pids=1024,
        disk_mb=1024,
    )


def _actor(bench: PerformanceBench, line: Listener, broker: BrokerSocket, *, log: Path) -> Sandbox:
    spec = SandboxSpec(
        name="actor",
        argv=ACTOR,
        cwd="/tmp",  # noqa: S108 (the sandbox's own)
        wall_seconds=bench.scene.deadline.seconds_left(),
        binds=(judge_library(bench.folder),),
        env={"PYTHONPATH": LIBRARY},
        dial=((MODEL_PORT, Path(broker.socket)),),
        serve=((line.spec.port, line.listening.fileno()),),
    )
    return bench.sandboxes.started(spec, log=log)


def _instructions() -> str:
    return (Path(validators.__file__).parent / "roles" / "actor.md").read_text()


def _actor_input(brief: ActorBrief, *, line: int, word: str) -> dict[str, object]:
    return {"brief": asdict(brief), "model_port": MODEL_PORT, "line_port": line, "word": word}


def _exploration_plan(
    persona: Persona, bench: PerformanceBench, *, ports: tuple[int, int], word: str
) -> ExplorationPlan:
    around = surroundings(bench.scene.seed)
    app_port, line_port = ports
    return ExplorationPlan(
        persona=persona,
        app_port=app_port,
        line_port=line_port,
        word=word,
        hostname=bench.scene.start.hostname,
        locale=around.locale,
        timezone=around.timezone,
        viewport=around.viewport,
        bounds=bench.scene.bounds,
    )


def _wait_for(driver: Sandbox, persona: Persona, bench: PerformanceBench) -> None:
    longest = persona.allowance.seconds + STARTS * bench.scene.bounds.start_seconds
    if not driver.waited(min(bench.scene.deadline.seconds_left(), longest)):
        raise Inconclusive("the exploring browser did not end in time")


def _keep(folder: Path, keep: Path) -> None:
    keep_files(folder / "out", into=keep)
    logs = (folder / "driver.log", folder / "actor.log", folder / "app" / "server.log")
    for log in (log for log in logs if log.exists()):
        keep_tail(log, into=keep / log.name)


def _transcript(file: Path, persona: Persona) -> Transcript:
    try:
        with file.open() as opened:
            transcript = read_transcript(opened.read(MOST_CHARACTERS))
    except (OSError, UnicodeDecodeError, DocumentInvalid) as error:
        raise Inconclusive(
            f"the exploring browser left no readable transcript ({error})"
        ) from error
    if transcript.persona != persona.name:
        raise Inconclusive("the exploring browser left a transcript of somebody else")
    return transcript
