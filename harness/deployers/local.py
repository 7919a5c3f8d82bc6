"""The deployer of places on this machine: the landed tree in a sandbox behind a loopback port.

Properties:
- The tree comes from the trusted repository, and its packages from its own lock file, as the judge
  has them. The sandbox has no network; of this machine it reaches the ports of `lets_out` alone.
- A place is a process of its own, which outlives this one. It is found by its control socket, which
  only it can answer; no number of a process is ever believed.
- The app's data lie in the place's folder, and every release of the place uses them."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness.domain.deployment import Deployed, DeployOrder, Environment, Running
from harness.domain.errors import ConfigError, DeployError, SandboxError
from harness.domain.facts import UNKNOWN, Maybe
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.plain import JsonDict
from harness.domain.sandbox import Bind, Layer, SandboxLimits, SandboxSpec
from harness.folder_walk import delete
from harness.programs.sandbox.client import COMMAND, SandboxSupervisor

PROGRAM = (sys.executable, "-I", "-m", "harness.programs.local_place")
TREE, LAYER, DATA = "/app", "/opt/packages", "/data"
APP_PORT = 8080
LOOK_SECONDS, POLL_SECONDS, SPAWN_SECONDS = 15.0, 0.02, 20.0
LARGEST_ANSWER = 64 * 1024
# A place has no end of its own; its sandboxes have this one, and are started again.
WALL_SECONDS = 366 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class LocalDeployer:
    """The port `Deployer` for places of this machine, each below `folder`. `export` writes a tree
    into a folder. `lets_out`: ports of every app's sandbox that lead to a port of this machine, and
    `variables` what its app gets unless its own settings have it, for the error intake."""

    folder: Path
    export: Callable[[TreeSha, Path], None]
    lets_out: Mapping[int, int] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def prepare(self, order: DeployOrder) -> Deployed:
        """See the port."""
        until = time.monotonic() + order.seconds
        place = self._place(order.environment)
        if order.commit in self._up(place, until):
            return Deployed(order.commit, "it is up already")
        start = self._start(order, place, until)
        question = {"do": "prepare", "commit": order.commit, "start": start}
        _asked(place, question, seconds=_left(until))
        return Deployed(order.commit)

    def switch(self, order: DeployOrder) -> Deployed:
        """See the port."""
        until = time.monotonic() + order.seconds
        self.prepare(order)
        place = self._place(order.environment)
        _asked(place, {"do": "switch", "commit": order.commit}, seconds=_left(until))
        return Deployed(order.commit)

    def running(self, environment: Environment) -> Maybe[Running | None]:
        """See the port."""
        try:
            return self._serves(self._place(environment))
        except _NobodyThere:
            # Whoever else has the port, it is nothing of ours.
            return UNKNOWN if _is_taken(_port_of(environment)) else None

    def retire(self, environment: Environment, keep: Collection[CommitSha]) -> None:
        """See the port."""
        place = self._place(environment)
        try:
            answer = _asked(place, {"do": "retire", "keep": list(keep)}, seconds=LOOK_SECONDS)
        except _NobodyThere:
            return
        for tree in (place / "trees").glob("*"):
            if tree.name.removesuffix(".new") not in {*keep, *answer["up"]}:
                delete(tree)

    def places(self) -> dict[str, Maybe[Running | None]]:
        """What each place serves that was ever made here, by its name: None where nothing runs."""
        found: dict[str, Maybe[Running | None]] = {}
        for place in sorted(self.folder.glob("*/")):
            try:
                found[place.name] = self._serves(place)
            except _NobodyThere:
                found[place.name] = None
        return found

    def stop(self, name: str) -> None:
        """End the place of this name and all that runs there; its data stay. A deployment serves it
        again. Raises DeployError where it does not answer, or does not end."""
        place = self.folder / name
        try:
            _asked(place, {"do": "end"}, seconds=LOOK_SECONDS)
        except _NobodyThere:
            return
        until = time.monotonic() + LOOK_SECONDS
        while _is_held(place / "place.lock"):
            if time.monotonic() > until:
                raise DeployError(f"{name} did not end within {LOOK_SECONDS:g} s")
            time.sleep(POLL_SECONDS)

    def _place(self, environment: Environment) -> Path:
        return self.folder / environment.name

    def _serves(self, place: Path) -> Maybe[Running | None]:
        """What a place's process answers. Raises _NobodyThere where there is none."""
        try:
            answer = _asked(place, {"do": "running"}, seconds=LOOK_SECONDS)
        except _NobodyThere:
            raise
        except DeployError:
            return UNKNOWN
        commit = str(answer["commit"])
        return Running(CommitSha(commit), f"place {place.name}") if commit else None

    def _up(self, place: Path, until: float) -> Collection[str]:
        """The commits that are known to be up there."""
        try:
            answer = _asked(place, {"do": "running"}, seconds=min(LOOK_SECONDS, _left(until)))
        except DeployError:
            return ()
        return {str(one) for one in answer["up"]}

    def _start(self, order: DeployOrder, place: Path, until: float) -> JsonDict:
        """What starts the release, as the place's program wants it. The place is served when this
        returns."""
        if not order.app.start:
            raise DeployError("[app] in factory.toml has no start command, so nothing can be run")
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        tree = self._exported(order, place)
        layer = _layer(order, tree, seconds=_left(until))
        data = place / "data"
        spec = _spec(order, tree, layer, data, self.variables)
        _seed(order, spec, data, seconds=_left(until))
        self._serve(order.environment, place, until)
        return {
            "spec": asdict(spec),
            "port": APP_PORT,
            "ready": order.app.ready,
            "seconds": min(float(order.app.ready_seconds), _left(until)),
            "lets_out": {str(port): real for port, real in self.lets_out.items()},
        }

    def _exported(self, order: DeployOrder, place: Path) -> Path:
        tree = place / "trees" / order.commit
        if not tree.is_dir():
            draft = tree.with_name(f"{tree.name}.new")
            delete(draft)
            draft.mkdir(parents=True)
            draft.chmod(0o755)
            self.export(order.tree, draft)
            # Whole or not there: a factory that is killed leaves no half tree to run.
            draft.rename(tree)
        return tree

    def _serve(self, environment: Environment, place: Path, until: float) -> None:
        """Start the place's process, unless it runs."""
        if self._is_served(place):
            return
        port, log = _port_of(environment), place / "place.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*PROGRAM, "--folder", str(place), "--port", str(port), "--supervisor", *COMMAND],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
            )
        deadline = min(until, time.monotonic() + SPAWN_SECONDS)
        while time.monotonic() < deadline and process.poll() is None:
            if self._is_served(place):
                return
            time.sleep(POLL_SECONDS)
        words = log.read_text("utf-8", errors="replace").strip()[-300:]
        if process.poll() is None:
            process.kill()
            process.wait()
        raise DeployError(
            f"the place {environment.name} cannot be served at {environment.url}:"
            f" {words or 'its process did not answer in time'}",
            retryable=True,
        )

    def _is_served(self, place: Path) -> bool:
        try:
            _asked(place, {"do": "running"}, seconds=LOOK_SECONDS)
        except _NobodyThere:
            return False
        except DeployError:
            return True
        return True


