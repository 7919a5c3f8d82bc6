"""Running instances of the app: one box, one socket, one copy of the data for each run of a
journey.

One box per run, not one for all: processes that share a box share /tmp, a uid and a process list,
so that an app could count its runs, or pass notes from the plain run to the masked one. Nine boxes
came up in 0.8 s on two cores, most of it the apps' own start. The launcher makes and listens on the
socket; an app is given the descriptor and never sees the folder, so it can plant nothing there."""

from __future__ import annotations

import http.client
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from validators.app.clock_library import LIBRARY, library
from validators.app.sandboxes import Bind, Sandbox, Sandboxes, SandboxSpec
from validators.app.side import TREE, Side
from validators.domain.journeys.clock import AHEAD
from validators.domain.stops import Inconclusive

CLOCK = "/clock"
PRELOAD = "LD_PRELOAD"
AT_ONCE = 3
POLL_SECONDS = 0.02
PROBE_SECONDS = 2.0
LAST_WORDS = 2_000  # bytes
IN_BACKGROUND = (
    ", with exit code 0, as a start command does that puts its server in the background: have it"
    " stay in front"
)


@dataclass(frozen=True, slots=True)
class Start:
    """How each instance is started and known to be ready: argv, the port's variable, a path, limits
    in seconds.

    `hostname` is the one that browsers will use, so that no request tells an app that it comes from
    the launcher. `clock_env` names the variable by which an app is told where its clock is; empty
    for an app that has none."""

    argv: tuple[str, ...]
    port_env: str
    ready: str
    ready_seconds: int
    wall_seconds: int
    hostname: str
    clock_env: str = ""


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """One instance that a run needs: `dial` is the port a browser asks for, `port` the one it
    listens on in its box.

    `clock` is the folder of a clock that the run may put forward, None for a run that does not
    travel. `asked_before`: how many requests the app answers, at the path that says it is ready,
    before its visitor comes; where it is `restarted` on its data, after that. By so many seconds
    its clock is `ahead`, whatever the app knows of that. `otherwise`: in a box of another form,
    where the operator allows one."""

    name: str
    dial: int
    port: int
    clock: Path | None = None
    asked_before: int = 0
    restarted: bool = False
    ahead: int = 0
    otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """Where an instance will answer: a socket that already listens, at a path the app itself never
    sees."""

    spec: InstanceSpec
    listening: socket.socket
    path: Path

    @property
    def log(self) -> Path:
        """Everything the instance prints."""
        return self.path.with_name("server.log")


@dataclass(frozen=True, slots=True)
class Instance:
    """A started instance behind its door; `deadline` is when it must answer, on the fleet's
    clock."""

    listener: Listener
    side: Side
    box: Sandbox
    deadline: float
    again: bool = False


