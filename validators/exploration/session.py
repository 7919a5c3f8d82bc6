"""One outing: a fresh app, a browser that explores it, and an actor, each in a box of its own.

The browser's box reaches the app's port and the line; the actor's box reaches the model broker's
port and answers the line. Neither sees the other's door: a page that takes over the browser finds
no model, and an actor that obeys a page has acts to ask for and nothing else. The line is a socket
made out here, with a word that only the two boxes are told."""

from __future__ import annotations

import json
import random
import secrets
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
from validators.evidence.keep import keep_tail, kept
from validators.launcher.library import LIBRARY, judge_library
from validators.launcher.perform import DRIVER_DISTRIBUTIONS, OUT, PORTS, PerformanceBench
from validators.launcher.request import BrokerSocket
from validators.performance.outing import Session, outing_json
from validators.performance.surroundings import surroundings
from validators.roles.actor import Brief

EXPLORER = ("python", "-m", "validators.driver.explore", OUT)
ACTOR = ("python", "-m", "validators.roles.actor")
MODEL_PORT = 8090
TRANSCRIPT = "transcript.json"
MOST_CHARACTERS = 1 << 20
# times the start of a browser: both start, the line is found, and what is to be kept is written
STARTS = 2.25


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What came of an outing, and how each box held."""

    transcript: Transcript
    sandboxes: tuple[SandboxResult, ...]


def run_session(
    persona: Persona, bench: PerformanceBench, *, label: str, side: Side, broker: BrokerSocket
) -> SessionResult:
    """Explore a fresh app of this side as the persona, keeping every file below `label` in the
    evidence. Raises Inconclusive."""
    folder, keep = bench.folder / label, bench.keep / label
    out = folder / "out"
    out.mkdir(parents=True)
    bench.phase(f"{label}: explore")
    dial, port, line = random.Random(f"{label} {bench.scene.seed}").sample(PORTS, 3)  # noqa: S311
    word = secrets.token_hex(16)
    try:
        with ExitStack() as stack:
            starter = InstanceStarter(bench.scene.start, bench.sandboxes, folder, stack)
            app_door, line_door = starter.listeners(
                (InstanceSpec("app", dial, port), InstanceSpec("line", line, line))
            )
            actor = stack.enter_context(_actor(bench, line_door, broker, log=folder / "actor.log"))
            line_door.listening.close()
            driver = stack.enter_context(
                bench.sandboxes.started(
                    _explorer(bench, app_door, line_door, out=out), log=folder / "driver.log"
                )
            )
            actor.send(json.dumps(_brief(persona, broker, line=line, word=word)).encode())
            apps = starter.until_ready([(app_door, side)])
            driver.send(
                outing_json(_outing(persona, bench, ports=(dial, line), word=word)).encode() + b"\n"
            )
            _wait_for(driver, persona, bench)
            for box in (actor, *apps):
                box.dismiss()
    finally:
        bench.phase(f"{label}: keep the evidence")
        _keep(folder, keep)
    results = tuple(box.result() for box in (driver, actor, *apps))
    if results[0].exit_code != 0 or results[0].killed_by:
        raise Inconclusive(
            f"the exploring browser ended with {results[0].killed_by or results[0].exit_code}"
        )
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
        cwd="/tmp",  # noqa: S108 (the box's own)
        wall_seconds=bench.scene.deadline.seconds_left(),
        binds=(judge_library(bench.folder),),
        env={"PYTHONPATH": LIBRARY},
        dial=((MODEL_PORT, Path(broker.socket)),),
        serve=((line.spec.port, line.listening.fileno()),),
    )
    return bench.sandboxes.started(spec, log=log)


def _brief(persona: Persona, broker: BrokerSocket, *, line: int, word: str) -> dict[str, object]:
    instructions = (Path(validators.__file__).parent / "roles" / "actor.md").read_text()
    brief = Brief(broker.model, persona.who, persona.goal, instructions)
    return {"brief": asdict(brief), "model_port": MODEL_PORT, "line_port": line, "word": word}


def _outing(
    persona: Persona, bench: PerformanceBench, *, ports: tuple[int, int], word: str
) -> Session:
    around = surroundings(bench.scene.seed)
    app_port, line_port = ports
    return Session(
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
    kept(folder / "out", into=keep)
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
