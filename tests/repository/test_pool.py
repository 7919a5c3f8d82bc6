"""Worktrees made before anybody asks: whole or not there, exactly the commit that was asked for,
nobody's but the run's."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.domain.errors import GitError
from harness.repository.trash import MAKING, TRASH
from harness.repository.worktrees.adapter import RunWorktrees
from harness.repository.worktrees.pool import POOL, base_of, is_whole
from harness.repository.worktrees.run_store import made
from tests.repository.naive import blob, git, word
from tests.scenarios.waiting import is_at_rest

FILES = {f"pkg{number // 20}/mod{number}.py": f"value = {number}\n" for number in range(80)}
PREPARER = Path(__file__).with_name("preparer.py")


def until(holds, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def nobody_prepares() -> bool:
    """Whether all that was begun in the background has come to its end."""
    return not any(thread.name == "prepare worktrees" for thread in threading.enumerate())


def warmed(town, base: str, *, size: int = 1) -> RunWorktrees:
    worktrees = RunWorktrees(town.trusted, town.home / "worktrees", warm=size)
    worktrees.prepare(base)
    until(lambda: worktrees.ready(base) == size)
    return worktrees


def pool(town) -> list[Path]:
    return sorted((town.home / "worktrees").glob(f"{POOL}*"))


def idle(town) -> RunWorktrees:
    """Hands out what another made and makes none itself."""
    return RunWorktrees(town.trusted, town.home / "worktrees")


def objects(store: Path) -> set[str]:
    return set(
        git(store, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
        .decode()
        .split()
    )


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a worktree but its `.git`, with its mode and its bytes."""
    return {
        str(path.relative_to(folder)): (stat.S_IMODE(path.lstat().st_mode), path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".git"
    }


@pytest.fixture
def base(town):
    return town.started(dict(FILES))


def test_one_from_the_pool_is_the_same_as_one_from_nothing(town, base) -> None:
    cold = town.worktrees.open("cold", base)
    made_before = {path.name for path in warmed(town, base).open("warm", base).parent.iterdir()}
    warm = town.home / "worktrees" / "warm" / "worktree"
    assert made_before == {"store.git", "worktree"}
    assert everything(warm) == everything(cold)
    assert objects(warm.parent / "store.git") == objects(cold.parent / "store.git")
    assert word(warm, "rev-parse", "HEAD") == base
    assert git(warm, "status", "--porcelain", "--ignored") == b""
    assert town.worktrees.snapshot(warm, base) == town.trusted.tree_of(base)


def test_handing_one_out_is_a_rename(town, base) -> None:
    warmed(town, base)
    (waiting,) = pool(town)
    before = (waiting / "worktree" / "pkg0" / "mod1.py").stat().st_ino
    worktree = idle(town).open("r1", base)
    assert (worktree / "pkg0" / "mod1.py").stat().st_ino == before
    assert pool(town) == []


def test_one_that_was_only_looked_at_comes_back_as_it_was(town, base) -> None:
    worktrees = warmed(town, base)
    worktree = worktrees.ensure("r1", base)
    file = (worktree / "pkg0" / "mod1.py").stat().st_ino
    # Whoever looks gives it back, so no other is made in its place.
    until(nobody_prepares)
    assert pool(town) == []
    worktrees.close("r1", looked=True)
    again = worktrees.open("r2", base)
    assert (again / "pkg0" / "mod1.py").stat().st_ino == file
    assert word(again, "rev-parse", "HEAD") == base
    assert word(again, "rev-parse", "--show-toplevel") == str(again)


@pytest.mark.parametrize("looked", [False, True], ids=["had-by-an-agent", "spoiled"])
def test_what_an_agent_had_or_somebody_spoiled_is_never_handed_out_again(
    town, base, looked
) -> None:
    worktrees = warmed(town, base)
    worktree = worktrees.ensure("r1", base)
    if looked:
        (worktree / "pkg0" / "mod1.py").write_text("value = 9\n")
    with (worktree / "pkg3" / "mod70.py").open() as had:  # no other file gets its number
        worktrees.close("r1", looked=looked)
        again = idle(town).open("r2", base)
        assert (again / "pkg3" / "mod70.py").stat().st_ino != os.fstat(had.fileno()).st_ino
    assert (again / "pkg0" / "mod1.py").read_text() == "value = 1\n"


def test_a_pool_that_is_full_or_wants_another_commit_takes_nothing_back(town, base) -> None:
    later = town.change({"new.py": "x\n"}, start=base, branch="main")
    worktrees = warmed(town, base)
    for number in range(4):
        worktrees.ensure(f"r{number}", base)
    worktrees.ensure("other", later)
    for run in ("r0", "r1", "r2", "r3", "other"):
        worktrees.close(run, looked=True)
    assert [base_of(tree) for tree in pool(town)] == [base, base]
    assert {path.name for path in (town.home / "worktrees").glob("[!.]*")} == set()


def test_who_makes_no_pool_leaves_none(town, base) -> None:
    town.worktrees.ensure("r1", base)
    town.worktrees.close("r1", looked=True)
    assert pool(town) == []


def test_nothing_is_kept_warm_unless_somebody_asked_for_it(town, base) -> None:
    town.worktrees.open("r1", base)
    town.worktrees.prepare(base)
    until(nobody_prepares)
    assert {path.name for path in (town.home / "worktrees").iterdir()} == {"r1"}


def test_what_was_taken_is_made_again_in_the_background(town, base) -> None:
    worktrees = warmed(town, base)
    worktrees.open("r1", base)
    until(lambda: worktrees.ready(base) == 1)


@pytest.mark.parametrize(
    "prepared_again", [True, False], ids=["in-the-background", "when-it-is-asked-for"]
)
def test_a_base_that_moved_is_brought_over_with_what_differs_and_with_no_object_of_the_old_one(
    town, base, prepared_again
) -> None:
    worktrees = warmed(town, base)
    (town.author.folder / "pkg1" / "mod21.py").unlink()
    later = town.change(
        {"pkg0/mod1.py": "value = 'new'\n", "new/deep/file.py": "x\n"}, start=base, branch="main"
    )
    untouched = (pool(town)[0] / "worktree" / "pkg3" / "mod70.py").stat().st_ino
    if prepared_again:
        worktrees.prepare(later)
        until(lambda: worktrees.ready(later) == 1 and worktrees.ready(base) == 0)
    worktree = idle(town).open("r1", later)
    assert (worktree / "pkg3" / "mod70.py").stat().st_ino == untouched
    assert town.worktrees.snapshot(worktree, later) == town.trusted.tree_of(later)
    assert not (worktree / "pkg1" / "mod21.py").exists()
    assert objects(worktree.parent / "store.git") == objects(
        town.worktrees.open("cold", later).parent / "store.git"
    )
    assert base not in objects(worktree.parent / "store.git")
    assert {path.name for path in worktree.parent.iterdir()} == {"store.git", "worktree"}
    assert git(worktree, "status", "--porcelain", "--ignored") == b""


def spoil_a_file(tree: Path) -> None:
    (tree / "worktree" / "pkg0" / "mod1.py").write_text("value = 9\n")


def leave_a_file(tree: Path) -> None:
    (tree / "worktree" / "left-over").write_text("x")


def leave_an_ignored_file(tree: Path) -> None:
    (tree / "worktree" / "left.log").write_text("x")


def take_a_file(tree: Path) -> None:
    (tree / "worktree" / "pkg0" / "mod1.py").unlink()


def make_a_program(tree: Path) -> None:
    (tree / "worktree" / "pkg0" / "mod1.py").chmod(0o755)


def forge_the_index(tree: Path) -> None:
    git(tree / "worktree", "rm", "--cached", "--quiet", "pkg0/mod1.py")


def move_the_head(tree: Path) -> None:
    (tree / "store.git" / "worktrees" / "worktree" / "HEAD").write_text("1" * 40 + "\n")


def test_one_that_is_not_exactly_the_commit_is_known(town) -> None:
    base = town.started({**FILES, ".gitignore": "*.log\n"})
    tree = made(town.trusted, town.home / "worktrees", base)
    assert is_whole(tree, base)
    for number, spoil in enumerate(
        (
            spoil_a_file,
            leave_a_file,
            leave_an_ignored_file,
            take_a_file,
            make_a_program,
            forge_the_index,
            move_the_head,
        )
    ):
        spoiled = Path(shutil.copytree(tree, town.home / "worktrees" / f"copy-{number}"))
        assert is_whole(spoiled, base)
        spoil(spoiled)
        assert not is_whole(spoiled, base), spoil.__name__


@pytest.mark.parametrize(
    "spoil", [leave_a_file, lambda tree: (tree / "store.git").rename(tree / "elsewhere")]
)
def test_one_that_is_not_exactly_the_commit_is_never_handed_out(town, base, spoil) -> None:
    warmed(town, base)
    (waiting,) = pool(town)
    spoil(waiting)
    worktree = idle(town).open("r1", base)
    assert town.worktrees.snapshot(worktree, base) == town.trusted.tree_of(base)
    assert git(worktree, "status", "--porcelain", "--ignored") == b""
    assert pool(town) == []


def test_a_file_changed_in_the_indexs_own_second_is_seen(town, base) -> None:
    """Git tells times in seconds: the same size at the same second would pass unseen, were the
    index not dated anew."""
    warmed(town, base)
    (waiting,) = pool(town)
    file = waiting / "worktree" / "pkg0" / "mod1.py"
    index = waiting / "store.git" / "worktrees" / "worktree" / "index"
    assert int(index.stat().st_mtime) > int(file.stat().st_mtime)


def test_two_runs_never_get_the_same_one(town, base) -> None:
    worktrees = warmed(town, base, size=2)
    given: list[Path] = []
    runs = [
        threading.Thread(target=lambda name=name: given.append(worktrees.open(name, base)))
        for name in ("r1", "r2", "r3")
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len({(path / "pkg0" / "mod1.py").stat().st_ino for path in given}) == 3


def test_what_an_agent_had_does_not_come_back(town, base) -> None:
    worktrees = warmed(town, base)
    first = worktrees.open("r1", base)
    with (
        first / "pkg0" / "mod1.py"
    ).open() as had:  # while it is open, no other file gets its number
        worktrees.close("r1")
        until(lambda: worktrees.ready(base) == 1)
        second = worktrees.open("r2", base)
        assert (second / "pkg0" / "mod1.py").stat().st_ino != os.fstat(had.fileno()).st_ino
    assert not any(path.name.startswith("r1") for path in (town.home / "worktrees").iterdir())


def test_no_attribute_of_the_tree_has_a_say_in_what_is_written(town) -> None:
    files = {
        ".gitattributes": (
            b"[attr]evil text eol=crlf ident\n* evil\n*.bin filter=lfs\n*.u"
            b" working-tree-encoding=UTF-16\n"
        ),
        "sub/.gitattributes": b"* text eol=crlf\n",
        "sub/.dot": b"a\nb\n",
        "unix.txt": b"a\n$Id$\n",
        "mixed.txt": b"a\r\nb\n",
        "x.bin": b"version https://git-lfs\n",
        "y.u": "ä\n".encode(),
    }
    base = town.author.commit_tree(
        "".join(
            f"100644 blob {blob(town.author.folder, data)}\t{name}\0"
            for name, data in files.items()
            if "/" not in name
        ).encode(),
        branch="main",
    )
    town.trusted.fetch("main")
    nested = town.change(
        {"sub/.gitattributes": files["sub/.gitattributes"], "sub/.dot": files["sub/.dot"]},
        start=base,
    )
    git(town.home, "clone", "--quiet", "--branch", "work", str(town.forge), "naive")
    assert (town.home / "naive" / "sub" / ".dot").read_bytes() == b"a\r\nb\r\n"
    warmed(town, base)
    for commit in (base, nested):
        worktree = idle(town).open("r1", commit)
        assert town.worktrees.snapshot(worktree, commit) == town.trusted.tree_of(commit)
        assert (worktree / "unix.txt").read_bytes() == b"a\n$Id$\n"
        assert not (worktree.parent / "store.git" / "info" / "attributes").exists()


def test_the_files_are_readable_whatever_umask_the_factory_has(town, base) -> None:
    before = os.umask(0o077)
    try:
        worktree = town.worktrees.open("r1", base)
    finally:
        os.umask(before)
    assert stat.S_IMODE((worktree / "pkg0").stat().st_mode) == 0o755
    assert {mode for mode, _ in everything(worktree).values()} == {0o644}


@pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "a/../../outside"])
def test_a_link_that_leaves_the_tree_is_refused_before_anything_is_written(town, target) -> None:
    (town.author.folder / "a").mkdir()
    (town.author.folder / "a" / "kept").write_text("x")
    (town.author.folder / "link").symlink_to(target)
    base = town.author.commit()
    town.trusted.fetch("main")
    with pytest.raises(GitError, match="leaves the tree"):
        town.worktrees.open("r1", base)
    assert [path for path in (town.home / "worktrees").iterdir() if path.name != TRASH] == []


