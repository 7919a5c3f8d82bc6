"""A run's private checkout and the way back from it, as the factory asks for them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha, TreeSha
from harness.repository.export import export
from harness.repository.names import run_name, sha
from harness.repository.trash import left_behind, sweep_later, throw_away
from harness.repository.trusted import TrustedRepository
from harness.repository.walk import WalkLimits
from harness.repository.worktrees.pool import WarmPool
from harness.repository.worktrees.run_store import hand_out, made, require_worktree
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
        """Also deletes, in the background, what an earlier factory left. There must be no other at
        work here.

        `warm` is how many worktrees are kept ready for the next runs, for a process that lives long
        enough to have any good of it."""
        self._trusted, self._folder, self._limits = trusted, folder, limits
        left_behind(folder)
        sweep_later(folder)
        self._pool = WarmPool(trusted, folder, size=warm)

    def prepare(self, base: CommitSha) -> None:
        """Have worktrees of `base` made in the background, as many as are kept warm: none, unless
        asked for."""
        self._pool.prepare(sha(base))

    def ready(self, base: CommitSha) -> int:
        """How many worktrees of `base` wait for a run."""
        return self._pool.ready(sha(base))

    def open(self, run: str, base: CommitSha) -> Path:
        """A worktree at `folder/run/worktree`, fresh each time. Mount its parent as a whole for git
        to work there."""
        with _disk("no worktree could be made"):
            self._throw_away(run)
            making = self._pool.taken(sha(base)) or made(self._trusted, self._folder, base)
            worktree = hand_out(making, self._folder / run_name(run))
        self._pool.prepare(base)
        return worktree

    def snapshot(self, folder: Path, base: CommitSha) -> TreeSha:
        """The tree of the files in a worktree that `open` gave. The box must be dead. Raises
        GitError if unfit."""
        require_worktree(self._folder, folder)
        return snapshot(self._trusted, folder, base, limits=self._limits)

    def export(self, tree: TreeSha, folder: Path) -> None:
        """Write a tree's files byte for byte into a fresh folder."""
        export(self._trusted.git, TreeSha(sha(tree)), folder)

    def close(self, run: str) -> None:
        """Take the run's worktree and store out of sight at once; they are deleted in the
        background."""
        with _disk(f"the worktree of {run} could not be removed"):
            self._throw_away(run)
        sweep_later(self._folder)

    def _throw_away(self, run: str) -> None:
        place = self._folder / run_name(run)
        if os.path.lexists(place):
            throw_away(place, self._folder)


@contextmanager
def _disk(what: str) -> Iterator[None]:
    """A full or failing disk, as the error that the ports know. It may pass."""
    try:
        yield
    except OSError as error:
        raise GitError(f"{what}: {error}", retryable=True) from error
