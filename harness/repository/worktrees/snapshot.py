"""Turns the files that an agent left into a tree in the trusted repository, without running git
where the agent was.

Incidents: an agent planted `core.fsmonitor` in its store and replaced the worktree's `.git`, and a
`git status` there ran its code. A trusted `git add -A` rewrote CRLF, and made a gitlink of a nested
repository. So this module walks the files, hashes raw bytes, and writes its own index.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.facts import GITLINK, SYMLINK
from harness.domain.issue import CommitSha, TreeSha
from harness.repository.names import shown
from harness.repository.objects import (
    TreeEntry,
    blob_oid,
    blobs,
    folders_above,
    write_blobs,
    written_tree,
)
from harness.repository.plumbing import Git
from harness.repository.trusted import TrustedRepository
from harness.repository.walk import Beyond, Found, Unfit, WalkLimits, found_in
from harness.repository.worktrees.ignored import Ignored

NAMED_AT_MOST = 10
CHUNK_BYTES = 32 * 1024 * 1024
"""How much is collected in memory before it is written."""


@dataclass(slots=True)
class _Taking:
    """The result so far: the new tree's files, and the contents that the trusted repository may
    lack."""

    base: Mapping[bytes, TreeEntry]
    files: list[TreeEntry] = field(default_factory=list)
    unwritten: dict[str, bytes] = field(default_factory=dict)
    unwritten_bytes: int = 0
    unfit: list[str] = field(default_factory=list)

    def take(self, item: Found) -> None:
        oid, before = blob_oid(item.data), self.base.get(item.path)
        if before is None or before.oid != oid:
            self.unwritten[oid] = item.data
            self.unwritten_bytes += len(item.data)
        if item.mode == SYMLINK and (before is None or (before.mode, before.oid) != (SYMLINK, oid)):
            self.unfit.append(f"{shown(item.path)} is a symbolic link that the base does not have")
        self.files.append(TreeEntry(item.mode, oid, item.path, len(item.data)))

    def write(self, git: Git) -> None:
        """Store the new contents, and free their memory."""
        write_blobs(git, self.unwritten.values())
        self.unwritten.clear()
        self.unwritten_bytes = 0


def snapshot(
    trusted: TrustedRepository, folder: Path, base: CommitSha, *, limits: WalkLimits | None = None
) -> TreeSha:
    """The tree of the files in `folder`, byte for byte, with modes 100644 and 100755 and the base's
    own symlinks.

    Left out are the worktree's `.git`, caches, and what `.gitignore` at the base names. Unchanged
    files keep their object. Raises GitError that names up to ten things that cannot be part of a
    change.
    """
    before = {entry.path: entry for entry in trusted.entries(base)}
    taking = _Taking(before)
    try:
        _take_all(trusted.git, folder, taking, limits or WalkLimits())
    except Beyond as limit:
        taking.unfit.append(str(limit))
    except OSError as error:
        raise GitError(f"the worktree could not be read: {error}", retryable=True) from error
    submodules = tuple(entry for entry in before.values() if entry.mode == GITLINK)
    taking.unfit.extend(_inside(submodules, taking.files))
    _require_fit(taking.unfit)
    return _written(trusted.git, (*taking.files, *submodules))


def _take_all(git: Git, folder: Path, taking: _Taking, limits: WalkLimits) -> None:
    ignored = Ignored(_gitignores(git, taking.base.values()), frozenset(taking.base))
    largest = max((entry.size for entry in taking.base.values()), default=0)
    # A large file that the base has may stay.
    allowed = replace(limits, file_bytes=max(limits.file_bytes, largest))
    for item in found_in(folder, leaves_out=ignored.leaves_out, limits=allowed):
        if isinstance(item, Unfit):
            taking.unfit.append(item.message)
        else:
            taking.take(item)
        if taking.unwritten_bytes > CHUNK_BYTES:
            taking.write(git)
    taking.write(git)


def _gitignores(git: Git, base: Iterable[TreeEntry]) -> Mapping[bytes, bytes]:
    named = [
        entry for entry in base if entry.is_file and entry.path.rpartition(b"/")[2] == b".gitignore"
    ]
    texts = blobs(git, [entry.oid for entry in named]) if named else iter(())
    return {entry.path.rpartition(b"/")[0]: text for entry, text in zip(named, texts, strict=True)}


def _inside(submodules: Iterable[TreeEntry], files: Iterable[TreeEntry]) -> Iterator[str]:
    """Files inside a submodule of the base: git would not accept both."""
    places = {submodule.path for submodule in submodules}
    for file in files:
        if places.intersection((file.path, *folders_above(file.path))):
            yield f"{shown(file.path)} lies where the base has a submodule"


def _require_fit(unfit: list[str]) -> None:
    if unfit:
        more = f"; and {len(unfit) - NAMED_AT_MOST} more" if len(unfit) > NAMED_AT_MOST else ""
        raise GitError(
            f"the worktree cannot become a change: {'; '.join(unfit[:NAMED_AT_MOST])}{more}"
        )


def _written(git: Git, files: Iterable[TreeEntry]) -> TreeSha:
    with tempfile.TemporaryDirectory(prefix=f"factory-index-{os.getpid()}-") as private:
        return TreeSha(written_tree(git, files, os.path.join(private, "index")))
