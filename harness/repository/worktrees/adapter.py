"""The adapter for a run's private checkout, and for the snapshot of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha, TreeSha
from harness.repository.export import export
from harness.repository.names import run_name, sha
from harness.repository.trash import delete_trash_later, discard_unfinished, throw_away
from harness.repository.trusted import TrustedRepository
from harness.repository.walk import WalkLimits
from harness.repository.worktrees.pool import WarmPool
from harness.repository.worktrees.run_store import (
    WORKTREE,
    hand_out,
    is_of,
    made,
    require_worktree,
)
from harness.repository.worktrees.snapshot import snapshot


class RunWorktrees:
    """`harness.ports.git.Worktrees`: each run has a folder of its own below `folder`, with
    `worktree` and its store."""

    def __init__(
        self,
        trusted: TrustedRepository,
        folder: Path,
        *,
        limits: WalkLimits | None = None,
        warm: int = 0,
    ) -> None:
        """Also deletes, in the background, what an earlier factory left. No other factory may work
        here.

        `warm` is how many worktrees are kept ready for the next runs, for a process that lives long
        enough.
        """
        self._trusted, self._folder, self._limits = trusted, folder, limits
        discard_unfinished(folder)
        delete_trash_later(folder)
        self._pool = WarmPool(trusted, folder, size=warm)

    def prepare(self, base: CommitSha) -> None:
        """Make as many worktrees of `base` in the background as are kept warm; none by default."""
        self._pool.prepare(sha(base))

    def ready(self, base: CommitSha) -> int:
        """How many worktrees of `base` are ready for a run."""
        return self._pool.ready(sha(base))

    def open(self, run: str, base: CommitSha) -> Path:
        """A fresh worktree at `folder/run/worktree`. Mount its parent as a whole for git to work
        there."""
        worktree = self._opened(run, base)
        self._pool.prepare(base)
        return worktree

    def ensure(self, run: str, commit: CommitSha) -> Path:
        """The worktree at `folder/run/worktree`, made only where the run has none of `commit`. The
        pool makes no other in its place: `close` brings it back."""
        place = self._folder / run_name(run)
        return place / WORKTREE if is_of(place, sha(commit)) else self._opened(run, commit)

    def _opened(self, run: str, base: CommitSha) -> Path:
        with _disk("no worktree could be made"):
            self._throw_away(run)
            making = self._pool.claim(sha(base)) or made(self._trusted, self._folder, base)
            return hand_out(making, self._folder / run_name(run))

    def snapshot(self, folder: Path, base: CommitSha) -> TreeSha:
        """The tree of the files in a worktree that `open` returned. The sandbox must be dead.
        Raises GitError if the files cannot be a change."""
        require_worktree(self._folder, folder)
        return snapshot(self._trusted, folder, base, limits=self._limits)

    def export(self, tree: TreeSha, folder: Path) -> None:
        """Write a tree's files byte for byte into a fresh folder."""
        export(self._trusted.git, TreeSha(sha(tree)), folder)

    def close(self, run: str, *, looked: bool = False) -> None:
        """Move the run's worktree and store to the trash at once; they are deleted in the
        background. One that was only looked at goes to the pool, where there is room."""
        with _disk(f"the worktree of {run} could not be removed"):
            if not (looked and self._pool.take_back(self._folder / run_name(run))):
                self._throw_away(run)
        delete_trash_later(self._folder)

    def _throw_away(self, run: str) -> None:
        place = self._folder / run_name(run)
        if os.path.lexists(place):
            throw_away(place, self._folder)


@contextmanager
def _disk(what: str) -> Iterator[None]:
    """Turn errors of a full or failing disk into a retryable GitError."""
    try:
        yield
    except OSError as error:
        raise GitError(f"{what}: {error}", retryable=True) from error
