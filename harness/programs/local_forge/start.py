"""Starting a forge from another program, and stopping it: a process of its own in a session of its
own."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.domain.errors import ForgeError

# a second is usual; who has ended is noticed at once, so only a busy machine waits
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class RunningForge:
    """A forge that listens. `url` is such as `http://localhost:8300`; the API is below `api`."""

    url: str
    port: int
    pid: int
    home: Path
    process: "subprocess.Popen[bytes] | None" = field(
        default=None, repr=False, compare=False
    )  # None: not ours

    @property
    def api(self) -> str:
        """What PyGithub calls the base URL."""
        return f"{self.url}/api/v3"

    @property
    def admin_token(self) -> Path:
        """The file with the administrator's token."""
        return self.home / "admin.token"

    def stop(self) -> None:
        """Tell it to end and wait until it has; after half a minute, end it. Stopping twice is
        fine."""
        if self.process is None:
            _end_stranger(self.home, self.pid)
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
    faults: bool = False,
    evidence: Path | None = None,
    rate_limit: int | None = None,
    keep: bool = False,
    seconds: float = READY_SECONDS,
    pick: bool = False,
) -> RunningForge:
    """Start a forge on `home` and wait until it listens. Raises ForgeError with its own words when
    it does not.

    Without `keep` it ends with the process that called, however that one ends; with it, only `stop`
    ends it. Its own log is `home/forge.log`."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready = home / f"ready.{os.getpid()}.{time.monotonic_ns()}"
    argv = [
        sys.executable,
        "-I",
        "-m",
        "harness.programs.local_forge",
        "--home",
        str(home),
        "--port",
        str(port),
        "--ready-file",
        str(ready),
        *(["--open"] if open_door else []),
        *(["--faults"] if faults else []),
        *(["--pick"] if pick else []),
        *(["--evidence", str(evidence)] if evidence else []),
        *([] if keep else ["--lifeline"]),
        *(["--rate-limit", str(rate_limit)] if rate_limit is not None else []),
    ]
    log = home / "forge.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=written,
            stderr=written,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8"},
            cwd=home,
            start_new_session=True,
        )
    try:
        told = _told(ready, process, seconds=seconds)
    finally:
        ready.unlink(missing_ok=True)
    if told is None:
        process.kill()
        process.wait()
        says = log.read_text(encoding="utf-8", errors="replace").strip()
        raise ForgeError(
            f"the embedded forge did not start: {says or f'not ready within {seconds:g} s'} (log:"
            f" {log})"
        )
    return RunningForge(told["url"], told["port"], process.pid, home, process)


def running(home: Path) -> RunningForge | None:
    """The forge that listens on `home`, whoever started it; None when none does."""
    try:
        told = json.loads((home / "forge.json").read_text(encoding="ascii"))
        return (
            RunningForge(told["url"], told["port"], told["pid"], home) if _is_held(home) else None
        )
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _told(
    ready: Path, process: "subprocess.Popen[bytes]", *, seconds: float
) -> dict[str, Any] | None:
    """What the ready file says; None when the process ended first, or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if ready.exists():
            return dict(json.loads(ready.read_text(encoding="ascii")))
        time.sleep(_POLL_SECONDS)
    return None


def _is_held(home: Path) -> bool:
    """Whether a server holds the home: a lock is let go by the kernel, however its holder ended.
    Two who look do not take each other for one."""
    with (home / "forge.lock").open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _end_stranger(home: Path, pid: int) -> None:
    """End a server that another process started; only while it holds the home, or the number may
    mean another."""
    deadline = time.monotonic() + STOP_SECONDS
    if _is_held(home):
        os.kill(pid, signal.SIGTERM)
    while _is_held(home) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
