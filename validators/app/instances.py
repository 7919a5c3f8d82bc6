"""Run instances of the app: one sandbox, one socket and one copy of the data for each run. Where
there is no app, an instance is a sandbox in which commands are run.

Properties:
- No two runs share a sandbox. Processes that do share /tmp, a uid and a process list, so an app
  could count its runs, or pass notes from the plain run to the masked one. (Nine sandboxes start in
  0.8 s on two cores, most of it the app's own start.)
- The launcher makes the socket and listens on it. An app gets the descriptor and never sees the
  folder, so it can put nothing there."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from validators.app.clock_library import LIBRARY, library
from validators.app.commands import CommandServer, CommandWorld, NotRun
from validators.app.sandboxes import Bind, Sandbox, Sandboxes, SandboxSpec, end_of
from validators.app.side import TREE, Side
from validators.domain.clock import AHEAD
from validators.domain.stops import Inconclusive

CLOCK = "/clock"
PRELOAD = "LD_PRELOAD"
PYTHON_PATH = "PYTHONPATH"
COMMAND_PATH = "/usr/local/bin:/opt/bin:/usr/bin:/bin"
AT_ONCE = 3
POLL_SECONDS = 0.02
PROBE_SECONDS = 2.0
# Bytes of a copy of an app's data. A file with holes, or with several names, takes more room in a
# copy than it took in the sandbox that made it.
MOST_DATA = 512 << 20
# Bytes of an app's output that go to the operator's log when it ends early.
LOG_TAIL = 2_000
IN_BACKGROUND = (
    ", with exit code 0, as a start command does that puts its server in the background: have it"
    " stay in front"
)


@dataclass(frozen=True, slots=True)
class Start:
    """How each instance is started: argv (empty: there is no app), the variable for its port, the
    path of `ready`, which answers once the app is ready, and limits in seconds. `commands` has the
    argv of each command that the repository names; `beside` starts what these need beside them,
    where there is no app that does.

    `hostname` is the one that browsers use, so that no request shows an app that it comes from the
    launcher. `clock_env` names the variable for the path of the app's clock; empty for an app that
    has no clock."""

    argv: tuple[str, ...]
    port_env: str
    ready: str
    ready_seconds: int
    wall_seconds: int
    hostname: str
    clock_env: str = ""
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """One instance that a run needs. A browser connects to port `dial`; in its sandbox the instance
    listens on `port`.

    `clock`: the folder of a clock that the run may put forward; None when it does not travel in
    time. `asked_before`: how many requests to its ready path the app answers before its visitor
    comes. `restarted`: it is restarted on its data before those. `ahead`: by how many seconds its
    clock is ahead, whether the app reads a clock file or not. `otherwise`: in a sandbox of another
    form, where the operator allows one. `world`: what commands find that are run in it, over the
    port `commands` of the browser's sandbox; None where none are."""

    name: str
    dial: int
    port: int
    clock: Path | None = None
    asked_before: int = 0
    restarted: bool = False
    ahead: int = 0
    otherwise: bool = False
    world: CommandWorld | None = None
    commands: int = 0


@dataclass(frozen=True, slots=True)
class Listener:
    """Where an instance will answer: a socket that listens already, at a path that the app never
    sees."""

    spec: InstanceSpec
    listening: socket.socket
    path: Path
    commands: CommandServer | None = None

    @property
    def commands_path(self) -> Path:
        """Where the driver asks for commands."""
        return self.path.with_name("commands.sock")

    @property
    def dialled(self) -> tuple[tuple[int, Path], ...]:
        """The ports of the driver's sandbox that lead to this instance."""
        commands = ((self.spec.commands, self.commands_path),) if self.commands else ()
        return ((self.spec.dial, self.path), *commands)

    @property
    def log(self) -> Path:
        """Everything the instance prints."""
        return self.path.with_name("server.log")


@dataclass(frozen=True, slots=True)
class Instance:
    """A started instance. It must answer until `deadline`, on the starter's clock. `again`: it was
    restarted."""

    listener: Listener
    side: Side
    sandbox: Sandbox
    deadline: float
    again: bool = False


