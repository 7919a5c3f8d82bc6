"""A judge that is killed, at one moment after another: no verdict, no process, and what it had
found out is kept."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tiers import Draw
from tests.validators_launcher import seaside
from tests.validators_launcher.processes import alive, descendants, until
from tests.validators_launcher.world import ENV, World, command

SECONDS = 600
Left = Callable[[Path, Path, int], bool]
"""Whether a judge, by its number, has come to a moment: where launchers work, and the store."""


def own(work: Path, judge: int, pattern: str) -> bool:
    """What this judge made. One that it inherits from a dead one has both numbers in its name."""
    folders = (folder for folder in work.glob(f"judge-{judge}-*") if folder.name.count("-") == 2)
    return any(any(folder.glob(pattern)) for folder in folders)


def exported(work: Path, store: Path, judge: int) -> bool:
    return own(work, judge, "base/tree")


def started(work: Path, store: Path, judge: int) -> bool:
    return own(work, judge, "*/*/server.log")


def performed(work: Path, store: Path, judge: int) -> bool:
    """One run has ended and been put out, others are at work."""
    return own(work, judge, "*/out/*/*/network.json")


def written(work: Path, store: Path, judge: int) -> bool:
    """The candidate's evidence is in the store, and nothing is signed: that comes after the page,
    and its place is a pipe that nobody reads. Without it this moment is so short that a busy
    machine misses it."""
    for page in (folder / "index.html" for folder in store.glob("judged/.unfinished-*")):
        if not page.exists():
            os.mkfifo(page)
    return any(store.glob("judged/.unfinished-*/evidence/runs/evidence.json"))


@pytest.fixture
def work() -> Iterator[Path]:
    """Where launchers work. Its name is short, because the apps' sockets lie below it, and the name
    of one is short."""
    with tempfile.TemporaryDirectory(prefix="k-") as folder:
        yield Path(folder)


def killed(
    world: World, request: Path, work: Path, *, at: Left, out: Path
) -> tuple[int, set[tuple[int, str]]]:
    """The launcher's number, and everything that it had started when it was killed."""
    store = world.home / "sealed" / "seaside"
    judge = subprocess.Popen(
        command("judge", "--request", request, "--out", out), env={**ENV, "TMPDIR": str(work)}
    )
    until(lambda: at(work, store, judge.pid) or judge.poll() is not None, seconds=SECONDS)
    assert judge.poll() is None, "it came to its end before it could be killed"
    family = descendants(judge.pid)
    judge.send_signal(signal.SIGKILL)
    judge.wait()
    return judge.pid, family


def test_a_judge_killed_at_any_moment_leaves_no_verdict_no_process_and_its_evidence(
    world: World, work: Path, draw: Draw
) -> None:
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    world.seal(request, seaside.JOURNEY)
    out, judged = world.home / "out", world.home / "sealed" / "seaside" / "judged"
    ended = 0  # judges that had a run behind them
    for moment in (*draw.of((exported, started), 1), performed, written):
        judge, family = killed(world, request, work, at=moment, out=out)
        until(lambda family=family: not alive(family), seconds=60)
        ended += moment is written or performed(work, judged, judge)
        assert not list(out.glob("*")), moment
        assert not list(judged.glob("run-*")), moment
    kept = {
        file.relative_to(judged).parts[0]
        for file in judged.glob(".unfinished-run-1-1-*/evidence/*/*/*/network.json")
    }
    assert (
        len(kept) == ended >= 2
    )  # the last kept what it had by itself, of each before it whoever came next did
    assert not list(judged.glob("*/verdict.json"))
