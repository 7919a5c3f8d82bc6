"""What a killed starter leaves: processes tied to it by a pipe, some of which take their time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from harness.engine.orphans import GRACE_SECONDS, end_orphans

CHILD = """
import os, sys, time
os.read(0, 1)
time.sleep(float(sys.argv[2]))
for mark in sys.argv[4:]:
    open(mark, "w").close()
"""
STARTER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], *sys.argv[2:]], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def left(tmp_path):
    """Starts a starter with one child, which names a home; with `killed`, the starter dies at once."""
    started: list[subprocess.Popen[str]] = []
    children: list[int] = []

    def start(*words: str, killed: bool = True) -> int:
        process = subprocess.Popen([sys.executable, "-c", STARTER, CHILD, *words], stdout=subprocess.PIPE, text=True,
                                   env={"PATH": os.environ["PATH"]})
        started.append(process)
        assert process.stdout is not None
        children.append(int(process.stdout.readline()))
        if killed:
            process.kill()
            process.wait()
        return children[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
    for child in children:
        if is_there(child):
            os.kill(child, signal.SIGKILL)


def is_there(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def seconds(home) -> float:
    began = time.monotonic()
    end_orphans(home)
    return time.monotonic() - began


def test_one_that_is_about_to_end_is_waited_for(tmp_path, left) -> None:
    ended_by_itself = tmp_path / "ended-by-itself"
    child = left(f"{tmp_path}/broker", "0.3", "--tethered", str(ended_by_itself))
    end_orphans(tmp_path)
    assert not is_there(child)
    assert ended_by_itself.exists()


def test_one_that_does_not_end_is_ended(tmp_path, left) -> None:
    child = left(f"{tmp_path}/runs/validate-1-1/request.json", "60", "--lifeline")
    assert seconds(tmp_path) >= GRACE_SECONDS
    assert not is_there(child)


def test_one_whose_starter_lives_is_left_alone(tmp_path, left) -> None:
    child = left(str(tmp_path), "60", "--lifeline", killed=False)
    assert seconds(tmp_path) < 1
    assert is_there(child)


@pytest.mark.parametrize("words", [("{home}-2", "60", "--lifeline"), ("{home}", "60", "--keep"), ("/", "60", "--lifeline")])
def test_one_of_another_home_or_without_a_tie_is_left_alone(tmp_path, left, words) -> None:
    child = left(*(word.format(home=tmp_path) for word in words))
    assert seconds(tmp_path) < 1
    assert is_there(child)
