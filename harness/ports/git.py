"""The trusted repository: bare, owned by the factory, and the only source of facts about a
change."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.domain.facts import FileChange
from harness.domain.issue import CommitSha, TreeSha


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed between two commits, from raw tree objects. `too_large` is a fact, not an
    exception."""

    files: tuple[FileChange, ...]
    # path → the bytes that the change adds, for the secret scanner
    added: Mapping[bytes, bytes]
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """The merge that did not happen."""

    paths: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Landing:
    """What came of an attempt to land: `landed`, `base-moved` or `refused`, with the branch's tip
    afterwards."""

    outcome: str
    tip: CommitSha | None
    message: str


class Repository(Protocol):
    """Reading. Every method raises GitError."""

    def fetch(self, *refs: str) -> None:
        """Bring branches from the forge into the trusted repository."""
        ...

    def tip(self, branch: str) -> CommitSha:
        """The forge's present tip of a branch, asked there and not remembered."""
        ...

    def latest(self, branch: str) -> CommitSha:
        """The forge's present tip of a branch, asked there, and fetched unless it is here."""
        ...

    def tree_of(self, commit: CommitSha) -> TreeSha:
        """The tree a commit has."""
        ...

    def files(self, commit: CommitSha) -> Mapping[bytes, str]:
        """Every path in a commit with its mode (`100644`, …)."""
        ...

    def read(self, commit: CommitSha, path: str) -> bytes | None:
        """The bytes of a file at a commit; None when it is not there."""
        ...

    def verify(self, commit: CommitSha) -> None:
        """Read the commit and everything in its tree, and hash each object again. Raises GitError
        naming the first that is missing or does not match its name."""
        ...

    def fetched(self, branch: str) -> CommitSha:
        """A branch's tip as it was when it was last fetched; the forge is not asked."""
        ...

    def contains(self, tip: CommitSha, commit: CommitSha) -> bool:
        """Whether `commit` is `tip` or one of its ancestors."""
        ...

    def parents_of(self, commit: CommitSha) -> tuple[CommitSha, ...]:
        """The parents of a commit, in order."""
        ...

    def line(self, tip: CommitSha, *, most: int) -> tuple[CommitSha, ...]:
        """What a branch was at, newest first: `tip` and its first parents, at most `most`
        commits."""
        ...

    def messages(self, tip: CommitSha, *, line: str) -> Mapping[CommitSha, str]:
        """The commits of a branch's history whose message has a line that begins with these words,
        each with its message."""
        ...

    def diff(self, base: CommitSha, head: CommitSha) -> Diff:
        """Raw facts between two commits."""
        ...

    def changed(self, base: CommitSha, head: CommitSha) -> tuple[bytes, ...]:
        """The paths that differ between two commits. Raises GitError where they are too many for
        anybody to look at."""
        ...


class Worktrees(Protocol):
    """A run's private checkout, and the way back from it without running git there."""

    def open(self, run: str, base: CommitSha) -> Path:
        """A worktree on a store that holds exactly one commit. The same run again gives a fresh
        one."""
        ...

    def ensure(self, run: str, commit: CommitSha) -> Path:
        """The run's worktree of `commit`, for looking alone: the one that it has, else a fresh one.
        No sandbox may write there."""
        ...

    def prepare(self, base: CommitSha) -> None:
        """The next worktrees will be of `base`: have some ready, in the background, where that is
        worth it."""
        ...

    def snapshot(self, folder: Path, base: CommitSha) -> TreeSha:
        """The tree of the files in `folder`, walked with no-follow opens. Raises GitError naming
        what is refused."""
        ...

    def export(self, tree: TreeSha, folder: Path) -> None:
        """Write a tree's files byte-exact, without attributes or filters."""
        ...

    def close(self, run: str, *, looked: bool = False) -> None:
        """Remove the run's worktree and store, where there are any. `looked`: nobody could write
        there, so the next run may have it."""
        ...


class Candidates(Protocol):
    """Writing commits, and landing them by compare-and-swap."""

    def commit(
        self, tree: TreeSha, parents: Sequence[CommitSha], *, message: str, at: str
    ) -> CommitSha:
        """A commit by the factory's own identity. The same arguments give the same sha."""
        ...

    def merge(
        self, base: CommitSha, head: CommitSha, *, message: str, at: str
    ) -> CommitSha | Conflict:
        """M = merge(base, head), made by us. A conflict is a stop, whatever the attributes say."""
        ...

    def apart(self) -> AbstractContextManager[tuple[Repository, "Candidates"]]:
        """A repository and its candidates for what anybody may push: it reads what the trusted one
        has, and whatever is fetched or made in it is gone at the end."""
        ...

    def push(self, commit: CommitSha, branch: str, *, expected: CommitSha | None) -> None:
        """Put `commit` on a branch of the forge if the branch is where we think it is (None:
        absent)."""
        ...

    def land(
        self, candidate: CommitSha, branch: str, *, base: CommitSha, head: CommitSha, tree: TreeSha
    ) -> Landing:
        """Fast-forward `branch` from `base` to `candidate` after asserting its parents and tree.
        Idempotent."""
        ...

    def remove(self, branch: str, *, expected: CommitSha) -> CommitSha | None:
        """Take a branch of ours off the forge if it is at `expected`, and leave it where somebody
        else moved it; where it is afterwards, None when it is gone. Idempotent."""
        ...

    def keep(self, commit: CommitSha, name: str) -> None:
        """Keep a commit of ours under the ref `refs/factory/<name>` of the trusted repository.
        Idempotent."""
        ...


class TreeFile(Protocol):
    """One file of a tree, as git lists it: mode, object, raw path from the root, size in bytes (0
    for a gitlink)."""

    @property
    def mode(self) -> str: ...

    @property
    def oid(self) -> str: ...

    @property
    def path(self) -> bytes: ...

    @property
    def size(self) -> int: ...


class Contents(Protocol):
    """Reading whole trees, in a few processes however many files there are. Every method raises
    GitError."""

    def latest(self, branch: str) -> CommitSha:
        """The forge's present tip of a branch, asked there, and fetched unless it is here."""
        ...

    def tree_of(self, commit: CommitSha) -> TreeSha:
        """The tree a commit has."""
        ...

    def entries(self, treeish: str) -> Sequence[TreeFile]:
        """Every file, symlink and gitlink of a commit's or a tree's, in git's order."""
        ...

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        """The raw bytes of each file by its object, in the order asked. All of them are in memory
        at once."""
        ...
