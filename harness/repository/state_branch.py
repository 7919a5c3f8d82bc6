"""The branch of the forge that has a home's state: one commit without a parent, with one file.

Properties:
- It is written by compare-and-swap: whoever does not know where the branch is moves nothing.
- Each state replaces the one before it, so the branch does not grow.
- What is fetched is bounded before it is read: others may have written it.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha, TreeSha
from harness.repository.candidate import TrustedCandidates
from harness.repository.landing import pushed, removed
from harness.repository.names import branch_ref, remote_url, sha
from harness.repository.objects import blobs, entry_at
from harness.repository.plumbing import Bounds
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository

BRANCH = "factory-state"
FILE = "state.age"
MOST_BYTES = 95 * 1024**2
"""GitHub refuses a file of 100 MiB."""
_REF = "refs/factory/state"
_MORE = 1024**2


class BranchMoved(GitError):
    """The branch is not where it was expected: somebody else moved it."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """What the branch has: its commit, the commit's message, and the file."""

    commit: CommitSha
    message: str
    content: bytes


class StateBranch:
    """The branch on `remote`. `folder` is a repository of ours that is made anew for each use."""

    def __init__(self, folder: Path, remote: Remote, *, most: int = MOST_BYTES) -> None:
        self._folder, self._remote, self._most = folder, remote, most
        self._unsure: CommitSha | None = None

    def read(self, known: CommitSha | None = None) -> StoredState | None:
        """What the branch has now; None if there is no branch. If it is at `known`, the file is not
        fetched and comes empty. Raises GitError for anything that this class did not write."""
        fresh = self._fresh()
        tip = self._remote.branch_tip(fresh.git, BRANCH)
        if tip is None or tip == known:
            return StoredState(tip, "", b"") if tip else None
        bounds = Bounds(processor_seconds=60, file=self._most + _MORE, output=_MORE)
        self._remote.output(
            replace(fresh.git, bounds=bounds),
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--",
            remote_url(self._remote.url),
            f"+{branch_ref(BRANCH)}:{_REF}",
        )
        git = replace(fresh.git, bounds=Bounds(output=self._most + _MORE))
        commit = sha(git.line("rev-parse", "--verify", _REF))
        entry = entry_at(git, commit, FILE.encode())
        if entry is None or not entry.is_file or entry.size > self._most:
            raise GitError(
                f"the branch {BRANCH} at {commit:.12} has no file {FILE} of at most"
                f" {self._most:,} bytes: it is none that the factory wrote"
            )
        raw = git.output("cat-file", "commit", commit)
        message = raw.partition(b"\n\n")[2].decode("utf-8", "replace")
        return StoredState(commit, message, next(iter(blobs(git, [entry.oid]))))

    def write(
        self, content: bytes, *, message: str, at: str, expected: CommitSha | None
    ) -> CommitSha:
        """Replace what the branch has, if it is at `expected` (None: absent) or at what an earlier
        call pushed without getting an answer. Raises BranchMoved if it is not, and GitError if the
        file is too large or the forge does not take it."""
        if len(content) > self._most:
            raise GitError(
                f"the state has {len(content):,} bytes, and a branch takes {self._most:,}; `factory"
                " gc --days 7` makes room, and a PostgreSQL has no such limit"
            )
        fresh = self._fresh()
        # The forge took that push and the answer was lost: nobody else has moved the branch.
        if self._unsure and self._remote.branch_tip(fresh.git, BRANCH) == self._unsure:
            expected = self._unsure
        blob = sha(fresh.git.line("hash-object", "-w", "--stdin", stdin=content))
        listed = f"100644 blob {blob}\t{FILE}\n".encode()
        tree = TreeSha(sha(fresh.git.line("mktree", stdin=listed)))
        commit = TrustedCandidates(fresh).commit(tree, (), message=message, at=at)
        self._unsure = commit
        try:
            pushed(fresh, commit, BRANCH, expected=expected)
        except GitError as refused:
            self._raise_if_moved(fresh, expected, refused)
            raise
        self._unsure = None
        return commit

    def remove(self, *, expected: CommitSha) -> None:
        """Delete the branch, if it is at `expected`. Raises BranchMoved if it is not."""
        fresh = self._fresh()
        if tip := removed(fresh, BRANCH, expected=expected):
            raise BranchMoved(f"{BRANCH} is at {tip:.12} and not at {expected:.12}")

    def _raise_if_moved(
        self, fresh: TrustedRepository, expected: CommitSha | None, refused: GitError
    ) -> None:
        """A forge that refuses, or that does not answer, has not moved the branch."""
        tip = self._remote.branch_tip(fresh.git, BRANCH)
        if tip not in (expected, self._unsure):
            where = f"at {tip:.12}" if tip else "gone"
            raise BranchMoved(f"{BRANCH} is {where}: somebody else moved it") from refused

    def _fresh(self) -> TrustedRepository:
        shutil.rmtree(self._folder, ignore_errors=True)
        return TrustedRepository(self._folder, self._remote)
