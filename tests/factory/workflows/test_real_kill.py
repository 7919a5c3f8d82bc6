"""A free workflow in real processes on the real engine and ledger, killed by SIGKILL in a command
and in a wait."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
SECONDS = 120


def life(home: Path, scene: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.factory.workflows.life", str(home), scene],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "TZ": "UTC"},
    )


def killed_at(home: Path, scene: str, mark: str) -> None:
    process = life(home, scene)
    deadline = time.monotonic() + SECONDS
    while not (home / mark).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert (home / mark).exists(), errors


def to_the_end(home: Path, scene: str) -> str:
    out, errors = (process := life(home, scene)).communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    return out.strip()


def test_killed_in_a_command_and_in_a_wait_it_comes_to_its_end_once(tmp_path) -> None:
    killed_at(tmp_path, "sticks", "stuck")
    assert to_the_end(tmp_path, "works") == "open before:produced"
    killed_at(tmp_path, "lingers", "lingering")
    assert to_the_end(tmp_path, "later") == "succeeded before:produced rest:produced after:produced"
    # Each command ran to its end once; the one that was killed in had not.
    assert (tmp_path / "ran").read_text().split() == ["before", "after"]
