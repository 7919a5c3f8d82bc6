"""Short of room: nothing is begun, and a no that was given for want of room is not counted."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.factory.run.disk_space import DiskSpace, disk_space

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("free", "total", "short"),
    [
        (999_999_999, 250_000_000_000, True),
        (1_000_000_000, 250_000_000_000, False),
        (199_999_999, 10_000_000_000, True),
        (200_000_000, 10_000_000_000, False),
        (0, 0, False),
        (0, 1_000_000, True),
    ],
)
def test_a_gigabyte_has_to_be_free_or_two_hundredths_of_a_small_disk(free, total, short) -> None:
    assert DiskSpace(free, total).is_short is short


def test_what_a_disk_has_is_asked_of_it(tmp_path) -> None:
    found = disk_space(tmp_path)
    assert 0 < found.free <= found.total
    assert disk_space(tmp_path / "not" / "made" / "yet").total == found.total


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A disk of 20 MB in memory, mounted for one process, as root or not."""
    folder, bwrap = tmp_path_factory.mktemp("small"), shutil.which("bwrap")
    assert bwrap, "bubblewrap is what the factory's own boxes need"
    done = subprocess.run(
        [
            bwrap,
            "--dev-bind",
            "/",
            "/",
            "--size",
            "20000000",
            "--tmpfs",
            str(folder),
            "--chdir",
            str(ROOT),
            sys.executable,
            "-m",
            "tests.factory.run.short_of_room",
            str(folder),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_on_a_full_disk_nothing_is_taken_in(results) -> None:
    assert results["entries"] == 0
    assert results["full"].startswith("True the disk of")
    assert "`factory gc` frees" in results["full"]


def test_a_run_that_failed_for_want_of_room_is_the_same_run_when_there_is_room(results) -> None:
    assert results["filled"] == results["filled still"] != ""
    assert results["failed while full"] == 0
    assert results["room"] == ""
    assert (
        results["merged"],
        results["attempts"],
        results["runs"],
        results["worked"],
        results["sound"],
    ) == (
        True,
        0,
        1,
        2,
        True,
    )
