"""What a killed starter leaves: processes tied to it by a pipe, some of which take their time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from harness.store.orphans import LOOKS, STOP_SECONDS, end_orphans

CHILD = """
import os, sys, time
os.read(0, 1)
time.sleep(float(sys.argv[2]))
for mark in sys.argv[4:]:
    open(mark, "w").close()
"""
STARTER = """
import subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, "-c", sys.argv[1], *sys.argv[2:]],
    stdin=subprocess.PIPE,
    stdout=subprocess.DEVNULL,
    start_new_session=True,
)
print(child.pid, flush=True)
time.sleep(3600)
"""


@pytest.fixture
def left(tmp_path):
    """Starts a starter with one child, which names a home; with `killed`, the starter dies at
    once."""
    started: list[subprocess.Popen[str]] = []
    children: list[int] = []

    def start(*words: str, killed: bool = True) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", STARTER, CHILD, *words],
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        started.append(process)
        assert process.stdout is not None
        children.append(int(process.stdout.readline()))
        assert eventually(lambda: words_of(children[-1])[-len(words) :] == list(words)), (
            "it has its words once it has begun"
        )
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
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def is_there(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def words_of(pid: int) -> list[str]:
    """What a process was started with; nothing before it is what it is to be, and once it is about
    to be gone."""
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        return file.read().removesuffix("\0").split("\0")


def eventually(true) -> bool:
    """Whether it becomes true: the kernel has its own time."""
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return true()


def test_one_that_is_about_to_end_is_waited_for(tmp_path, left) -> None:
    ended_by_itself = tmp_path / "ended-by-itself"
    child = left(f"{tmp_path}/broker", "0.3", "--tethered", str(ended_by_itself))
    end_orphans(tmp_path, seconds=300.0)  # on a busy machine it is about to end for a while
    assert eventually(lambda: not is_there(child))
    assert ended_by_itself.exists()


def test_one_that_does_not_end_is_ended(tmp_path, left) -> None:
    child = left(f"{tmp_path}/runs/validate-1-1/request.json", "3600", "--lifeline")
    began = time.monotonic()
    end_orphans(tmp_path)
    assert time.monotonic() - began >= STOP_SECONDS
    assert eventually(lambda: not is_there(child))


def test_one_whose_starter_lives_is_left_alone(tmp_path, left) -> None:
    waits: list[float] = []
    child = left(str(tmp_path), "3600", "--lifeline", killed=False)
    end_orphans(tmp_path, sleep=waits.append)
    assert len(waits) == LOOKS - 1, "nobody was waited for"
    assert is_there(child)


@pytest.mark.parametrize(
    "words",
    [("{home}-2", "3600", "--lifeline"), ("{home}", "3600", "--keep"), ("/", "3600", "--lifeline")],
)
def test_one_of_another_home_or_without_a_tie_is_left_alone(tmp_path, left, words) -> None:
    waits: list[float] = []
    child = left(*(word.format(home=tmp_path) for word in words))
    end_orphans(tmp_path, sleep=waits.append)
    assert len(waits) == LOOKS - 1, "nobody was waited for"
    assert is_there(child)
