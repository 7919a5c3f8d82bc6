"""Drive the sandbox supervisor as a program: one JSON specification in, one result file out.

Properties:
- A sandbox is stopped when the `with` block of its handle ends, however it ends.
- Supervisors die with this program (see `fork_server`): a launcher that is killed with -9 leaves no
  sandbox behind. Start sandboxes from the main thread."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from validators.app.fork_server import ENV, Supervisor, fork_server
from validators.domain.stops import Inconclusive

STOP_SECONDS, DEATH_SECONDS = 30, 60
NO_SANDBOX = 125
# Bytes of what a supervisor printed last.
LONGEST_LINE = 600


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder or file of the host as the sandbox sees it; `mode` is ro or rw."""

    source: Path
    target: str
    mode: str = "ro"


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What runs in a sandbox and all that it can see. Seconds are wall-clock, sizes mebibytes.
    `of_app`: it runs the app's own code, so it has the root file system that is meant for it.
    `commands`: the descriptor over which further commands are run in it, None for none; only then
    `argv` may be empty."""

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
    of_app: bool = False
    commands: int | None = None
    user: str = "app"
    home: str = "/tmp"  # noqa: S108 - the sandbox's own
    hostname: str = "localhost"

    def document(self, *, form: str, result: Path, root: str) -> dict[str, Any]:
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
            "hostname": self.hostname,
            "commands": self.commands,
            "user": self.user,
            "home": self.home,
            "binds": [
                {"source": str(b.source), "target": b.target, "mode": b.mode} for b in self.binds
            ],
            "distributions": list(self.distributions),
            "dial": [{"port": port, "socket": str(socket)} for port, socket in self.dial],
            "serve": [{"port": port, "fd": fd} for port, fd in self.serve],
            "browser": self.browser,
            "limits": {**limits, "file_mb": self.disk_mb, "open_files": 1024},
            "form": form,
            "root": root if self.of_app else "",
            "result": str(result),
        }


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """How a sandbox ended. `form` names its form, `unheld` the limits that this form could not
    enforce."""

    form: str
    unheld: tuple[str, ...]
    exit_code: int | None
    killed_by: str | None


class Sandbox:
    """A started sandbox. Use it as a context manager: the end of the block kills all in it."""

    def __init__(self, name: str, supervisor: Supervisor, *, result: Path, log: Path) -> None:
        self.name = name
        self._supervisor = supervisor
        self._result = result
        self._log = log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def send(self, data: bytes, *, more: bool = False) -> None:
        """Write to the standard input of the command in the sandbox, and close it unless there is
        more to come. It is no error if the sandbox has ended already."""
        with suppress(BrokenPipeError):
            self._supervisor.stdin.write(data)
            self._supervisor.stdin.flush()
        if not more:
            self._end_input()

    def ended(self) -> bool:
        """True once the supervisor, and with it the sandbox, has ended."""
        return self._supervisor.waited(0)

    def waited(self, seconds: float) -> bool:
        """True if the sandbox ended by itself within this time."""
        return self._supervisor.waited(seconds)

    def dismiss(self) -> None:
        """Ask the supervisor to kill the sandbox, without waiting: many end faster together."""
        self._supervisor.signalled(signal.SIGTERM)

    def stop(self) -> None:
        """Kill the sandbox if it still runs, and wait for its supervisor."""
        self._end_input()
        self.dismiss()
        if not self.waited(STOP_SECONDS):
            self._supervisor.signalled(signal.SIGKILL)
            self.waited(DEATH_SECONDS)

    def _end_input(self) -> None:
        # Data that a dead sandbox never read is still in the buffer.
        with suppress(BrokenPipeError):
            self._supervisor.stdin.close()

    def result(self) -> SandboxResult:
        """How it ended. Raises Inconclusive when no sandbox could be made, or it left no result."""
        try:
            facts = json.loads(self._result.read_bytes())
            return SandboxResult(
                facts["form"], tuple(facts["unheld"]), facts["exit_code"], facts["killed_by"]
            )
        except (OSError, ValueError, KeyError) as error:
            code = self._supervisor.code
            if code == NO_SANDBOX:
                # For the operator alone: it may name files of this machine.
                sys.stderr.write(f"the sandbox {self.name!r}: {_last_line(self._log)}\n")
            why = (
                "no sandbox could be made here"
                if code == NO_SANDBOX
                else f"its supervisor ended with {code} and no result"
            )
            raise Inconclusive(
                f"the sandbox {self.name!r}: {why}; run the supervisor's `probe` to see what holds"
            ) from error


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """Starts sandboxes with one supervisor command and one form. Specifications and results go to
    the private `folder`.

    `other_form` is the form of the sandboxes that should look different to an app; empty when all
    have one form. `root` is the root file system of the app's; empty: the machine's own."""

    command: tuple[str, ...]
    form: str
    folder: Path
    other_form: str = ""
    root: str = ""

    def started(
        self, spec: SandboxSpec, *, log: Path, stdout: Path | None = None, otherwise: bool = False
    ) -> Sandbox:
        """A running sandbox. Its standard error goes to `log`, and so does its output, unless
        `stdout` names another file."""
        form = self.other_form if otherwise and self.other_form else self.form
        own = Path(tempfile.mkdtemp(prefix=f"{spec.name}-", dir=self.folder))
        spec_file, result = own / "spec.json", own / "result.json"
        spec_file.write_text(json.dumps(spec.document(form=form, result=result, root=self.root)))
        served = {fd: fd for _, fd in spec.serve}
        served |= {spec.commands: spec.commands} if spec.commands is not None else {}
        with log.open("ab") as errors, (stdout or log).open("ab") as output:
            supervisor = fork_server(self.command).supervisor(
                "run",
                "--spec",
                str(spec_file),
                output=output.fileno(),
                errors=errors.fileno(),
                descriptors=served,
            )
        return Sandbox(spec.name, supervisor, result=result, log=log)

    def output(self, *arguments: str, seconds: float) -> str:
        """The output of a supervisor command (`layer`, `probe`). Raises Inconclusive with the
        command's last line."""
        # Unlike a sandbox, it gets this process's environment: pip must know how to reach an index.
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
            raise Inconclusive(f"`{arguments[0]}` of the sandbox supervisor failed: {words[-1]}")
        return done.stdout.strip()


def end_of(log: Path, size: int) -> str:
    """The last bytes of a log, as text. Nobody knows how long it is: an untrusted program wrote it.
    Raises OSError."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - size))
        return file.read(size).decode("utf-8", "replace")


def _last_line(log: Path) -> str:
    """The last line of a log, cut to what a person reads."""
    try:
        lines = end_of(log, LONGEST_LINE).split("\n")
    except OSError:
        return "(it left no word)"
    return next((line for line in reversed(lines) if line.strip()), "(it left no word)")