def test_killed_at_any_moment_a_half_made_tree_is_never_handed_out(town) -> None:
    """A process prepares trees and brings them over from one commit to the other, and is killed;
    whoever comes next finds whole ones or none."""
    base = town.started(dict(FILES))
    later = town.change(
        {name: content + "later\n" for name, content in list(FILES.items())[::3]},
        start=base,
        branch="main",
    )
    folder = town.home / "worktrees"
    seen_whole = False
    for number in range(5):
        process = subprocess.Popen(
            [sys.executable, str(PREPARER), str(town.trusted.git_dir), str(folder), base, later],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"began\n"
        time.sleep(0.05 + 0.35 * number)
        if number == 4:  # and once it has got so far, however busy the machine is
            until(lambda: pool(town))
        seen_whole = seen_whole or bool(pool(town))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        until(lambda: is_at_rest(town.home))  # its gits are gone, too
        after = RunWorktrees(town.trusted, folder)
        assert not list(folder.glob(f"{MAKING}*"))
        for run, wanted in (("r1", base), ("r2", later)):
            worktree = after.open(run, wanted)
            assert town.worktrees.snapshot(worktree, wanted) == town.trusted.tree_of(wanted)
            assert git(worktree, "status", "--porcelain", "--ignored") == b""
            after.close(run)
        assert all(base_of(tree) in (base, later) for tree in pool(town))
    assert seen_whole


def test_a_pool_that_cannot_be_made_leaves_the_runs_to_themselves(town, base) -> None:
    worktrees = RunWorktrees(town.trusted, town.home / "worktrees", warm=1)
    worktrees.prepare("b" * 40)
    until(nobody_prepares)
    assert worktrees.ready("b" * 40) == 0
    worktree = worktrees.open("r1", base)
    assert town.worktrees.snapshot(worktree, base) == town.trusted.tree_of(base)
    until(lambda: worktrees.ready(base) == 1)
