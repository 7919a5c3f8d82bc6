"""Scenarios run the real command line on real git, boxes, forge and Chromium. Only the model is replayed."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import warm

FACTORY = Path(sys.executable).with_name("factory")
SECONDS = 1800


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "FACTORY_HOME": str(home), "NO_COLOR": "1"}


def factory(home: Path, *arguments: str) -> Said:
    """Run `factory` on a home and wait for it. It is forked from a process that has imported it: see `warm`."""
    return as_said(warm.run(arguments, env=environment(home), timeout=SECONDS))


def as_said(done: subprocess.CompletedProcess[str]) -> Said:
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Lap:
    """One demo that ran to its end: what it said, and its home."""

    said: Said
    home: Path


@pytest.fixture(scope="session")
def lap(tmp_path_factory):
    """Run once for all workers: whoever comes second waits for it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    home, told = shared / "the-lap", shared / "the-lap.json"
    with (shared / "the-lap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            done = subprocess.run([FACTORY, "demo", "--json", "--home", str(home)], capture_output=True, text=True,
                                  timeout=SECONDS, stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
            told.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    return Lap(Said(*json.loads(told.read_text())), home)


@pytest.fixture
def copy(lap, tmp_path):
    """A copy of the home after the lap, to be tampered with."""
    home = tmp_path / "home"
    shutil.copytree(lap.home, home, symlinks=True, ignore=lambda folder, names: {n for n in names if n.endswith(".sock")})
    return home
