"""Scenarios run the real command line on real git, boxes, forge and Chromium. Only the model is
replayed."""

import fcntl
import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from harness.programs.local_forge.start import start
from tests import warm
from tests.scenarios.waiting import LONG, is_at_rest, wait_until

FACTORY = Path(sys.executable).with_name("factory")
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 5400


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
    """Run `factory` on a home and wait for it. It is forked from a process that has imported it:
    see `warm`."""
    return as_said(warm.run(arguments, env=environment(home), timeout=SECONDS))


def as_said(done: subprocess.CompletedProcess[str]) -> Said:
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class DemoRun:
    """One demo that ran to its end: what it said, its home, and which issues it worked on."""

    said: Said
    home: Path
    issues: frozenset[int]


@contextmanager
def forge_client(home: Path) -> Iterator[httpx.Client]:
    """The repository on a home's forge, which is started for as long as somebody asks it."""
    forge = start(home / "forge", seconds=LONG, popen=warm.Server)
    try:
        token = (home / "keys" / "forge.token").read_text().strip()
        with httpx.Client(
            base_url=f"{forge.api}/repos/tidehouse/tidebook",
            trust_env=False,
            verify=False,
            timeout=LONG,
            headers={"Authorization": f"Bearer {token}"},
        ) as http:
            yield http
    finally:
        forge.stop()


SOME, ALL = frozenset({1, 3, 5}), frozenset(range(1, 8))
"""One issue that lands, one that the mission rejects, one duplicate. Of the others a rule stops
one, and the rest land after a refused attempt or beside another change: `make soak` works on them
as well."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory, whole):
    """Run once for all workers: whoever comes second waits for it. Nobody touches that home
    afterwards: each worker looks at a copy of its own, since whoever looks opens databases and
    starts the forge, and a file of theirs may go while it is copied."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    home, report = shared / "the-demo", shared / "the-demo.json"
    issues = ALL if whole else SOME
    only = [word for number in sorted(issues) for word in ("--issue", str(number))]
    with (shared / "the-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not report.exists():
            done = subprocess.run(
                [FACTORY, "demo", *only, "--json", "--home", str(home)],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "NO_COLOR": "1"},
            )
            wait_until(lambda: is_at_rest(home))
            report.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    return DemoRun(
        Said(*json.loads(report.read_text())), copied(home, own / "the-demos-copy"), issues
    )


@pytest.fixture
def copy(demo, tmp_path):
    """A copy of the home after the run, to be tampered with."""
    return copied(demo.home, tmp_path / "home")


def copied(home: Path, place: Path) -> Path:
    """A home where nobody is at work, copied to a place."""
    shutil.copytree(home, place, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    return place


@functools.cache
def known_to_git() -> tuple[str, ...]:
    """Every file of ours that is, or would be, committed. Asked once: what appears meanwhile is
    nobody's."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    )
    return tuple(
        name
        for name in map(os.fsdecode, listed.stdout.split(b"\0"))
        if name and (ROOT / name).is_file()
    )


def copy_of_ourselves(folder: Path) -> None:
    """This repository's files, without what tools keep beside them: that is written to while it is
    copied."""
    for name in known_to_git():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
