"""A pool of worktrees made in advance: handing one out is a rename.

Properties:
- An unfinished tree has a name for unfinished folders, and is never handed out, whatever was killed
  when.
- Before a tree is handed out it is compared with the requested commit: every file, every mode,
  nothing more.
- No tree comes back that an agent had: it is deleted. One that was only looked at may come back.
- A tree belongs to the process that renames it first, so two runs never get the same one.
"""

import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha
from harness.repository.checkout import differences, settle
from harness.repository.trash import delete_trash_later, throw_away
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.run_store import (
    WORKTREE,
    admin,
    bring_over,
    head_of,
    made,
    new_making,
)

POOL = ".pool-"
# Running agents come first.
NICE = 10
# As many as look at once by default (`[limits] parallel`).
TAKEN_BACK = 2
# Longer than the resolution of a file system's clock.
TICK_SECONDS = 0.02


class WarmPool:
    """Up to `size` trees of the commit that was last requested. A pool of size 0 makes none, and
    hands out what there is."""

    def __init__(self, trusted: TrustedRepository, folder: Path, *, size: int) -> None:
        self._trusted, self._folder, self._size = trusted, folder, size
        self._lock = threading.Lock()
        self._wanted: CommitSha | None = None
        self._working = False

    def claim(self, base: CommitSha) -> Path | None:
        """A finished folder of `base` under a name of its own, for the caller; None if there is
        none."""
        # A tree of another commit comes last: to bring it over still beats making a new one.
        for place in sorted(self._trees(), key=lambda tree: base_of(tree) != base):
            claimed = self._claimed(place)
            if claimed and self._holds(claimed, base, made_for=base_of(place)):
                return claimed
        return None

    def prepare(self, base: CommitSha) -> None:
        """Bring the pool to `base`, in the background. A later request replaces an earlier one."""
        if not self._size:
            return
        with self._lock:
            self._wanted = base
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, name="prepare worktrees", daemon=True).start()

    def take_back(self, place: Path) -> bool:
        """Whether a run's folder that nobody could write to is one of the pool's now: where trees
        of its commit are wanted, and fewer than `TAKEN_BACK` are there."""
        base = CommitSha(head_of(place))
        if not self._size or base != self._wanted or self.ready(base) >= TAKEN_BACK:
            return False
        place.rename(self._new_name(base))
        return True

    def ready(self, base: CommitSha) -> int:
        """How many finished trees of `base` there are."""
        return sum(base_of(tree) == base for tree in self._trees())

    def _trees(self) -> Iterable[Path]:
        return self._folder.glob(f"{POOL}*")

    def _claimed(self, place: Path) -> Path | None:
        making = new_making(self._folder)
        try:
            return place.rename(making)
        except FileNotFoundError:
            # Another run was quicker.
            return None

    def _holds(self, claimed: Path, base: CommitSha, *, made_for: str) -> bool:
        """Whether the folder is one of `base` now. Otherwise it is thrown away."""
        with suppress(GitError, OSError):
            if made_for != base:
                bring_over(self._trusted, claimed, base)
            if is_whole(claimed, base):
                return True
        throw_away(claimed, self._folder)
        return False

    def _work(self) -> None:
        """Work until the pool is at the last requested commit. A failure ends it: the next run
        makes its own worktree, and reports why that fails."""
        base: CommitSha | None = None
        try:
            while (base := self._next(base)) is not None:
                self._refresh(base)
        except (GitError, OSError):
            with self._lock:
                self._working = False
        delete_trash_later(self._folder)

    def _next(self, done: CommitSha | None) -> CommitSha | None:
        with self._lock:
            # Under the lock, so that a request that comes during the last step is not lost.
            self._working = self._wanted != done
            return self._wanted if self._working else None

    def _refresh(self, base: CommitSha) -> None:
        stale = [tree for tree in self._trees() if base_of(tree) != base]
        while self.ready(base) < self._size and self._wanted == base:
            self._add(base, self._claimed(stale.pop()) if stale else None)
        for place in stale:
            if claimed := self._claimed(place):
                throw_away(claimed, self._folder)

    def _add(self, base: CommitSha, claimed: Path | None) -> None:
        if claimed is None:
            making = made(self._trusted, self._folder, base, nice=NICE)
        else:
            making = claimed
            bring_over(self._trusted, making, base, nice=NICE)
        # Git compares times in whole seconds, so wait until the next one has begun.
        time.sleep(1 - time.time() % 1 + TICK_SECONDS)
        settle(admin(making), making / WORKTREE, nice=NICE)
        making.rename(self._new_name(base))

    def _new_name(self, base: CommitSha) -> Path:
        return self._folder / f"{POOL}{base}-{uuid.uuid4().hex}"


def base_of(place: Path) -> str:
    """The commit that a tree of the pool was made for."""
    return place.name.removeprefix(POOL).partition("-")[0]


def is_whole(place: Path, base: CommitSha) -> bool:
    """Whether the folder's worktree is exactly `base`: HEAD, index and files, and no other file."""
    return head_of(place) == base and not differences(admin(place), place / WORKTREE)
