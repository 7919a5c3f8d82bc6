"""How fast a run's worktree is there, and gone again, in a big repository. A table; ratios within
one run count.

    python bench/worktrees.py [--files N] [--rounds N] [--json]

Plain is `git worktree add` and `git worktree remove` on the repository itself. Ours is a worktree
on a store of its own, which holds one commit: made from nothing (cold), taken from those that were
made before anybody asked (warm pool), or from one that was made for the commit before, which
differs in a hundred files (brought over)."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees

FILES, ROUNDS, CHANGED = 50_000, 3, 100
HALF, WARM_SECONDS = 0.5, 0.25
QUIET = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", f"--git-dir={folder}", *arguments],
        env=QUIET,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def history(files: int) -> Iterator[bytes]:
    """Two commits for `git fast-import`: always the same bytes. Every 500 files are a package of
    ten modules."""
    yield commit("main", 1)
    for number in range(files):
        yield written(number, 1)
    yield commit("later", 2, parent="refs/heads/main")
    for number in range(0, files, max(1, files // CHANGED)):
        yield written(number, 2)


def commit(branch: str, number: int, parent: str | None = None) -> bytes:
    come_from = f"from {parent}\n" if parent else ""
    moment = 1_700_000_000 + number
    return (
        f"commit refs/heads/{branch}\ncommitter A <a@example.org> {moment} +0000\ndata"
        f" 2\n{number}\n{come_from}"
    ).encode()


def written(number: int, version: int) -> bytes:
    lines = "".join(
        f"def f{number}_{line}(x):\n    return x * {number * 7919 % 104729} + {line * version}\n\n"
        for line in range(1 + number % 24)
    )
    path = f"package{number // 500:03d}/module{number // 50 % 10}/file{number:05d}.py"
    return f"M 100644 inline {path}\ndata {len(lines)}\n{lines}\n".encode()


def repository(folder: Path, files: int) -> Path:
    place = folder / "origin.git"
    git(place, "init", "--bare", "--quiet", "--initial-branch=main")
    with subprocess.Popen(
        ["git", f"--git-dir={place}", "fast-import", "--quiet", "--done"],
        stdin=subprocess.PIPE,
        env=QUIET,
    ) as process:
        assert process.stdin
        for part in history(files):
            process.stdin.write(part)
        process.stdin.write(b"done\n")
    return place


def seconds(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def until(what: Callable[[], bool]) -> None:
    while not what():
        time.sleep(0.05)


def made(origin: Path, trusted: TrustedRepository, folder: Path) -> dict[str, float]:
    """Each way once, one after the other, so that a busy machine is busy for all of them."""
    main, later = trusted.fetched("main"), trusted.fetched("later")
    took = {
        "plain": seconds(
            lambda: git(origin, "worktree", "add", "--detach", str(folder / "plain"), "main")
        )
    }
    ours = RunWorktrees(trusted, folder / "runs")
    took["cold"] = seconds(lambda: ours.open("cold", main))
    warm = RunWorktrees(trusted, folder / "runs", warm=2)
    warm.prepare(main)
    until(lambda: warm.ready(main) == 2)
    took["warm"] = seconds(
        lambda: ours.open("warm", main)
    )  # ours keeps none warm: nothing else runs meanwhile
    took["brought over"] = seconds(lambda: ours.open("over", later))
    return took


def gone(origin: Path, trusted: TrustedRepository, folder: Path) -> dict[str, float]:
    plain = seconds(lambda: git(origin, "worktree", "remove", "--force", str(folder / "plain")))
    ours = RunWorktrees(trusted, folder / "runs")
    return {"plain gone": plain, "gone": seconds(lambda: ours.close("cold"))}


def measured(
    origin: Path, trusted: TrustedRepository, folder: Path, rounds: int
) -> list[dict[str, float]]:
    """All are made before any is removed: ext4 is slow to make files for a minute after many were
    deleted, since it steps over each inode that was freed just now (`recently_deleted` in
    fs/ext4/ialloc.c)."""
    folders = [folder / str(number) for number in range(rounds)]
    for place in folders:
        place.mkdir()
    took = [made(origin, trusted, place) for place in folders]
    return [
        {**made_in, **gone(origin, trusted, place)}
        for made_in, place in zip(took, folders, strict=True)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="worktrees-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        origin = repository(folder, options.files)
        trusted = TrustedRepository(folder / "trusted.git", Remote(str(origin)))
        trusted.fetch("main", "later")
        rounds = measured(origin, trusted, folder, options.rounds)
    middle = {name: statistics.median(took[name] for took in rounds) for name in rounds[0]}
    met = middle["cold"] <= HALF * middle["plain"] and middle["warm"] <= WARM_SECONDS
    if options.json:
        print(json.dumps({"ok": met, "files": options.files, "seconds": middle}))
    else:
        show(middle, rounds, options.files, met=met)
    return 0 if met else 1


def show(
    middle: dict[str, float], rounds: list[dict[str, float]], files: int, *, met: bool
) -> None:
    rows = (
        ("git worktree add", "plain", "plain"),
        ("ours, cold", "cold", "plain"),
        ("ours, warm pool", "warm", "plain"),
        ("ours, brought over", "brought over", "plain"),
        ("git worktree remove", "plain gone", "plain gone"),
        ("ours, close", "gone", "plain gone"),
    )
    print(f"{files} files, {len(rounds)} rounds")
    print(f"{'':<22} {'median s':>9} {'least':>8} {'most':>8} {'x plain':>8}")
    for words, name, against in rows:
        every = [took[name] for took in rounds]
        print(
            f"{words:<22} {middle[name]:>9.3f} {min(every):>8.3f} {max(every):>8.3f}"
            f" {middle[name] / middle[against]:>8.3f}"
        )
    print(
        f"target: cold at most {HALF} of plain, warm at most {WARM_SECONDS} s —"
        f" {'met' if met else 'missed'}"
    )


if __name__ == "__main__":
    sys.exit(main())
