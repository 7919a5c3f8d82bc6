"""The box supervisor, driven as a program: one JSON specification in, one result file out.

Properties kept: a box is stopped when its handle's block is left, by whatever way; and supervisors
die with this program (see `fork_server`), so that a launcher killed with -9 leaves no box behind. Start
boxes from the main thread."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from validators.app.fork_server import ENV, Supervisor, fork_server
from validators.domain.stops import Inconclusive

STOP_SECONDS, DEATH_SECONDS = 5, 60
NO_SANDBOX = 125


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder or file of the host as the box sees it; `mode` is ro or rw."""

    source: Path
    target: str
    mode: str = "ro"


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What runs in a box and all that it can see. Seconds are wall-clock; sizes are mebibytes."""

    name: str
    argv: tuple[str, ...]
    cwd: str
    wall_seconds: int
    env: Mapping[str, str] = field(default_factory=dict)
    binds: tuple[Bind, ...] = ()
    distributions: tuple[str, ...] = ()
    dial: tuple[tuple[int, Path], ...] = ()
    serve: tuple[tuple[int, int], ...] = ()
    browser: bool = False
    memory_mb: int = 1024
    pids: int = 256
    disk_mb: int = 256

    def document(self, *, form: str, result: Path) -> dict[str, Any]:
        """The specification as the supervisor reads it."""
        limits = {
            "wall_seconds": self.wall_seconds,
            "memory_mb": self.memory_mb,
            "pids": self.pids,
            "disk_mb": self.disk_mb,
        }
        return {
            "name": self.name,
            "argv": list(self.argv),
            "cwd": self.cwd,
            "env": dict(self.env),
            "hostname": "localhost",
            "binds": [
                {"source": str(b.source), "target": b.target, "mode": b.mode} for b in self.binds
            ],
            "distributions": list(self.distributions),
            "dial": [{"port": port, "socket": str(socket)} for port, socket in self.dial],
            "serve": [{"port": port, "fd": fd} for port, fd in self.serve],
            "browser": self.browser,
            "limits": {**limits, "file_mb": self.disk_mb, "open_files": 1024},
            "form": form,
            "result": str(result),
        }


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """How a box ended. `form` names the box that held it, `unheld` what that form could not
    hold."""

    form: str
    unheld: tuple[str, ...]
    exit_code: int | None
    killed_by: str | None


class Sandbox:
    """A started box. Use as a context manager: leaving the block kills it and everything in it."""

    def __init__(self, name: str, supervisor: Supervisor, *, result: Path) -> None:
        self.name = name
        self._supervisor = supervisor
        self._result = result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def send(self, data: bytes, *, more: bool = False) -> None:
        """Write to the boxed command's standard input, and close it unless there is more to come.

        A box that is already dead is not an error here."""
        with suppress(BrokenPipeError):
            self._supervisor.stdin.write(data)
            self._supervisor.stdin.flush()
        if not more:
            self._end_input()

    def ended(self) -> bool:
        """True once the supervisor, and with it the box, is gone."""
        return self._supervisor.waited(0)

    def waited(self, seconds: float) -> bool:
        """True if the box ended by itself within this time."""
        return self._supervisor.waited(seconds)

    def dismiss(self) -> None:
        """Ask the supervisor to kill the box, without waiting: many that die at once die sooner."""
        self._supervisor.signalled(signal.SIGTERM)

    def stop(self) -> None:
        """Kill the box if it still runs, and reap its supervisor."""
        self._end_input()
        self.dismiss()
        if not self.waited(STOP_SECONDS):
            self._supervisor.signalled(signal.SIGKILL)
            self.waited(DEATH_SECONDS)

    def _end_input(self) -> None:
        with suppress(BrokenPipeError):  # what a dead box never read
            self._supervisor.stdin.close()

    def result(self) -> SandboxResult:
        """How it ended. Raises Inconclusive when no box could be made, or nothing tells how it
        ended."""
        try:
            facts = json.loads(self._result.read_bytes())
            return SandboxResult(
                facts["form"], tuple(facts["unheld"]), facts["exit_code"], facts["killed_by"]
            )
        except (OSError, ValueError, KeyError) as error:
            code = self._supervisor.code
            why = (
                "no box could be made here"
                if code == NO_SANDBOX
                else f"its supervisor ended with {code} and no result"
            )
            raise Inconclusive(
                f"the box {self.name!r}: {why}; run the supervisor's `probe` to see what holds"
            ) from error


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """Starts boxes with one supervisor command and one form; their papers go to `folder`, which is
    private.

    `other_form` is that of the boxes which are to look otherwise, empty where all are of one
    form."""

    command: tuple[str, ...]
    form: str
    folder: Path
    other_form: str = ""

    def started(
        self, spec: SandboxSpec, *, log: Path, stdout: Path | None = None, otherwise: bool = False
    ) -> Sandbox:
        """A running box whose standard error, and output unless it has a file of its own, go to
        `log`."""
        form = self.other_form if otherwise and self.other_form else self.form
        papers = Path(tempfile.mkdtemp(prefix=f"{spec.name}-", dir=self.folder))
        spec_file, result = papers / "spec.json", papers / "result.json"
        spec_file.write_text(json.dumps(spec.document(form=form, result=result)))
        served = {fd: fd for _, fd in spec.serve}
        with log.open("ab") as errors, (stdout or log).open("ab") as output:
            supervisor = fork_server(self.command).supervisor(
                "run",
                "--spec",
                str(spec_file),
                output=output.fileno(),
                errors=errors.fileno(),
                descriptors=served,
            )
        return Sandbox(spec.name, supervisor, result=result)

    def output(self, *arguments: str, seconds: float) -> str:
        """What the supervisor's own command prints (`layer`, `probe`). Raises Inconclusive with its
        last words.

        Unlike a box's, its environment has what this process was given: pip needs to know how to
        reach an index."""
        argv = ("setpriv", "--pdeathsig", "TERM", "--", *self.command, *arguments)
        try:
            done = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                env={**os.environ, **ENV},
                timeout=seconds,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise Inconclusive(f"`{arguments[0]}` took more than {seconds:.0f} s") from error
        if done.returncode:
            words = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
            raise Inconclusive(f"`{arguments[0]}` of the box supervisor failed: {words[-1]}")
        return done.stdout.strip()
