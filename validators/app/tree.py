"""Write the tree that is judged into a fresh folder, byte for byte, and hash the files again.

Properties:
- No attribute, filter or export-ignore applies.
- No symlink, gitlink or unusual mode is written, and no path leaves the folder.
- The hash of the files, computed here without git, is the tree that the verdict binds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from validators.app.git import blobs, git_output
from validators.domain.stops import Inconclusive

MODES = {b"100644": 0o644, b"100755": 0o755}
DEEPEST = 128
CHUNK = 32 << 20
"""So many bytes of files are in memory at a time, or one file that is larger."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file of a tree: its mode as git writes it, its blob, its size in bytes, and its path as
    raw bytes."""

    mode: bytes
    blob: str
    size: int
    path: bytes


def exported(git_dir: Path, tree: str, *, into: Path) -> Path:
    """Write the tree's files into the new folder `into`. Raises Inconclusive when they are not
    exactly that tree."""
    entries = tuple(_entries(git_dir, tree))
    into.mkdir(mode=0o755)
    for some in chunks(entries):
        for entry, data in zip(some, blobs(git_dir, (entry.blob for entry in some)), strict=True):
            _write(os.fsencode(into), entry, data)
    found = tree_id(into, algorithm=_algorithm(tree))
    if found != tree:
        raise Inconclusive(
            f"the exported files hash to tree {found}, not to {tree}: what would run is not what"
            " would land"
        )
    return into


def chunks(entries: Iterable[TreeFile]) -> Iterator[list[TreeFile]]:
    """The files in their order, at most CHUNK bytes together, or a single one."""
    chunk, weight = list[TreeFile](), 0
    for entry in entries:
        if chunk and weight + entry.size > CHUNK:
            yield chunk
            chunk, weight = [], 0
        chunk.append(entry)
        weight += entry.size
    if chunk:
        yield chunk


def tree_id(folder: Path, *, algorithm: str = "sha1") -> str:
    """The git tree id of the files on disk in a folder. Raises Inconclusive on anything but plain
    files."""
    return _tree_digest(os.fsencode(folder), algorithm).hex()


def _algorithm(object_id: str) -> str:
    return "sha1" if len(object_id) == 40 else "sha256"


def _entries(git_dir: Path, tree: str) -> Iterator[TreeFile]:
    for line in git_output(git_dir, ("ls-tree", "-r", "-z", "-l", "--full-tree", tree)).split(
        b"\0"
    )[:-1]:
        facts, path = line.split(b"\t", 1)
        mode, _kind, blob, size = facts.split()
        _refuse_odd(mode, path)
        yield TreeFile(mode, blob.decode(), int(size), path)


def _refuse_odd(mode: bytes, path: bytes) -> None:
    name = os.fsdecode(path)
    if path.count(b"/") > DEEPEST:
        raise Inconclusive(f"the tree holds {name[:80]!r}…, more than {DEEPEST} folders deep")
    if mode not in MODES:
        raise Inconclusive(
            f"the tree holds {name!r} with mode {mode.decode()}; only plain files can be judged"
        )
    for part in path.split(b"/"):
        if part in (b"", b".", b"..") or part.lower() == b".git":
            raise Inconclusive(
                f"the tree holds the path {name!r}, which leaves its folder or poses as a"
                " repository"
            )


def _write(root: bytes, entry: TreeFile, data: bytes) -> None:
    target = os.path.join(root, entry.path)
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    # O_EXCL and O_NOFOLLOW: neither an existing file nor a link is ever written through.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        os.fchmod(descriptor, MODES[entry.mode])


def _tree_digest(folder: bytes, algorithm: str) -> bytes:
    rows: list[tuple[bytes, bytes, bytes]] = []
    with os.scandir(folder) as found:
        for item in found:
            if item.is_dir(follow_symlinks=False):
                rows.append((item.name + b"/", b"40000", _tree_digest(item.path, algorithm)))
            elif item.is_file(follow_symlinks=False):
                mode = b"100755" if item.stat(follow_symlinks=False).st_mode & 0o100 else b"100644"
                rows.append((item.name, mode, _file_digest(item.path, algorithm)))
            else:
                raise Inconclusive(f"{os.fsdecode(item.path)!r} is neither a file nor a folder")
    # git sorts folders as if their names ended with a slash.
    body = b"".join(
        mode + b" " + key.rstrip(b"/") + b"\0" + digest for key, mode, digest in sorted(rows)
    )
    return _object_digest(b"tree", body, algorithm)


def _file_digest(path: bytes, algorithm: str) -> bytes:
    with open(path, "rb") as file:
        return _object_digest(b"blob", file.read(), algorithm)


def _object_digest(kind: bytes, body: bytes, algorithm: str) -> bytes:
    return hashlib.new(
        algorithm, kind + b" %d\0" % len(body) + body, usedforsecurity=False
    ).digest()
