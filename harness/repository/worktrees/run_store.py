"""A run's own git: a bare store with exactly one commit, and a worktree on it.

The agent owns both and may damage both. Nothing is shared with the trusted repository: the objects
are written again into a pack of the run's own (no hard links, no alternates), and there is no
remote to fetch from. Once an agent has been there, our git never runs there again.
"""

import shutil
import uuid
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha
from harness.repository.checkout import check_out
from harness.repository.names import sha
from harness.repository.plumbing import Git
from harness.repository.trash import MAKING, throw_away
from harness.repository.trusted import TrustedRepository

STORE, WORKTREE = "store.git", "worktree"
_AGENT = "[user]\n\tname = agent\n\temail = agent@localhost\n[gc]\n\tauto = 0\n"


def made(trusted: TrustedRepository, folder: Path, base: CommitSha, *, nice: int = 0) -> Path:
    """A run's folder with a fresh store and worktree of `base`, under a name for unfinished
    folders."""
    making = new_making(folder)
    making.mkdir(parents=True)
    try:
        (making / WORKTREE).mkdir()
        _write_store(trusted, making / STORE, sha(base), nice=nice)
        _link(making)
        check_out(admin(making), making / WORKTREE, base, nice=nice)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return making


def bring_over(trusted: TrustedRepository, making: Path, base: CommitSha, *, nice: int = 0) -> None:
    """Change a folder that was made for another commit to `base`: a new store, and in the worktree
    what differs.

    The old store is thrown away with all its objects: a run's store has one commit.
    """
    old = making / "old.git"
    (making / STORE).rename(old)
    _write_store(trusted, making / STORE, sha(base), nice=nice)
    # By the old index git knows which files are right already, and writes only the others.
    shutil.copyfile(old / "worktrees" / WORKTREE / "index", admin(making) / "index")
    throw_away(old, making.parent)
    check_out(admin(making), making / WORKTREE, base, nice=nice)


def new_making(folder: Path) -> Path:
    """A name for an unfinished folder. The next factory throws folders with such names away."""
    return folder / f"{MAKING}{uuid.uuid4().hex}"


def admin(place: Path) -> Path:
    """Git's folder of the worktree, within the store: its HEAD and its index
    (gitrepository-layout(5))."""
    return place / STORE / "worktrees" / WORKTREE


def is_of(place: Path, commit: CommitSha) -> bool:
    """Whether a run has a finished worktree of this commit here, by its HEAD alone."""
    return (place / WORKTREE).is_dir() and head_of(place) == commit


def head_of(place: Path) -> str:
    """The commit of the folder's worktree; empty where there is none."""
    try:
        return (admin(place) / "HEAD").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def hand_out(making: Path, place: Path) -> Path:
    """The worktree of a finished folder, moved to where its run expects it."""
    making.rename(place)
    (admin(place) / "gitdir").write_text(f"{place / WORKTREE / '.git'}\n", encoding="utf-8")
    return place / WORKTREE


def _write_store(trusted: TrustedRepository, store: Path, base: CommitSha, *, nice: int) -> None:
    """The objects of one commit in one pack. Git's transport would hash each object twice."""
    git = Git(store, nice=nice)
    git.init(branch="work")
    wanted = trusted.git.output(
        "rev-list", "--objects", "--no-walk", "--no-object-names", "--end-of-options", base
    )
    git.output(
        "pack-objects",
        "--quiet",
        "--window=0",
        str(store / "objects" / "pack" / "pack"),
        stdin=wanted,
        more={"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(trusted.git_dir / "objects")},
    )
    # The parents of the commit are not in this store.
    (store / "shallow").write_text(f"{base}\n", encoding="ascii")
    with (store / "config").open("a", encoding="utf-8") as config:
        config.write(_AGENT)
    folder = store / "worktrees" / WORKTREE
    folder.mkdir(parents=True)
    (folder / "HEAD").write_text(f"{base}\n", encoding="ascii")
    (folder / "commondir").write_text("../..\n", encoding="ascii")


def _link(place: Path) -> None:
    """The worktree names its store by a relative path, so the folder works wherever a sandbox
    mounts it as a whole."""
    (place / WORKTREE / ".git").write_text(
        f"gitdir: ../{STORE}/worktrees/{WORKTREE}\n", encoding="utf-8"
    )


def require_worktree(folder: Path, given: Path) -> None:
    """Raise GitError if `given` is not a worktree that this folder of runs made: only those are
    snapshotted."""
    if (
        given.name != WORKTREE
        or given.parent.parent != folder
        or given.parent.is_symlink()
        or not given.is_dir()
    ):
        raise GitError(f"{given} is not a run's worktree below {folder}")