@dataclass(frozen=True, slots=True)
class InstanceStarter:
    """Starts instances below a private folder. `stack` kills them when it closes. An instance may
    take `probe_seconds` to answer one request."""

    start: Start
    sandboxes: Sandboxes
    folder: Path
    stack: ExitStack
    clock: Callable[[], float] = time.monotonic
    probe_seconds: float = PROBE_SECONDS

    def listeners(self, specs: Iterable[InstanceSpec]) -> tuple[Listener, ...]:
        """A listening socket for each instance: a browser's sandbox needs them before any app
        runs."""
        return tuple(self._listener(each) for each in specs)

    def until_ready(
        self,
        sides: Iterable[tuple[Listener, Side]],
        *,
        ready: Callable[[Listener], None] = lambda listener: None,
        unless: Callable[[], bool] = lambda: False,
        if_needed: Iterable[tuple[Listener, Side]] = (),
        needed: Callable[[], Container[int]] = tuple,
    ) -> tuple[Sandbox, ...]:
        """Start one instance for each listener, and return their sandboxes once all answer.

        It calls `ready` with each listener whose instance answers, and returns early when `unless`
        becomes true. Those of `if_needed` are started before the others, once their port is among
        those that are `needed`. Raises Inconclusive when an instance ends or does not answer in
        time."""
        queue, waiting, sandboxes = list(sides), list[Instance](), list[Sandbox]()
        held_back = list(if_needed)
        while (queue or waiting or held_back) and not unless():
            ports = needed() if held_back else ()
            queue = [*(one for one in held_back if one[0].spec.dial in ports), *queue]
            held_back = [one for one in held_back if one[0].spec.dial not in ports]
            while queue and len(waiting) < AT_ONCE:
                waiting.append(self._started(*queue.pop(0)))
                sandboxes.append(waiting[-1].sandbox)
            answering = [instance for instance in waiting if self._answers(instance)]
            if not answering:
                time.sleep(POLL_SECONDS)
            waiting = [instance for instance in waiting if instance not in answering]
            for instance in answering:
                if not instance.listener.spec.restarted or instance.again:
                    ready(instance.listener)
                    continue
                # It answers for the first time: restart it on the data that it has now.
                instance.sandbox.stop()
                waiting.append(self._started(instance.listener, instance.side, again=True))
                sandboxes.append(waiting[-1].sandbox)
        return tuple(sandboxes)

    def _listener(self, spec: InstanceSpec) -> Listener:
        home = self.folder / spec.name
        home.mkdir()
        path = home / "app.sock"
        listening = self.stack.enter_context(_listening(path))
        if spec.world is None:
            return Listener(spec, listening, path)
        asked = _listening(home / "commands.sock")
        beside = () if self.start.argv else self.start.beside
        commands = CommandServer(asked, spec.world, self.start.commands, beside)
        self.stack.callback(commands.close)
        commands.start()
        return Listener(spec, listening, path, commands)

    def _started(self, listener: Listener, side: Side, *, again: bool = False) -> Instance:
        """A started instance; with `again`, on the data that the one before it has left."""
        data = listener.path.with_name("data") if side.data else None
        if side.data and data and not again:
            _copy_data(side, data)
        spec = self._spec(listener, side, data=data)
        with ExitStack() as ours:
            if listener.commands:
                spec = self._with_commands(spec, listener, listener.commands, ours)
            sandbox = self.stack.enter_context(
                self.sandboxes.started(spec, log=listener.log, otherwise=listener.spec.otherwise)
            )
        # The last instance has its own copy of the descriptor; ours would keep connections waiting
        # after it has ended.
        if again or not listener.spec.restarted:
            listener.listening.close()
        return Instance(listener, side, sandbox, self.clock() + self.start.ready_seconds, again)

    def _spec(self, listener: Listener, side: Side, *, data: Path | None) -> SandboxSpec:
        port, clock = listener.spec.port, listener.spec.clock
        preload = _clock_library(listener)
        return SandboxSpec(
            name="app",
            argv=self.start.argv,
            cwd=TREE,
            wall_seconds=self.start.wall_seconds,
            env={
                **dict(side.env),
                self.start.port_env: str(port),
                **self._clock(clock),
                **({PRELOAD: LIBRARY} if preload else {}),
            },
            binds=(
                *side.binds(data),
                *((Bind(clock, CLOCK),) if clock else ()),
                *((Bind(preload, LIBRARY),) if preload else ()),
            ),
            serve=((port, listener.listening.fileno()),) if self.start.argv else (),
            of_app=True,
        )

    def _with_commands(
        self, spec: SandboxSpec, listener: Listener, commands: CommandServer, ours: ExitStack
    ) -> SandboxSpec:
        """The sandbox with a home, and a line over which commands are run in it. `ours` closes what
        belongs to the sandbox once it has its copy."""
        world = commands.world
        line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.enter_context(theirs)
        commands.connect(line)
        home = listener.path.with_name("home")
        # Not again after a restart: a command may have put something else there, and a link would
        # lead out of it.
        if not home.exists():
            (home / Path(world.cwd).relative_to(world.home)).mkdir(parents=True)
            for name, text in world.files.items():
                (home / name).write_text(text)
        own = {"HOME": world.home, **world.env}
        found = {name: value for name, value in spec.env.items() if name != self.start.port_env}
        found |= {self.start.port_env: spec.env[self.start.port_env]} if spec.argv else {}
        joined = ":".join(filter(None, (found.get(PYTHON_PATH), TREE, f"{TREE}/src")))
        commands.world = replace(
            world, env={"PATH": COMMAND_PATH, **own, **found, PYTHON_PATH: joined}
        )
        return replace(
            spec,
            binds=(*spec.binds, Bind(home, world.home, "rw")),
            commands=theirs.fileno(),
            user=world.user,
            home=world.home,
            hostname=world.hostname,
        )

    def _clock(self, clock: Path | None) -> dict[str, str]:
        return {self.start.clock_env: f"{CLOCK}/{AHEAD}"} if clock else {}

    def _answers(self, instance: Instance) -> bool:
        # Without an app, an instance is ready once commands can be run in it.
        commands, app = instance.listener.commands, bool(self.start.argv)
        answers = not app or self._answers_once(instance.listener)
        if answers and (commands is None or self._commands_ready(commands, instance)):
            # Requests before a restart would not count: the app may forget them.
            last = app and (instance.again or not instance.listener.spec.restarted)
            for _ in range(instance.listener.spec.asked_before if last else 0):
                self._answers_once(instance.listener)
            return True
        if instance.sandbox.ended():
            raise Inconclusive(_ended(instance))
        if self.clock() > instance.deadline:
            seconds, path = self.start.ready_seconds, self.start.ready
            late = f"no good answer to GET {path}" if app else "its services did not start"
            raise Inconclusive(f"the app did not become ready: {late} within {seconds} s")
        return False

    def _commands_ready(self, commands: CommandServer, instance: Instance) -> bool:
        try:
            return commands.ready(self.start.ready_seconds)
        except NotRun as error:
            # As with an app that ends: what services print is for the operator alone.
            words = str(error)[-LOG_TAIL:]
            sys.stderr.write(f"the services on the {instance.side.name}: {words}\n")
            raise Inconclusive(
                f"the services of the commands did not start on the {instance.side.name}"
            ) from None

    def _answers_once(self, listener: Listener) -> bool:
        host = f"{self.start.hostname}:{listener.spec.dial}"
        return answers(listener.path, self.start.ready, host=host, seconds=self.probe_seconds)


