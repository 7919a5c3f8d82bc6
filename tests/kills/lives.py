"""A factory that dies at every side effect: each life is a process of its own, ended by SIGKILL
right before an effect before which none has died yet, until one comes to rest. Run as a program on
a world's folder; prints what happened as JSON.

    python -m tests.kills.lives FOLDER [--nowhere | --before EFFECTS] [--broken BRAKE and BRAKE …]

`--nowhere` does not die at all, `--before` once before each of these lines. The imports are made once: a life is a fork.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.factory.pipeline.tick import tick
from harness.factory.run.services import Places, Services
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.log import Log
from harness.operations.drill.stand_ins import FreeBroker, ObedientAgent, ObedientModel
from harness.operations.maintenance.gc import sweep_home
from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from harness.store.clock import SystemClock
from harness.store.durable.engine import Durable
from harness.store.ledger.sqlite import SqliteLedger
from harness.store.lock import sole_factory
from harness.store.orphans import end_orphans
from harness.validator.envelope import key_id
from harness.validator.program import ValidatorProgram
from tests.fakes.people import FakeSandbox
from tests.kills.broken import BROKEN
from tests.kills.effects import tell_effects
from tests.kills.world import REPOSITORY_ID, World, read_world

MOST_LIVES = 600
# what the life before was just starting has its lock until it is another program
FORKED_SECONDS = 600.0
HEAD, ENTRY = "rename ledger.head", "rows entries "
LATE = (
    "betterleaks",
    "git",
    "github",
    "jinja2",
    "jsonschema",
    "markdown_it",
    "requests",
    "sqlite3",
)
JUDGE = Path(__file__).with_name("judge.py")


class StartedBoxes(FakeSandbox):
    """Boxes that are started as a process, and whose project's tests pass."""

    def run(self, spec, *, stdin=b""):
        subprocess.run(["true", "box"], check=True)
        return super().run(spec, stdin=stdin)


@dataclass
class Reaper:
    """Ends this process before an effect: the first of those that are chosen, or of all, before
    which nobody has died."""

    world: World
    before: tuple[str, ...] = ()
    everywhere: bool = False
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._died = (
            set(self.world.deaths.read_text().splitlines()) if self.world.deaths.exists() else set()
        )
        self._lock = threading.Lock()
        self._quiet = threading.local()

    def __call__(self, name: str) -> None:
        if getattr(self._quiet, "on", False):
            return
        with self._lock:
            # The same file each time, after an entry of another kind.
            if name == HEAD:
                entries = (one for one in reversed(self.seen) if one.startswith(ENTRY))
                name = f"{name} after {next(entries, ENTRY).split()[2:3]}"
            self.seen.append(name)
            if name not in self._died and (self.everywhere or name in self.before):
                self._die(name)

    def _die(self, name: str) -> None:
        self._quiet.on = True
        with self.world.deaths.open("a") as file:
            file.write(f"{name}\n")
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


def services_of(world: World) -> Services:
    places = Places(world.home, REPOSITORY_ID)
    remote = Remote(world.clone_url, lambda: world.token)
    trusted = TrustedRepository(places.trusted, remote)
    hub = GitHubForge(Access(world.repository, world.token, world.api))
    public = places.signing_key.with_name("validator.key.pub")
    judge = ValidatorProgram(
        public,
        {"PATH": os.environ["PATH"]},
        places.runs,
        sealed=places.sealed,
        command=(
            sys.executable,
            "-I",
            "-S",
            str(JUDGE),
            _packages(),
            str(places.signing_key),
            world.outcomes,
        ),
    )
    clock = SystemClock()
    return Services(
        places=places,
        forge=hub,
        writer=hub,
        repository=trusted,
        worktrees=RunWorktrees(trusted, places.worktrees),
        candidates=TrustedCandidates(trusted),
        sandbox=StartedBoxes(),
        agent=ObedientAgent(),
        model=ObedientModel(),
        broker=FreeBroker(),
        validator=judge,
        ledger=SqliteLedger(world.home, clock),
        clock=clock,
        wheels=world.folder / "wheels",
        sandbox_command=("box",),
        trusted_keys=frozenset({key_id(public)}),
        link=lambda path: f"{world.web}/{path}",
        log=Log(),
    )


def live(world: World, broken: str, *, sweeps: bool = False) -> None:
    """One life, as `factory tick` lives it, and with `sweeps` as `factory up` once a day."""
    with sole_factory(world.home, command="a life", patience=FORKED_SECONDS):
        end_orphans(world.home)
        services = services_of(world)
        for brake in broken.split(" and ") if broken else ():
            services = BROKEN[brake](services)
        engine = Durable(world.home)
        engine.register(ACTION, node_action(services))
        engine.launch()
        try:
            tick(services, Dispatch(services, engine))
            if sweeps:
                sweep_home(services)
        finally:
            engine.close()
            services.ledger.close()


def lived(world: World, reaper: Reaper | None, broken: str) -> tuple[int, list[str]]:
    """How a life in a process of its own ended (its exit status), and the effects that it had."""
    told = world.folder / "seen.json"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            tempfile.tempdir = str(world.temporary)
            if reaper is not None:
                tell_effects(reaper, below=world.home)
            live(world, broken, sweeps=reaper is None)
            status = 0
        finally:
            if status:
                traceback.print_exc()
            if reaper is not None:
                reaper._quiet.on = True
                told.write_text(json.dumps(reaper.seen))
            sys.stderr.flush()
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(ended), json.loads(told.read_text()) if told.exists() else []


def warm() -> None:
    """Import what a life imports only when it needs it, so that each of them finds it here: the
    imports were most of a life."""
    for name in LATE:
        importlib.import_module(name)


def main() -> None:
    warm()
    folder, *how = sys.argv[1:]
    world = read_world(Path(folder))
    named = dict(pairwise(how))
    broken, before = named.get("--broken", ""), tuple(named.get("--before", "").splitlines())
    everywhere = "--nowhere" not in how and not before
    lives, code, effects, began = 0, -signal.SIGKILL, [], time.monotonic()
    while code == -signal.SIGKILL and lives < MOST_LIVES:
        lives += 1
        code, effects = lived(world, Reaper(world, before=before, everywhere=everywhere), broken)
    if code == 0:
        code, _ = lived(world, None, broken)
    deaths = world.deaths.read_text().splitlines() if world.deaths.exists() else []
    print(
        json.dumps(
            {
                "code": code,
                "lives": lives,
                "effects": list(dict.fromkeys(effects)),
                "deaths": deaths,
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    )


def _packages() -> str:
    import cryptography

    return str(Path(cryptography.__file__).parents[1])


if __name__ == "__main__":
    main()
