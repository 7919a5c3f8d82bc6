"""Reads a person's own clone at one commit, and leaves it unchanged: for commands that compare what
somebody is editing.

Properties: nothing is written there, and none of its hooks, filters, monitors or helpers runs. The
content is the commit's, whatever is in the working copy. A ref is never taken for an option.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.issue import CommitSha
from harness.repository.names import sha, shown
from harness.repository.objects import TreeEntry, blobs, entries
from harness.repository.plumbing import Git
from harness.repository.trusted import READ_AT_MOST

_POINTER = b"gitdir: "


@dataclass(frozen=True, slots=True)
class RepositorySnapshot:
    """The files below one folder at one commit, by their paths from that folder."""

    git: Git
    commit: CommitSha
    found: Mapping[bytes, TreeEntry]

    @property
    def paths(self) -> Mapping[bytes, str]:
        """Every path with its mode."""
        return {path: entry.mode for path, entry in self.found.items()}

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises ConfigError if it is missing, not a file, or too large."""
        name = path.encode("utf-8", "surrogateescape")
        entry = self.found.get(name)
        if entry is None or not entry.is_file or entry.size > READ_AT_MOST:
            raise ConfigError(
                f"{shown(name)} at {self.commit:.7} is not a file of at most {READ_AT_MOST} bytes"
            )
        return next(blobs(self.git, (entry.oid,)))


def snapshot_at(folder: Path, ref: str) -> RepositorySnapshot:
    """What is below `folder` at the commit that `ref` names.

    Raises ConfigError if the folder is in no repository, if the ref names no commit, or if the
    commit has no such folder. Raises GitError if git cannot run.
    """
    if ref.startswith("-") or not ref.strip() or not ref.isprintable():
        raise ConfigError(
            f"{ref!a} is not a ref; name a branch, a tag or a commit, such as main or HEAD~1"
        )
    top, git_dir = _repository_of(folder.resolve())
    git = Git(git_dir)
    commit = _object(
        git,
        f"{ref}^{{commit}}",
        f"`{ref}` names no commit in {top}; name a branch, a tag or a commit of it",
    )
    below = folder.resolve().relative_to(top).as_posix()
    tree = _object(
        git,
        f"{commit}^{{tree}}" if below == "." else f"{commit}:{below}",
        f"{below} is not there at `{ref}` ({commit:.7}); compare with a commit that has it",
    )
    return RepositorySnapshot(git, commit, {entry.path: entry for entry in entries(git, tree)})


def _object(git: Git, name: str, otherwise: str) -> CommitSha:
    result = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", name)
    if result.status:
        raise ConfigError(otherwise)
    return sha(result.out.decode("ascii").strip())


def _repository_of(folder: Path) -> tuple[Path, Path]:
    """The top of the working copy around a folder, and its git folder. Raises ConfigError."""
    for top in (folder, *folder.parents):
        inside = top / ".git"
        if inside.is_dir():
            return top, inside
        # A linked worktree or a submodule has a file that names its git folder.
        if inside.is_file():
            with inside.open("rb") as file:
                line = file.read(4096).partition(b"\n")[0]
            if line.startswith(_POINTER):
                return top, top / line.removeprefix(_POINTER).decode("utf-8", "surrogateescape")
    raise ConfigError(f"{folder} is in no git repository; `--base` reads the old text from one")
