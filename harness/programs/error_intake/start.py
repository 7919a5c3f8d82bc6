"""Start the intake from another program, in a process and session of its own, and stop it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import PortError

READY_SECONDS, STOP_SECONDS = 60.0, 10.0
_POLL_SECONDS = 0.02
COMMAND = (sys.executable, "-I", "-m", "harness.programs.error_intake")


@dataclass(frozen=True, slots=True)
class RunningIntake:
    """An intake that listens on `port`. It ends with the process that started it."""

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def is_alive(self) -> bool:
        """Whether its process still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Stop it: SIGTERM, and SIGKILL after STOP_SECONDS. Stopping twice is fine."""
        _end(self.process)


def start(
    folder: Path, *, host: str, port: int, keys: Path, seconds: float = READY_SECONDS
) -> RunningIntake:
    """Start an intake whose spool is in `folder`, and wait until it listens. Raises PortError with
    its own message otherwise."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready, log = folder / f"ready.{os.getpid()}.{time.monotonic_ns()}", folder / "intake.log"
    process = _spawned(
        folder,
        [
            *("--host", host, "--port", str(port), "--folder", str(folder), "--keys", str(keys)),
            *("--ready-file", str(ready), "--lifeline"),
        ],
        log,
    )
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and process.poll() is None:
            if ready.exists():
                return RunningIntake(json.loads(ready.read_text("ascii"))["port"], process)
            time.sleep(_POLL_SECONDS)
    finally:
        ready.unlink(missing_ok=True)
    _end(process)
    printed = log.read_text("utf-8", errors="replace").strip()[-500:]
    raise PortError(
        f"the error intake did not start: {printed or f'not ready within {seconds:g} s'}",
        retryable=True,
    )


def _spawned(folder: Path, arguments: list[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            # The lifeline: the kernel closes this pipe when the calling process ends.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            cwd=folder,
            start_new_session=True,
        )


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdin is not None:
        process.stdin.close()