def _copy_data(side: Side, data: Path) -> None:
    """Copy what the app's own seed command has left. Raises Inconclusive when it cannot be
    copied, or would take more than MOST_DATA."""
    left = MOST_DATA

    def copied(source: str, target: str) -> str:
        nonlocal left
        if (left := left - os.lstat(source).st_size) < 0:
            raise Inconclusive(
                f"what the seed command of the {side.name} left in its data folder takes more than"
                f" {MOST_DATA >> 20} MiB as a copy"
            )
        return shutil.copy2(source, target)

    try:
        # A link stays one: this account can read what no app may see.
        shutil.copytree(str(side.data), data, symlinks=True, copy_function=copied)
    except (OSError, RecursionError) as error:
        raise Inconclusive(
            f"what the seed command of the {side.name} left in its data folder cannot be copied:"
            f" {type(error).__name__}"
        ) from error


def _listening(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    # The browser's sandbox connects as another uid.
    path.chmod(0o666)
    listening.listen(128)
    return listening


def _clock_library(listener: Listener) -> Path | None:
    """The library that puts this instance's clock ahead; None when it has a clock file, or is not
    ahead."""
    if not listener.spec.ahead or listener.spec.clock:
        return None
    file = listener.path.with_name("ahead.so")
    file.write_bytes(library(listener.spec.ahead))
    file.chmod(0o644)
    return file


def _ended(instance: Instance) -> str:
    """How the app ended. Its output goes to the operator's log only, because it is the change's own
    text."""
    name, result = instance.side.name, instance.sandbox.result()
    try:
        output = end_of(instance.listener.log, LOG_TAIL)
    except OSError:
        output = "(none)"
    sys.stderr.write(f"the last output of the app on the {name}:\n{output}\n")
    message = f"the app did not become ready: on the {name} it ended before it answered"
    if result.exit_code == 0:
        return message + IN_BACKGROUND
    if result.killed_by:
        return f"{message}, stopped by its {result.killed_by} limit"
    return f"{message}, with exit code {result.exit_code}"


def answers(path: Path, target: str, *, host: str, seconds: float = PROBE_SECONDS) -> bool:
    """True if GET `target` through the unix socket is answered with a status below 400."""
    connection = http.client.HTTPConnection(host, timeout=seconds)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(seconds)
        connection.sock.connect(str(path))
        connection.request("GET", target, headers={"Accept": "*/*"})
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
