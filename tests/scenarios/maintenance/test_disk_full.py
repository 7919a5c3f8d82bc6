"""A disk that fills up: nothing new begins, the ledger stays whole, and what was under way goes
on when there is room.

The small disk is a file system in memory that bubblewrap mounts for one process and what it starts,
as root or not."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.conftest import SECONDS

ROOT = Path(__file__).resolve().parents[3]
BYTES = 150_000_000
pytestmark = pytest.mark.soak(
    "a run on a small disk; row 107 of the drill fills one, factory/test_space looks for room"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    bwrap = shutil.which("bwrap")
    assert bwrap, "bubblewrap is what the factory's own boxes need"
    done = subprocess.run(
        [
            bwrap,
            "--dev-bind",
            "/",
            "/",
            "--size",
            str(BYTES),
            "--tmpfs",
            str(folder),
            "--chdir",
            str(ROOT),
            sys.executable,
            "-m",
            "tests.scenarios.maintenance.small_disk",
            str(folder),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_with_too_little_room_nothing_is_taken_in_and_nothing_begun(report) -> None:
    found = report["nearly full"]
    assert (found["code"], found["entries"]) == (5, 0)
    assert "nothing new begins until there is room: `factory gc` frees" in found["says"]


def test_a_disk_that_fills_up_in_the_middle_of_a_run_leaves_a_whole_ledger(report) -> None:
    found = report["in the middle"]
    assert found["code"] == 5, found["says"]
    assert found["kept"]
    assert found["audit"] == 0, found["audit says"]


def test_with_room_again_the_same_run_goes_on_and_nothing_is_lost(report) -> None:
    found = report["room again"]
    assert (found["code"], found["outcomes"], found["audit"]) == (0, ["merged"], 0), found["says"]
    assert (found["runs"], found["failed"], found["pulls"]) == (1, 0, 1)
