"""Read the plain files of a folder without following links or running anything.

Properties:
- nothing outside of the folder is read, whatever a link points to;
- nothing that could block (a pipe, a device) is opened;
- at most LARGEST bytes of a file are read;
- a name that is not UTF-8 is reported and not used.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LARGEST = 256 * 1024
"""Bytes read of one file. Files that describe how a project starts are shorter."""

MOST_FILES = 200_000
SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".tox",
        ".nox",
        "dist",
        "build",
        ".eggs",
        "target",
        ".idea",
        ".vscode",
    }
)
LINK, GITLINK = "120000", "160000"


@dataclass(frozen=True, slots=True)
class FolderContents:
    """The files of a folder. Names are relative, with `/`, sorted; `files` has only
    plain, readable ones."""

    folder: Path
    files: tuple[str, ...]
    links_out: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    odd_names: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """The file's text, at most LARGEST bytes; empty if it is unreadable or not text."""
        try:
            content = beginning_of(self.folder, name)
        except OSError:
            return ""
        return "" if b"\0" in content else content.decode("utf-8", "replace")

    @property
    def texts(self) -> Mapping[str, str]:
        """Every file by its name; a text is read on access."""
        return _Texts(self)

    def named(self, *names: str) -> str:
        """The first of these names that is a file at the root, in any case; empty if none is."""
        at_root = {name.casefold(): name for name in self.files if "/" not in name}
        return next((at_root[name.casefold()] for name in names if name.casefold() in at_root), "")


class _Texts(Mapping[str, str]):
    """The texts of a folder, read on access and not cached."""

    def __init__(self, contents: FolderContents) -> None:
        self._holding = contents
        self._names = frozenset(contents.files)

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(name)
        return self._holding.text(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._holding.files)

    def __len__(self) -> int:
        return len(self._holding.files)


def contents_of(folder: Path, *, tracked: Mapping[bytes, str] | None = None) -> FolderContents:
    """The contents of `folder`: the paths that git tracks with their modes, or else all
    files but generated ones."""
    modes = dict(tracked) if tracked is not None else dict(_walked(folder))
    names = {path: os.fsdecode(path) for path in sorted(modes)}
    # By key: each path is looked up in it, and a stranger may have named all of them oddly.
    odd = dict.fromkeys(path for path in names if not _is_plain(path))
    links = [names[path] for path, mode in modes.items() if mode == LINK and path not in odd]
    plain = [
        name
        for path, name in names.items()
        if modes[path] not in (LINK, GITLINK) and path not in odd
    ]
    readable = [name for name in plain if _is_readable(folder, name)]
    return FolderContents(
        folder=folder,
        files=tuple(readable),
        links_out=tuple(sorted(name for name in links if _leads_out(folder, name))),
        submodules=tuple(sorted(names[path] for path, mode in modes.items() if mode == GITLINK)),
        unreadable=tuple(sorted(set(plain) - set(readable))),
        odd_names=tuple(ascii(names[path]) for path in odd),
    )


def _walked(folder: Path) -> Iterator[tuple[bytes, str]]:
    """Every file below the folder, as git would name it. A link is listed and not entered."""
    found = 0
    for parent, folders, files in os.walk(os.fsencode(folder)):
        entries = [
            *files,
            *(name for name in folders if os.path.islink(os.path.join(parent, name))),
        ]
        # os.walk reads this list after us: what is removed from it is not entered.
        folders[:] = sorted(name for name in folders if os.fsdecode(name) not in SKIPPED)
        for name in entries:
            path = os.path.join(parent, name)
            yield (
                os.path.relpath(path, os.fsencode(folder)),
                LINK if os.path.islink(path) else "100644",
            )
        found += len(entries)
        if found > MOST_FILES:
            return


def _is_plain(path: bytes) -> bool:
    try:
        return path.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def _is_readable(folder: Path, name: str) -> bool:
    path = folder / name
    try:
        return stat.S_ISREG(path.lstat().st_mode) and os.access(path, os.R_OK)
    except OSError:
        return False


def _leads_out(folder: Path, name: str) -> bool:
    """Whether a link leads out of the folder. If it leads nowhere, only its own text counts."""
    path, top = folder / name, os.path.realpath(folder)
    # The kernel follows forty links at most, and Python as many as there are.
    if os.path.exists(path):
        real = os.path.realpath(path)
    else:
        try:
            real = os.path.normpath(os.path.join(top, os.path.dirname(name), os.readlink(path)))
        except OSError:
            return False
    return os.path.commonpath((real, top)) != top


def beginning_of(folder: Path, name: str) -> bytes:
    """The first LARGEST bytes of a plain file, without following a link anywhere in its path.
    Raises OSError, also for a named pipe, which would block."""
    file = _opened(folder, name.split("/"))
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(f"{name} is not a plain file")
        return os.read(file, LARGEST)
    finally:
        os.close(file)


def _opened(folder: Path, parts: Iterable[str]) -> int:
    *parents, last = parts
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name, kind in (*((parent, os.O_DIRECTORY) for parent in parents), (last, os.O_NONBLOCK)):
        # Step by step with dir_fd: a link in the middle of the path is refused by the kernel,
        # without a race.
        above = at
        try:
            at = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=above)
        finally:
            os.close(above)
    return at
