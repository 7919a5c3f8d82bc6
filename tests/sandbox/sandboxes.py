"""Real sandboxes, started as anyone starts them: by the supervisor's command and a
specification."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SUPERVISOR = (sys.executable, "-I", "-m", "harness.programs.sandbox")
# Of this process alone: the kernel counts the tasks of a uid on the whole machine, and the forms
# without groups count them too.
ORDINARY_UID = 61000 + os.getpid() % 4000
AS_ROOT = os.geteuid() == 0
# seconds that stand for a hang: whoever passes does not wait for them, however busy the machine is
NEVER_ENDS = 600
# a sandbox whose time is not what is shown here
PATIENT = {"wall_seconds": 300}
# On one machine there are up to four kinds of sandbox: as root with a uid of its own; with a user
# namespace, which is another thing for root (whom the kernel exempts from limits) than for an
# ordinary account; and without any namespace, which is for an ordinary account alone.
FORMS = (
    ("bwrap-root", "bwrap-userns", "bwrap-userns, ordinary account", "landlock, ordinary account")
    if AS_ROOT
    else ("bwrap-userns", "landlock")
)

EACH = tuple(pytest.param(form, marks=pytest.mark.sample(2, of="sandboxes")) for form in FORMS)
"""For a fixture called `sandboxes`: `make test` runs a test in two of these, `make soak` in all."""


@dataclass
class Ended:
    """How a supervisor ended, and what it printed."""

    code: int
    out: bytes
    err: bytes
    result: dict[str, Any] | None

    @property
    def text(self) -> str:
        return self.out.decode()


@dataclass
class Sandboxes:
    """Starts sandboxes of one form. The supervisor's account can read `folder`."""

    form: str
    wrapper: tuple[str, ...]
    folder: Path
    # the supervisor runs as an account that is nobody, though this process is root
    ordinary: bool = False
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def place(self, name: str) -> Path:
        """A new folder of the host that belongs to the supervisor's account."""
        made = self.folder / name
        made.mkdir()
        self.own(made)
        return made

    def own(self, path: Path) -> None:
        """Give a path to the account that the supervisor runs as."""
        if self.ordinary:
            os.chown(path, ORDINARY_UID, ORDINARY_UID, follow_symlinks=False)

    def command(self, *argv: str, **spec: Any) -> tuple[list[str], Path]:
        """The supervisor's command line for `argv` in a sandbox, and the path of the result.

        Limits that `limits` leaves out have their defaults, except the wall clock, which is
        patient.
        """
        number = len(list(self.folder.glob("spec-*.json")))
        document, result = (
            self.folder / f"spec-{number}.json",
            self.place(f"result-{number}") / "result.json",
        )
        document.write_text(
            json.dumps(
                {
                    "name": "t",
                    "argv": argv,
                    "form": self.form,
                    "result": str(result),
                    **spec,
                    "limits": {**PATIENT, **spec.get("limits", {})},
                }
            )
        )
        return [*self.wrapper, *SUPERVISOR, "run", "--spec", str(document)], result

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        around: dict[str, str] | None = None,
        fds: tuple[int, ...] = (),
        **spec: Any,
    ) -> Ended:
        """Run a sandbox to its end. `around` is the supervisor's environment, not the sandbox's."""
        command, result = self.command(*argv, **spec)
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            env=around or {},
            pass_fds=fds,
            timeout=NEVER_ENDS,
        )
        found = json.loads(result.read_text()) if result.exists() else None
        return Ended(done.returncode, done.stdout, done.stderr, found)

    def python(self, code: str, *arguments: str, **options: Any) -> Ended:
        """Run Python code in a sandbox."""
        return self.run("python", "-I", "-c", code, *arguments, **options)

    def a_while(self) -> float:
        """Wall clock seconds in which a sandbox of this form surely starts, however busy this
        machine is.

        A sandbox's wall clock runs from before it is made, so a test that lets it run out adds
        this.
        """
        return 2 + 5 * float(self.run("true").result["seconds"])

    def start(
        self,
        *argv: str,
        around: dict[str, str] | None = None,
        fds: tuple[int, ...] = (),
        **spec: Any,
    ) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a sandbox and return at once: the supervisor (or its wrapper), and the path of
        the result."""
        command, result = self.command(*argv, **spec)
        process = subprocess.Popen(
            command,
            env=around or {},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=fds,
            start_new_session=True,
        )
        self.running.append(process)
        return process, result

    def supervisor_of(self, process: subprocess.Popen[bytes]) -> int:
        """The pid of the supervisor itself: the wrapper of the ordinary account is its parent."""
        if not self.wrapper:
            return process.pid
        return until(lambda: next(iter(children(process.pid)), 0))

    def close(self) -> None:
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


def until(found: Callable[[], Any], *, seconds: float = 120) -> Any:
    """The first true answer; fails when there is none in time."""
    give_up = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < give_up, "it did not come about in time"
        time.sleep(0.01)
    return answer


def children(pid: int) -> list[int]:
    """The children of a process, as far as it has any now."""
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def running_with(marker: str) -> list[int]:
    """The pids of all processes of this machine that have `marker` on their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if (
                marker.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
                and int(pid) != os.getpid()
            ):
                found.append(int(pid))
    return found


def _ordinary_account() -> tuple[str, ...]:
    """A command that runs another as an account that is nobody, which sees the interpreter and the
    project even where those lie in a folder that only root may enter."""
    command = ["bwrap", "--dev-bind", "/", "/"]
    needed = [os.path.realpath(sys.base_prefix), sys.prefix, str(PROJECT)]
    closed = sorted({f"/{path.split('/')[1]}" for path in needed if not _open_to_all(path)})
    for top in closed:
        command += ["--perms", "0755", "--tmpfs", top]
        for path in (path for path in needed if path.startswith(f"{top}/")):
            for parent in reversed(Path(path).parents[:-2]):
                command += ["--perms", "0755", "--dir", str(parent)]
            command += ["--ro-bind", path, path]
    return (
        *command,
        "--",
        "setpriv",
        f"--reuid={ORDINARY_UID}",
        f"--regid={ORDINARY_UID}",
        "--clear-groups",
    )


def _open_to_all(path: str) -> bool:
    return all(os.stat(parent).st_mode & 0o001 for parent in (path, *map(str, Path(path).parents)))


# Tries hard to stay: a daemon in a session of its own, with the standard streams kept open.
LINGER = """
import os, sys, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv("/usr/bin/sleep", ["sleep", sys.argv[1]])
        os._exit(0)
    os.wait()       # so the daemon is there
print("ready", flush=True)
time.sleep(float(sys.argv[2]))
"""


def a_marker() -> str:
    """A duration for sleep(1) that nobody else sleeps, to be found on a command line."""
    return f"{600 + secrets.randbelow(300)}.{secrets.randbelow(10**9):09}"


def groups_of(supervisor: int) -> list[Path]:
    """The control groups of this supervisor's sandbox that still exist."""
    # others come and go meanwhile
    there = (Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup"))
    return [folder for folder in there if folder.name.startswith(f"sandbox-{supervisor}-")]


def sandboxes_of(kind: str) -> Iterator[Sandboxes]:
    """Sandboxes of one kind, dead and their folder removed at the end."""
    # Not tmp_path: that lies in a folder which only the account of this process may enter, and it
    # may be below /dev/shm, where a sandbox has a place of its own.
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    folder.chmod(0o755)
    form, _, ordinary = kind.partition(", ")
    made = Sandboxes(form, _ordinary_account() if ordinary else (), folder, ordinary=bool(ordinary))
    made.own(folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder)
