"""The agent's own git: one commit, nothing shared, and nothing left of it afterwards."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness.domain.errors import GitError
from harness.repository.trash import MAKING, TRASH, delete_trash
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from tests.nests import DEEP, LONG, folder_for_nests, nest
from tests.repository.naive import blob, bytes_below, git, word


def objects(store: Path) -> dict[str, str]:
    """Every object of a repository, reachable or not, with its kind."""
    printed = git(
        store, "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"
    ).decode()
    return dict(line.split() for line in printed.splitlines())


def inodes(folder: Path) -> set[int]:
    return {
        os.lstat(os.path.join(inner, name)).st_ino
        for inner, _, names in os.walk(folder)
        for name in names
    }


@pytest.fixture
def second_commit(town):
    """A base with a past: a parent with a file that is gone, a tag, another branch, a hidden
    commit."""
    first = town.author.commit({"secret-journey.yaml": "canary\n", "app.py": "old\n"})
    (town.author.folder / "secret-journey.yaml").unlink()
    base = town.author.commit({"app.py": "new\n", "docs/a.md": "a\n"})
    git(town.author.folder, "tag", "v1", first)
    git(town.author.folder, "push", "--quiet", "origin", "v1")
    town.author.switch("other", start=base)
    town.author.commit({"app.py": "other\n"}, branch="other")
    town.trusted.fetch("main", "other", "refs/tags/v1")
    return base


def test_the_store_holds_one_commit_its_trees_and_its_files_and_not_an_object_more(
    town, second_commit
) -> None:
    worktree = town.worktrees.open("r1", second_commit)
    store = worktree.parent / "store.git"
    reachable = (
        git(town.author.folder, "ls-tree", "-r", "-t", "--object-only", second_commit)
        .decode()
        .split()
    )
    assert set(objects(store)) == {second_commit, town.trusted.tree_of(second_commit), *reachable}
    assert list(objects(store).values()).count("commit") == 1
    canary = blob(town.author.folder, b"canary\n")
    assert canary in objects(town.trusted.git_dir)
    assert canary not in objects(store)


def test_history_ends_at_the_base_and_no_name_leads_elsewhere(town, second_commit) -> None:
    worktree = town.worktrees.open("r1", second_commit)
    assert word(worktree, "log", "--all", "--format=%H") == second_commit
    assert git(worktree, "for-each-ref") == b""
    assert git(worktree, "remote") == b""
    assert git(worktree, "reflog", "--all") == b""
    assert git(worktree, "show", "HEAD~1", check=False) == b""
    assert str(town.trusted.git_dir).encode() not in b"".join(
        data for _, data in bytes_below(worktree.parent).values()
    )


def test_nothing_is_shared_with_the_trusted_repository(town, second_commit) -> None:
    run = town.worktrees.open("r1", second_commit).parent
    assert not inodes(run) & inodes(town.trusted.git_dir)
    assert not list(run.rglob("alternates"))
    assert not [path for path in run.rglob("*") if path.is_symlink()]


def test_the_worktree_is_clean_and_the_agent_can_commit_in_it(town, second_commit) -> None:
    worktree = town.worktrees.open("r1", second_commit)
    assert git(worktree, "status", "--porcelain") == b""
    (worktree / "new").write_text("x")
    git(worktree, "add", "new")
    git(worktree, "commit", "--quiet", "-m", "mine")
    assert word(worktree, "log", "--format=%s", "-1") == "mine"
    assert word(worktree, "config", "user.name") == "agent"


def test_the_run_works_wherever_its_folder_is_mounted(town, second_commit) -> None:
    run = town.worktrees.open("r1", second_commit).parent
    moved = run.rename(town.home / "elsewhere")
    assert git(moved / "worktree", "status", "--porcelain") == b""
    assert word(moved / "worktree", "rev-parse", "HEAD") == second_commit


def test_files_come_out_as_bytes_whatever_the_attributes_say(town) -> None:
    files = {
        ".gitattributes": b"* text eol=crlf\n",
        "mixed.txt": b"a\r\nb\n",
        "unix.txt": b"a\nb\n",
    }
    base = town.author.commit_tree(
        "".join(
            f"100644 blob {blob(town.author.folder, data)}\t{name}\0"
            for name, data in files.items()
        ).encode(),
        branch="main",
    )
    town.trusted.fetch("main")
    naive = town.home / "naive"
    git(town.home, "clone", "--quiet", str(town.forge), str(naive))
    assert (naive / "unix.txt").read_bytes() == b"a\r\nb\r\n"
    worktree = town.worktrees.open("r1", base)
    assert (worktree / "unix.txt").read_bytes() == b"a\nb\n"
    assert (worktree / "mixed.txt").read_bytes() == b"a\r\nb\n"
    assert town.worktrees.snapshot(worktree, base) == town.trusted.tree_of(base)


def test_the_same_run_again_is_given_a_fresh_worktree(town, second_commit) -> None:
    worktree = town.worktrees.open("r1", second_commit)
    (worktree / "app.py").write_text("wrecked")
    (worktree.parent / "store.git" / "hooks").mkdir()
    again = town.worktrees.open("r1", second_commit)
    assert again == worktree
    assert (again / "app.py").read_text() == "new\n"
    assert not (again.parent / "store.git" / "hooks").exists()


def test_a_base_that_is_not_here_leaves_nothing_behind(town) -> None:
    town.started()
    with pytest.raises(GitError):
        town.worktrees.open("r1", "b" * 40)
    with pytest.raises(GitError, match="40 hex digits"):
        town.worktrees.open("r1", "main")
    assert not (town.home / "worktrees" / "r1").exists()
    assert not [path for path in (town.home / "worktrees").iterdir() if path.name != TRASH]


def test_a_half_made_worktree_of_a_dead_factory_is_cleared_away(town, second_commit) -> None:
    (town.home / "worktrees" / f"{MAKING}dead" / "store.git").mkdir(parents=True)
    RunWorktrees(town.trusted, town.home / "worktrees")
    assert [path.name for path in (town.home / "worktrees").iterdir()] == [TRASH]
    assert gone(town.home / "worktrees" / TRASH)


def gone(folder: Path) -> bool:
    deadline = time.monotonic() + 300  # who deletes stands back for all others
    while any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(folder.iterdir())


def test_closing_takes_it_away_and_follows_no_link(town, second_commit) -> None:
    worktree = town.worktrees.open("r1", second_commit)
    kept = town.home / "kept"
    kept.mkdir(mode=0o750)
    (kept / "file").write_text("mine")
    (worktree / "link").symlink_to(kept)
    (worktree / "locked" / "deep").mkdir(parents=True)
    (worktree / "locked" / "link").symlink_to(kept)
    (worktree / "locked" / "deep").chmod(0)
    (worktree / "locked").chmod(0)
    worktree.parent.chmod(0)
    town.worktrees.close("r1")
    assert not worktree.parent.exists()
    assert gone(town.home / "worktrees" / TRASH)
    assert (kept / "file").read_text() == "mine"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o750
    town.worktrees.close("r1")


def test_folders_that_their_owner_closed_are_deleted_without_being_root() -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    me = os.geteuid()
    try:
        if me == 0:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        (folder / TRASH / "r1" / "a" / "b").mkdir(parents=True)
        (folder / TRASH / "r1" / "a" / "b").chmod(0)
        (folder / TRASH / "r1" / "a").chmod(0)
        delete_trash(folder)
        assert not any((folder / TRASH).iterdir())
    finally:
        os.seteuid(me)
        shutil.rmtree(folder)


def test_what_no_path_leads_to_is_deleted() -> None:
    """An agent's folders once stopped the deletion of everybody's trash."""
    with folder_for_nests() as folder:
        for number, (name, depth) in enumerate((LONG, DEEP)):
            (folder / TRASH / str(number)).mkdir(parents=True)
            nest(folder / TRASH / str(number), name, depth)
        assert delete_trash(folder) == ()
        assert not any((folder / TRASH).iterdir())


def test_what_a_dead_factory_did_not_delete_is_deleted_by_the_next(town, second_commit) -> None:
    run = town.worktrees.open("r1", second_commit).parent
    (town.home / "worktrees" / TRASH).mkdir()
    run.rename(town.home / "worktrees" / TRASH / "r1-half")
    RunWorktrees(town.trusted, town.home / "worktrees")
    assert gone(town.home / "worktrees" / TRASH)


def test_sweeping_where_there_is_nothing_is_fine(tmp_path) -> None:
    delete_trash(tmp_path)


def test_a_disk_that_fails_is_an_error_that_may_pass(town) -> None:
    base = town.started()
    (town.home / "file").write_text("in the way")
    with pytest.raises(GitError, match="no worktree could be made") as failed:
        RunWorktrees(town.trusted, town.home / "file").open("r1", base)
    assert failed.value.retryable
    with pytest.raises(GitError, match="could not be made") as failed:
        TrustedRepository(town.home / "file" / "x.git", town.trusted.remote)
    assert failed.value.retryable


def test_an_argument_list_that_the_system_will_not_take_is_an_error_of_ours(town) -> None:
    with pytest.raises(GitError, match="git could not be started"):
        town.trusted.git.run("rev-parse", "x" * (1 << 20))


def test_only_a_worktree_of_ours_is_ever_snapshot(town, second_commit) -> None:
    worktree = town.worktrees.open("r1", second_commit)
    elsewhere = town.home / "elsewhere"
    (elsewhere / "worktree").mkdir(parents=True)
    (town.home / "worktrees" / "link").symlink_to(elsewhere)
    gone = town.home / "worktrees" / "r2" / "worktree"
    for folder in (
        town.author.folder,
        worktree.parent,
        worktree / "docs",
        elsewhere / "worktree",
        gone,
        town.home / "worktrees" / "link" / "worktree",
    ):
        with pytest.raises(GitError, match="not a run's worktree"):
            town.worktrees.snapshot(folder, second_commit)


def test_a_file_or_a_link_in_the_trash_goes_and_what_it_leads_to_stays(tmp_path) -> None:
    (tmp_path / TRASH).mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("mine")
    (tmp_path / TRASH / "link").symlink_to(tmp_path / "kept")
    (tmp_path / TRASH / "file").write_text("x")
    delete_trash(tmp_path)
    assert not any((tmp_path / TRASH).iterdir())
    assert (tmp_path / "kept" / "file").read_text() == "mine"


ENDS_AT_ONCE = """
import os, sys, time
from contextlib import suppress
from pathlib import Path
from harness.repository.trash import any_trash, delete_trash_later, throw_away

def is_begun():
    for children in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):     # a thread that has just ended
            if children.read_text().strip():
                return True
    return False

folder = Path(sys.argv[1])
throw_away(folder / "r1", folder)
delete_trash_later(folder)
while any_trash(folder) and not is_begun():
    time.sleep(0.01)
os.kill(os.getpid(), 9)
"""


def test_what_is_closed_is_deleted_also_when_the_factory_ends_at_once(town, second_commit) -> None:
    town.worktrees.open("r1", second_commit)
    folder = town.home / "worktrees"
    assert (
        subprocess.run([sys.executable, "-c", ENDS_AT_ONCE, str(folder)], check=False).returncode
        == -signal.SIGKILL
    )
    assert gone(folder / TRASH)
