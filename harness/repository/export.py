"""Writes a tree's files to disk, byte for byte: no attributes, no filters, no line-end conversion,
nothing left out.

`git archive` follows `export-ignore`, so it would build something else than what lands.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.facts import GITLINK, SYMLINK
from harness.domain.issue import CommitSha, TreeSha
from harness.repository.checkout import require_inner
from harness.repository.objects import TreeEntry, blobs, entries, folders_above
from harness.repository.plumbing import Git

CHUNK_BYTES = 32 * 1024 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def export(git: Git, tree: TreeSha | CommitSha, folder: Path) -> None:
    """Write every file of `tree` below `folder`, which must be missing or empty.

    Modes become 0644 and 0755, a submodule becomes an empty folder, and a symlink must stay inside
    the tree. Raises GitError for a symlink that leaves it, if the folder is not empty, or if the
    disk fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise GitError(f"{folder} is not empty; a tree is only written into a fresh folder")
        _write(git, entries(git, tree), os.fsencode(folder))
    except OSError as error:
        raise GitError(
            f"the tree could not be written to {folder}: {error}", retryable=True
        ) from error


def _write(git: Git, files: Sequence[TreeEntry], root: bytes) -> None:
    submodules = {file.path for file in files if file.mode == GITLINK}
    for inner in sorted(submodules.union(*(folders_above(file.path) for file in files))):
        os.makedirs(os.path.join(root, inner), exist_ok=True)
        # The sandbox has a uid of its own, and must read it.
        os.chmod(os.path.join(root, inner), 0o755)  # noqa: S103
    # Symlinks come last, so that no file can be written through one.
    for file, data in _contents(git, sorted(files, key=lambda file: file.mode == SYMLINK)):
        if file.mode == SYMLINK:
            require_inner(file.path, data)
            os.symlink(data, os.path.join(root, file.path))
        else:
            _write_file(
                os.path.join(root, file.path), data, 0o755 if file.mode == "100755" else 0o644
            )


def _write_file(path: bytes, data: bytes, mode: int) -> None:
    with open(os.open(path, _NEW, mode), "wb") as file:
        file.write(data)
        # Our umask may have cut the mode that `open` was given.
        os.fchmod(file.fileno(), mode)


def _contents(git: Git, files: Iterable[TreeEntry]) -> Iterator[tuple[TreeEntry, bytes]]:
    """Files with their bytes, read in chunks so that memory use does not depend on the tree's
    size."""
    for chunk in _chunks(file for file in files if file.mode != GITLINK):
        yield from zip(chunk, blobs(git, [file.oid for file in chunk]), strict=True)


def _chunks(files: Iterable[TreeEntry]) -> Iterator[list[TreeEntry]]:
    chunk: list[TreeEntry] = []
    weight = 0
    for file in files:
        chunk.append(file)
        weight += file.size
        if weight > CHUNK_BYTES:
            yield chunk
            chunk, weight = [], 0
    if chunk:
        yield chunk