@dataclass(frozen=True, slots=True)
class InstanceStarter:
    """Starts instances below a private folder; `stack` kills them when it is closed.
    `probe_seconds` is how long an instance may take to answer once."""

    start: Start
    sandboxes: Sandboxes
    folder: Path
    stack: ExitStack
    clock: Callable[[], float] = time.monotonic
    probe_seconds: float = PROBE_SECONDS

    def listeners(self, spec: Iterable[InstanceSpec]) -> tuple[Listener, ...]:
        """A listening socket for each instance, so that a browser's box can be given them before
        any app runs."""
        return tuple(self._door(each) for each in spec)

    def until_ready(
        self,
        sides: Iterable[tuple[Listener, Side]],
        *,
        ready: Callable[[Listener], None] = lambda listener: None,
        unless: Callable[[], bool] = lambda: False,
    ) -> tuple[Sandbox, ...]:
        """The box of an instance of each side behind its door, once all of them answer, or nobody
        needs them: `unless` says so.

        `ready` is told each door as soon as it answers. Raises Inconclusive when an instance ends
        or stays silent."""
        queue, waiting, sandboxes = list(sides), list[Instance](), list[Sandbox]()
        while (queue or waiting) and not unless():
            while queue and len(waiting) < AT_ONCE:
                waiting.append(self._started(*queue.pop(0)))
                sandboxes.append(waiting[-1].box)
            answering = [instance for instance in waiting if self._answers(instance)]
            if not answering:
                time.sleep(POLL_SECONDS)
            waiting = [instance for instance in waiting if instance not in answering]
            for instance in answering:
                if not instance.listener.spec.restarted or instance.again:
                    ready(instance.listener)
                    continue
                instance.box.stop()
                waiting.append(self._started(instance.listener, instance.side, again=True))
                sandboxes.append(waiting[-1].box)
        return tuple(sandboxes)

    def _door(self, spec: InstanceSpec) -> Listener:
        home = self.folder / spec.name
        home.mkdir()
        path = home / "app.sock"
        listening = self.stack.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(str(path))
        path.chmod(0o666)
        listening.listen(128)
        return Listener(spec, listening, path)

    def _started(self, listener: Listener, side: Side, *, again: bool = False) -> Instance:
        """A started instance; `again` on the data that the one before it has left."""
        data = listener.path.with_name("data") if side.data else None
        if side.data and data and not again:
            shutil.copytree(side.data, data)
        spec = self._spec(listener, side, data=data)
        box = self.stack.enter_context(
            self.sandboxes.started(spec, log=listener.log, otherwise=listener.spec.otherwise)
        )
        if again or not listener.spec.restarted:
            listener.listening.close()
        return Instance(listener, side, box, self.clock() + self.start.ready_seconds, again)

    def _spec(self, listener: Listener, side: Side, *, data: Path | None) -> SandboxSpec:
        port, clock, later = listener.spec.port, listener.spec.clock, _later(listener)
        return SandboxSpec(
            name="app",
            argv=self.start.argv,
            cwd=TREE,
            wall_seconds=self.start.wall_seconds,
            env={
                **dict(side.env),
                self.start.port_env: str(port),
                **self._clock(clock),
                **({PRELOAD: LIBRARY} if later else {}),
            },
            binds=(
                *side.binds(data),
                *((Bind(clock, CLOCK),) if clock else ()),
                *((Bind(later, LIBRARY),) if later else ()),
            ),
            serve=((port, listener.listening.fileno()),),
        )

    def _clock(self, clock: Path | None) -> dict[str, str]:
        return {self.start.clock_env: f"{CLOCK}/{AHEAD}"} if clock else {}

    def _answers(self, instance: Instance) -> bool:
        if self._answers_once(instance.listener):
            last = (
                instance.again or not instance.listener.spec.restarted
            )  # what it was asked before a restart, it has forgotten
            for _ in range(instance.listener.spec.asked_before if last else 0):
                self._answers_once(instance.listener)
            return True
        if instance.box.ended():
            raise Inconclusive(_ended(instance))
        if self.clock() > instance.deadline:
            seconds, path = self.start.ready_seconds, self.start.ready
            raise Inconclusive(
                f"the app did not become ready: no good answer to GET {path} within {seconds} s"
            )
        return False

    def _answers_once(self, listener: Listener) -> bool:
        host = f"{self.start.hostname}:{listener.spec.dial}"
        return answers(listener.path, self.start.ready, host=host, seconds=self.probe_seconds)


def _later(listener: Listener) -> Path | None:
    """The library under which this instance is started, where its clock is ahead and it reads none
    that could be."""
    if not listener.spec.ahead or listener.spec.clock:
        return None
    file = listener.path.with_name("ahead.so")
    file.write_bytes(library(listener.spec.ahead))
    file.chmod(0o644)
    return file


def _ended(instance: Instance) -> str:
    """How the app ended. What it said is for the operator's log alone: it is the change's own
    text."""
    told = instance.box.result()
    sys.stderr.write(
        "the last words of the app on the"
        f" {instance.side.name}:\n{_last_words(instance.listener.log)}\n"
    )
    words = f"the app did not become ready: on the {instance.side.name} it ended before it answered"
    if told.exit_code == 0:
        return words + IN_BACKGROUND
    return (
        f"{words},"
        f" {f'stopped by its {told.killed_by} limit' if told.killed_by else f'with exit code {told.exit_code}'}"
    )


def _last_words(log: Path) -> str:
    try:
        return log.read_bytes()[-LAST_WORDS:].decode("utf-8", "replace")
    except OSError:
        return "(none)"


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
