"""Git's own checkout, in parallel and byte for byte: it reads no attribute of the tree that it
writes.

Properties:
- The files equal the objects. A tree's own attributes would change line ends, expand `$Id$` and
  name filters, and git before 2.41 cannot read them from elsewhere. So a file with higher
  precedence than any in the tree resets every attribute that matters. It is deleted before the
  agent starts.
- No symbolic link leaves the tree, and links come last, so that no file is written through one.
- Files have the modes 0644 and 0755, folders 0755, whatever our own umask is.
"""

import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha
from harness.repository.names import shown
from harness.repository.objects import blobs
from harness.repository.plumbing import Git

# Writing files waits for the disk more than for a processor: with two cores, eight workers were
# twice as fast as one.
WORKERS = 8
UMASK = 0o022
_NOTHING_CONVERTS = "* !text !eol !crlf !ident !filter !working-tree-encoding\n"
_SETTINGS = (
    ("checkout.workers", str(WORKERS)),
    ("core.bare", "false"),
    ("core.fileMode", "true"),
    ("core.symlinks", "true"),
)


def check_out(git_dir: Path, folder: Path, commit: CommitSha, *, nice: int) -> None:
    """Make the files below `folder` and the index of `git_dir` those of `commit`, and write only
    what differs.

    Files that are not in the index stay. Raises GitError for a symlink that leaves the tree, and
    when git could not write everything.
    """
    git = Git(git_dir, umask=UMASK, nice=nice)
    _require_inner_links(git, commit)
    with _no_attributes(git):
        git.output(
            f"--work-tree={folder}", "read-tree", "--reset", "-u", commit, settings=_SETTINGS
        )


def settle(git_dir: Path, folder: Path, *, nice: int) -> None:
    """Compare by content each file that was written in the same second as the index, and give the
    index a new time.

    The next comparison then needs only `lstat`. Call it in a later second than `check_out`, or it
    changes nothing.
    """
    git = Git(git_dir, umask=UMASK, nice=nice)
    with _no_attributes(git):
        git.output(f"--work-tree={folder}", "update-index", "-q", "--refresh", settings=_SETTINGS)


def differences(git_dir: Path, folder: Path) -> str:
    """What differs from the commit at HEAD, ignored files included; empty if nothing does."""
    git = Git(git_dir)
    with _no_attributes(git):
        printed = git.output(
            f"--work-tree={folder}",
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignored=traditional",
            settings=_SETTINGS,
        )
    return " ".join(shown(line) for line in printed.split(b"\0")[:3] if line)


def _require_inner_links(git: Git, commit: CommitSha) -> None:
    """Raise GitError for a symbolic link that leaves the tree."""
    listed = git.output("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")
    links = [record.split(b"\t", 1) for record in listed if record.startswith(b"120000 ")]
    if links:
        oids = [facts.split()[2].decode("ascii") for facts, _ in links]
        for (_, path), target in zip(links, blobs(git, oids), strict=True):
            require_inner(path, target)


def require_inner(path: bytes, target: bytes) -> None:
    """Raise GitError if the symbolic link at `path` leads out of the tree."""
    landed = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if target.startswith(b"/") or landed == b".." or landed.startswith(b"../"):
        raise GitError(
            f"{shown(path)} is a symbolic link to {shown(target)}, which leaves the tree"
        )


@contextmanager
def _no_attributes(git: Git) -> Iterator[None]:
    """Within the block git ignores the attributes of the tree in this repository."""
    info = Path(os.path.realpath(git.git_dir / _common(git.git_dir))) / "info"
    info.mkdir(exist_ok=True)
    attributes = info / "attributes"
    attributes.write_text(_NOTHING_CONVERTS, encoding="ascii")
    try:
        yield
    finally:
        attributes.unlink()


def _common(git_dir: Path) -> str:
    """Where a linked worktree's shared files are, from its own folder."""
    return (git_dir / "commondir").read_text(encoding="utf-8").strip()