class _NobodyThere(DeployError):
    """No process serves the place."""


def _asked(place: Path, question: JsonDict, *, seconds: float) -> JsonDict:
    """The place's answer. Raises DeployError with its reason, _NobodyThere where there is none."""
    until = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(seconds)
        try:
            folder = os.open(place, os.O_PATH)
        except OSError as error:
            raise _NobodyThere(f"{place.name}: {error.strerror}") from error
        try:
            # By way of the descriptor: the kernel bounds the path of a socket.
            line.connect(f"/proc/self/fd/{folder}/control.sock")
        except OSError as error:
            raise _NobodyThere(f"{place.name}: nobody serves it ({error})") from error
        finally:
            os.close(folder)
        try:
            line.sendall(json.dumps(question).encode() + b"\n")
            text = b""
            while piece := line.recv(LARGEST_ANSWER):
                text += piece
                if len(text) > LARGEST_ANSWER or time.monotonic() > until:
                    raise ValueError("its answer has no end")
            answer: JsonDict = json.loads(text)
            if answer["ok"] is not True:
                raise DeployError(f"{place.name}: {answer['message']}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeployError(
                f"{place.name}: the place's process did not answer: {error}", retryable=True
            ) from error
    return answer


def _is_held(lock: Path) -> bool:
    """Whether the place's process has not ended yet: it holds this until then."""
    with lock.open("a", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _left(until: float) -> float:
    """The seconds that are left. Raises DeployError when there are none."""
    if (left := until - time.monotonic()) <= 0:
        raise DeployError("the deployment took longer than the environment allows", retryable=True)
    return left


def _port_of(environment: Environment) -> int:
    """The port of the environment's url. Raises ConfigError when it is not one of this machine."""
    url = urlsplit(environment.url)
    if url.scheme != "http" or url.hostname not in ("localhost", "127.0.0.1") or not url.port:
        raise ConfigError(
            f"environment {environment.name}: `local` serves an address like"
            f" http://localhost:8100, and {environment.url} is none",
            file="factory.toml",
        )
    return url.port


def _is_taken(port: int) -> bool:
    with socket.socket() as asked:
        asked.settimeout(2)
        return asked.connect_ex(("127.0.0.1", port)) == 0


def _layer(order: DeployOrder, tree: Path, *, seconds: float) -> Layer | None:
    name = order.app.lock
    if not name:
        return None

    def read(path: str) -> bytes | None:
        file = tree / path
        is_inside = file.resolve().is_relative_to(tree.resolve())
        return file.read_bytes() if is_inside and file.is_file() else None

    if (lock := read(name)) is None:
        raise DeployError(f"the commit has no lock file {name!r}, which factory.toml names")
    supervisor = SandboxSupervisor(Path(order.layers), form=order.sandbox.form)
    try:
        return supervisor.layer(
            lock,
            name=name,
            wheels=Path(order.wheels),
            read=read,
            root=order.sandbox.root,
            seconds=seconds,
        )
    except SandboxError as error:
        raise DeployError(f"the packages: {error}", retryable=error.retryable) from error


def _spec(
    order: DeployOrder, tree: Path, layer: Layer | None, data: Path, variables: Mapping[str, str]
) -> SandboxSpec:
    """The app's sandbox, without the sockets that the place gives it."""
    app = order.app
    binds = (Bind(str(tree), TREE), *((layer.bind(TREE, apart=LAYER),) if layer else ()))
    own = {app.data: DATA} if app.data else {}
    return SandboxSpec(
        name=f"place-{order.environment.name}",
        argv=app.start,
        cwd=TREE,
        env={
            **(layer.env(apart=LAYER) if layer else {}),
            **variables,
            **app.env,
            **own,
            **order.variables,
            app.port_env: str(APP_PORT),
        },
        binds=(*binds, *((Bind(str(data), DATA, "rw"),) if app.data else ())),
        limits=SandboxLimits(wall_seconds=WALL_SECONDS, disk_mb=4096),
        form=order.sandbox.form,
        root=order.sandbox.root,
        shared=str(data) if app.data else "",
    )


def _seed(order: DeployOrder, spec: SandboxSpec, data: Path, *, seconds: float) -> None:
    """Make the app's data with its own seed command, once for the place."""
    if not order.app.data or data.is_dir():
        return
    draft = data.with_name("data.new")
    delete(draft)
    draft.mkdir()
    if order.app.seed_command:
        binds = (*spec.binds[:-1], Bind(str(draft), DATA, "rw"))
        seeding = SandboxSpec(
            name="seed",
            argv=order.app.seed_command,
            cwd=TREE,
            env=spec.env,
            binds=binds,
            limits=SandboxLimits(wall_seconds=seconds),
            form=spec.form,
            root=spec.root,
        )
        found = SandboxSupervisor(Path(order.layers), form=order.sandbox.form).run(seeding)
        if not found.ok:
            words = " ".join(found.stderr.decode("utf-8", "replace").split())[-300:]
            raise DeployError(f"the seed command ended with {found.exit_code}: {words}")
    draft.rename(data)
