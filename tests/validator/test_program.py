"""The program that starts the validator: what it waits for, and what it leaves when it is killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

WAITS_FOR_THE_END_OF_ITS_INPUT = """
import pathlib, sys
out = pathlib.Path(sys.argv[-2])
(out / "began").touch()
sys.stdin.read()
(out / "ended").touch()
"""

FACTORY = """
import sys
from pathlib import Path
from harness.validator.program import ValidatorProgram
home = Path(sys.argv[1])
program = ValidatorProgram(home / "key", {}, home / "papers", command=(sys.executable, "-c", sys.argv[2]))
program.judge({"run": "run-1", "limits": {"wall_seconds": 60}}, home / "out")
"""


def test_a_factory_that_is_killed_leaves_no_judge_at_work(tmp_path: Path) -> None:
    factory = subprocess.Popen([sys.executable, "-c", FACTORY, str(tmp_path), WAITS_FOR_THE_END_OF_ITS_INPUT])
    until(lambda: (tmp_path / "out" / "began").exists())
    assert not (tmp_path / "out" / "ended").exists()
    factory.send_signal(signal.SIGKILL)
    factory.wait()
    until(lambda: (tmp_path / "out" / "ended").exists())


def until(true, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
