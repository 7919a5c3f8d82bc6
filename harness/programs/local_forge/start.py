"""Start a forge from another program, in a process and session of its own, and stop it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.domain.errors import ForgeError
from harness.domain.plain import JsonDict

# One second is usual. An early exit is noticed at once, so only a busy machine waits this long.
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02
PROGRAM = ("-m", "harness.programs.local_forge")


@dataclass(frozen=True, slots=True)
class RunningForge:
    """A forge that listens. `url` is like `http://localhost:8300`; `api` is the base of the API."""

    url: str
    port: int
    pid: int
    home: Path
    # None: another process started it.
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False, compare=False)

    @property
    def api(self) -> str:
        """What PyGithub calls the base URL."""
        return f"{self.url}/api/v3"

    @property
    def admin_token(self) -> Path:
        """The file with the administrator's token."""
        return self.home / "admin.token"

    def stop(self) -> None:
        """Stop the server: SIGTERM, and SIGKILL after STOP_SECONDS. Stopping twice is fine."""
        if self.process is None:
            _end_other_server(self.home, self.pid)
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def start(
    home: Path,
    *,
    port: int = 0,
    open_door: bool = False,
    evidence: Path | None = None,
    rate_limit: int | None = None,
    keep: bool = False,
    seconds: float = READY_SECONDS,
    pick: bool = False,
    program: Sequence[str] = PROGRAM,
    popen: "Callable[..., subprocess.Popen[bytes]]" = subprocess.Popen,
) -> RunningForge:
    """Start a forge on `home` and wait until it listens. Raises ForgeError with the forge's own
    message otherwise.

    Without `keep` the forge ends with the calling process, even if that is killed. With `keep` only
    `stop` ends it. `program` is what Python runs, with the options of `__main__`.
    Its log is `home/forge.log`. `popen` starts the process.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready = home / f"ready.{os.getpid()}.{time.monotonic_ns()}"
    options = [
        *(["--open"] if open_door else []),
        *(["--pick"] if pick else []),
        *(["--evidence", str(evidence)] if evidence else []),
        *([] if keep else ["--lifeline"]),
        *(["--rate-limit", str(rate_limit)] if rate_limit is not None else []),
    ]
    log = home / "forge.log"
    arguments = [*program, "--port", str(port), "--ready-file", str(ready), *options]
    process = _spawned(popen, home, arguments, log, keep)
    try:
        document = _ready_document(ready, process, seconds=seconds)
    finally:
        ready.unlink(missing_ok=True)
    if document is None:
        process.kill()
        process.wait()
        log_text = log.read_text(encoding="utf-8", errors="replace").strip()
        raise ForgeError(
            f"the local forge did not start: {log_text or f'not ready within {seconds:g} s'}"
            f" (log: {log})"
        )
    return RunningForge(document["url"], document["port"], process.pid, home, process)


def running(home: Path) -> RunningForge | None:
    """The forge that listens on `home`, whoever started it; None when none does."""
    try:
        document = json.loads((home / "forge.json").read_text(encoding="ascii"))
        return (
            RunningForge(document["url"], document["port"], document["pid"], home)
            if _is_held(home)
            else None
        )
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _spawned(
    popen: "Callable[..., subprocess.Popen[bytes]]",
    home: Path,
    arguments: list[str],
    log: Path,
    keep: bool,
) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return popen(
            # -I: neither the caller's PYTHONPATH nor the working folder may add modules.
            [sys.executable, "-I", *arguments, "--home", str(home)],
            # The lifeline: the kernel closes this pipe when the calling process ends.
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8"},
            cwd=home,
            start_new_session=True,
        )


def _ready_document(
    ready: Path, process: "subprocess.Popen[bytes]", *, seconds: float
) -> JsonDict | None:
    """The content of the ready file; None when the process ended first, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if ready.exists():
            return dict(json.loads(ready.read_text(encoding="ascii")))
        time.sleep(_POLL_SECONDS)
    return None


def _is_held(home: Path) -> bool:
    """Whether a server holds the home's lock."""
    # The kernel releases a lock however its holder ended. The lock is shared, so that two callers
    # of this function do not take each other for a server.
    with (home / "forge.lock").open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _end_other_server(home: Path, pid: int) -> None:
    """Stop a server that another process started."""
    deadline = time.monotonic() + STOP_SECONDS
    # Only while the lock is held is the pid the server's. Later the kernel may give it to another
    # process.
    if _is_held(home):
        os.kill(pid, signal.SIGTERM)
    while _is_held(home) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
