"""Reads the files that an agent left, without following links and without git.

Properties:
- Every open is relative to an open folder and refuses symlinks.
- Only plain files are opened.
- The worktree's `.git` is not read, whatever it has become.
- Depth, count and sizes are limited before they cost much.

The sandbox is dead when this runs, so nothing changes meanwhile.
"""

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.domain.facts import EXECUTABLE, REGULAR, SYMLINK
from harness.repository.names import shown

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class WalkLimits:
    """Beyond any of these limits the worktree is refused: counts, bytes, and nested folders."""

    files: int = 100_000
    depth: int = 64
    file_bytes: int = 16 * 1024 * 1024
    total_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """A plain file or a symlink: its path from the root, git's mode for it, and its bytes or its
    target."""

    path: bytes
    mode: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Unfit:
    """Something that cannot be part of a change, in words."""

    message: str


class Beyond(Exception):
    """A limit was passed; the walk ends."""


def found_in(
    folder: Path, *, leaves_out: Callable[[bytes, bool], bool], limits: WalkLimits
) -> Iterator[Found | Unfit]:
    """Everything below `folder`, sorted by name within each folder. What cannot be read is an
    Unfit.

    Raises Beyond at the first limit that is passed, and OSError if the disk fails.
    """
    root = os.open(folder, _FOLDER)
    budget = _Budget(limits)
    try:
        for item in _walk(root, b"", 0, leaves_out, budget):
            budget.count()
            yield item
    finally:
        os.close(root)


class _Budget:
    """Counts down, and raises Beyond when nothing is left."""

    def __init__(self, limits: WalkLimits) -> None:
        self.limits, self._files, self._bytes = limits, limits.files, limits.total_bytes

    def count(self) -> None:
        self._files -= 1
        if self._files < 0:
            raise Beyond(f"more than {self.limits.files} files")

    def admit(self, path: bytes, size: int) -> None:
        self._bytes -= size
        if size > self.limits.file_bytes:
            raise Beyond(
                f"{shown(path)} has {size} bytes, at most {self.limits.file_bytes} are taken"
            )
        if self._bytes < 0:
            raise Beyond(f"more than {self.limits.total_bytes} bytes in all")


def _walk(
    folder: int,
    prefix: bytes,
    depth: int,
    leaves_out: Callable[[bytes, bool], bool],
    budget: _Budget,
) -> Iterator[Found | Unfit]:
    for name in sorted(map(os.fsencode, os.listdir(folder))):
        path = prefix + name
        if path == b".git":
            continue
        kind = os.lstat(name, dir_fd=folder).st_mode
        if _is_dot_git(name):
            yield Unfit(f"{shown(path)} would be a repository within the repository")
        elif leaves_out(path, stat.S_ISDIR(kind)):
            continue
        elif stat.S_ISDIR(kind):
            yield from _below(folder, name, path, depth, leaves_out, budget)
        else:
            yield _file_at(folder, name, path, kind, budget)


def _below(
    folder: int,
    name: bytes,
    path: bytes,
    depth: int,
    leaves_out: Callable[[bytes, bool], bool],
    budget: _Budget,
) -> Iterator[Found | Unfit]:
    if depth >= budget.limits.depth:
        raise Beyond(f"{shown(path)} lies more than {budget.limits.depth} folders deep")
    try:
        inner = os.open(name, _FOLDER, dir_fd=folder)
    except PermissionError:
        yield Unfit(f"{shown(path)} is a folder that cannot be read")
        return
    try:
        yield from _walk(inner, path + b"/", depth + 1, leaves_out, budget)
    finally:
        os.close(inner)


def _file_at(folder: int, name: bytes, path: bytes, kind: int, budget: _Budget) -> Found | Unfit:
    if stat.S_ISLNK(kind):
        return Found(path, SYMLINK, os.readlink(name, dir_fd=folder))
    if not stat.S_ISREG(kind):
        return Unfit(f"{shown(path)} is {_KINDS.get(stat.S_IFMT(kind), 'not a plain file')}")
    try:
        file = os.open(name, _FILE, dir_fd=folder)
    except PermissionError:
        return Unfit(f"{shown(path)} cannot be read")
    with open(file, "rb") as opened:
        budget.admit(path, os.fstat(file).st_size)
        return Found(path, EXECUTABLE if kind & stat.S_IXUSR else REGULAR, opened.read())


_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _is_dot_git(name: bytes) -> bool:
    """Whether a file system would take this name for `.git`: one that folds case, drops ignorable
    letters, or has 8.3 names."""
    text = name.decode("utf-8", "replace").split(":")[0]
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFKC", visible).casefold().rstrip(" .") in (".git", "git~1")
