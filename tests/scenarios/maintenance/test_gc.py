"""`factory gc`: killed at any moment, with a run that was killed before it: the run goes on, and
the audit is clean."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.home.state import open_ledger
from tests import warm
from tests.events import event_of
from tests.scenarios.conftest import FACTORY, Said, as_said, environment, factory
from tests.scenarios.daemons import example, recorded
from tests.scenarios.waiting import LONG, is_at_rest, wait_until

KILLS = (0.15, 0.3, 0.4, 0.5, 0.6, 0.75)
LONG_AGO = time.time() - 99 * 86_400


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A home whose tick was killed while the agent built."""
    home = example(tmp_path_factory.mktemp("gc") / "home", "1-cancelled-places.md")
    tick = subprocess.Popen(
        [FACTORY, "tick"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: (home / "worktrees" / "implement-1-1").is_dir())
        assert gc(home, home).code == 5  # one is at work
    finally:
        os.kill(tick.pid, signal.SIGKILL)
        tick.wait()
    wait_until(lambda: is_at_rest(home))
    return home


def gc_environment(home: Path, temporary: Path) -> dict[str, str]:
    """The folders for temporary files and caches are this test's own: gc looks into both."""
    return {
        **environment(home),
        "TMPDIR": str(temporary),
        "XDG_CACHE_HOME": str(temporary / "cache"),
    }


def gc(home: Path, temporary: Path, *options: str) -> Said:
    return as_said(warm.run(("gc", *options), env=gc_environment(home, temporary), timeout=LONG))


def killed(home: Path, temporary: Path, seconds: float) -> None:
    started = subprocess.Popen(
        [FACTORY, "gc", "--days", "1"],
        env=gc_environment(home, temporary),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def old(path: Path, *, files: int = 0) -> Path:
    """A folder, or a file, that nobody has used for long."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        (path / f"{number % 7}").mkdir(parents=True, exist_ok=True)
        (path / f"{number % 7}" / f"{number}").write_text("x")
    if not files:
        path.write_text("x")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def littered(home: Path, temporary: Path, *, dead: int) -> tuple[Path, ...]:
    """What killed processes and time leave: all of it has to go."""
    sealed = home / "sealed" / "tidehouse.tidebook"
    return (
        old(home / "layers" / ("a" * 64), files=300),
        old(home / "layers" / ".preparing-x", files=30),
        old(home / "worktrees" / ".making-x", files=300),
        old(home / "worktrees" / ".trash" / "r", files=300),
        old(home / "worktrees" / f".pool-{'a' * 40}-{'b' * 32}", files=300),
        old(home / ".trash" / "x", files=30),
        old(home / "runs" / "triage-1-1" / "tests" / "head", files=300),
        old(sealed / "proofs" / ".fresh-x", files=30),
        old(temporary / "cache" / "lights-out-factory" / "wheels" / "a-1-py3-none-any.whl"),
        old(temporary / "cache" / "lights-out-factory" / "installed" / ("b" * 64), files=300),
        old(temporary / "cache" / "lights-out-factory" / "installed" / ".preparing-x", files=30),
        old(temporary / f"factory-sandbox-{dead}-abcdefgh", files=3),
        old(temporary / f"factory-lock-{dead}-abcdefgh"),
    )


@pytest.mark.soak("six kills and a run; factory/test_sweep shows what stays and what goes")
def test_killed_again_and_again_it_leaves_what_a_run_and_an_audit_need(world, tmp_path) -> None:
    alive = old(tmp_path / f"factory-sandbox-{os.getpid()}-abcdefgh", files=3)
    leftover = old(
        world / "sealed" / "tidehouse.tidebook" / "judged" / ".unfinished-validate-9-1-1-x", files=3
    )
    nobody = int(
        Path("/proc/sys/kernel/pid_max").read_text()
    )  # pids are smaller; one of the dead is given again some day
    litter = littered(world, tmp_path, dead=nobody)
    worktree = world / "worktrees" / "implement-1-1" / "worktree"
    before = {path.relative_to(world) for path in world.rglob("*")}
    said = gc(world, tmp_path, "--dry-run", "--json")
    assert said.code == 0
    assert said.json["freed_bytes"] > 500_000
    assert any(kept["why"] == "its run is not over" for kept in said.json["kept"])
    assert {
        path.relative_to(world) for path in world.rglob("*") if path.name != "ledger.lock"
    } <= before
    assert all(path.exists() for path in litter)
    for seconds in KILLS:
        killed(world, tmp_path, seconds)
        assert factory(world, "audit").code == 0
        assert worktree.is_dir()
    done = gc(world, tmp_path, "--days", "1")
    assert done.code == 0, done.err
    assert "the repository's objects stay while implement-1-1 may continue" in done.out
    assert not any(path.exists() for path in litter)
    assert not list(world.rglob(".trash/*"))
    assert alive.is_dir()
    assert leftover.is_dir()
    went_on(world, tmp_path)


def went_on(home: Path, temporary: Path) -> None:
    """The run that was killed goes on to its end; what it left goes then, and what its verdict
    stands on stays."""
    assert factory(home, "tick").code == 0
    assert [issue["outcome"] for issue in factory(home, "status", "--json").json["issues"]] == [
        "merged"
    ]
    assert recorded(home, "kind = 'run' AND key = 'run/implement-1-2'") == 0
    said = gc(home, temporary, "--json").json
    assert said["things"]["test trees"] > 0
    assert "objects" in said["kinds"]
    assert not list((home / "runs").glob("*/tests/head"))
    assert list((home / "runs").glob("*/tests/head.out/junit.xml"))
    assert factory(home, "audit").code == 0
    with open_ledger(home) as ledger:
        verdict = ledger.entries(kind="verdict")[-1].data
    assert (home / verdict["envelope"]).is_file()
    assert list((home / "sealed").glob("*/judged/validate-1-1-1/evidence"))
    refs = home / "repositories" / "tidehouse.tidebook.git" / "packed-refs"
    assert f"refs/factory/kept/{verdict['binds']['candidate']}" in refs.read_text()
    assert factory(home, "tick").out == "Nothing to do.\n"


def test_a_folder_without_a_factory_and_a_ledger_that_was_changed_are_refused(tmp_path) -> None:
    assert gc(tmp_path / "none", tmp_path).code == 2
    home = example(tmp_path / "home", "1-cancelled-places.md")
    with open_ledger(home) as ledger:
        ledger.append(event_of("command", {"command": "x"}), "x")
    (home / "ledger.head").write_text("{}")
    kept = old(home / "layers" / ("a" * 64), files=3)
    said = gc(home, tmp_path, "--days", "1")
    assert (said.code, kept.exists()) == (5, True)
    assert "deletes nothing" in said.err


def test_old_demo_homes_go_and_nobody_elses(tmp_path) -> None:
    home = example(tmp_path / "home", "1-cancelled-places.md")
    (tmp_path / "cache").mkdir()
    homes = {}
    for name, models, days in (("old", "replay", 99), ("new", "replay", 0), ("live", "live", 99)):
        homes[name] = tmp_path / f"lights-out-factory-{name}"
        homes[name].mkdir()
        (homes[name] / "home.json").write_text(f'{{"models": "{models}", "forge": "embedded"}}')
        (homes[name] / "ledger.db").write_text("")
        os.utime(homes[name] / "ledger.db", (time.time() - days * 86_400,) * 2)
    assert gc(home, tmp_path).code == 0
    assert {name: home.exists() for name, home in homes.items()} == {
        "old": False,
        "new": True,
        "live": True,
    }
