"""Make a git repository out of folders, so that they are judged as a change would be.

Every byte that runs is in the tree whose hash the proof names: the app, the packages and the data
beside it. `.git` and compiled Python are left out, and in a checkout what its .gitignore names.
Anything else than a plain file or a folder is refused by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from validators.app.git import checkout_files, git_output
from validators.domain.stops import Inconclusive, UsageError
from validators.launcher.request import Revision

PACKAGES, DATA = ".packages", ".data"
LEFT_OUT = frozenset({".git", "__pycache__"})
# A fixed author and time: equal folders give equal commits.
COMMITTER = "journeys <journeys@example.org> 1767225600 +0000"


@dataclass(frozen=True, slots=True)
class SideFolders:
    """One side as a person names it: the app's folder, and the folders that are put beside the app
    in the same tree."""

    app: Path
    packages: Path | None = None
    data: Path | None = None

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file with its path in the tree. Raises UsageError."""
        for prefix, folder in (("", self.app), (PACKAGES, self.packages), (DATA, self.data)):
            if folder is not None:
                yield from _files(folder, prefix)


@dataclass(frozen=True, slots=True)
class Change:
    """Base, head and the merge of both, as a judgement needs them. Without a reference there is
    only a base."""

    git_dir: Path
    base: Revision
    head: Revision | None = None
    candidate: Revision | None = None


def change_of(base: SideFolders, reference: SideFolders | None, *, git_dir: Path) -> Change:
    """A new bare repository at `git_dir` with the change from base to reference. Raises UsageError
    and Inconclusive."""
    git_output(git_dir, ("init", "--quiet", "--bare"))
    sides: list[tuple[str, SideFolders, tuple[str, ...]]] = [("base", base, ())]
    if reference is not None:
        sides += [("head", reference, ("base",)), ("candidate", reference, ("base", "head"))]
    git_output(git_dir, ("fast-import", "--quiet"), stdin=b"".join(_stream(sides)))
    made = {name: _revision(git_dir, f"refs/heads/{name}") for name, _, _ in sides}
    return Change(git_dir, made["base"], made.get("head"), made.get("candidate"))


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; name one that holds the app as it runs")
    for path in _checked_out(folder) if (folder / ".git").exists() else _walked(folder):
        if path.is_symlink() or not path.is_file():
            raise UsageError(
                f"{path}: only plain files can be judged; take it out, or copy what it leads to"
            )
        if path.suffix != ".pyc":
            yield Path(prefix, path.relative_to(folder)).as_posix(), path


def _walked(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        # os.walk descends into what this list holds afterwards.
        folders[:] = sorted(set(folders) - LEFT_OUT)
        yield from (Path(place, name) for name in sorted(names))


def _checked_out(folder: Path) -> Iterator[Path]:
    """What a commit of everything would hold: a virtual environment or a build is none of it."""
    try:
        names = checkout_files(folder.absolute())
    except Inconclusive:
        # A .git that git cannot read: the folder is no checkout.
        yield from _walked(folder)
        return
    for path in (folder / name for name in names):
        # A file that was deleted is still in the index.
        if path.is_symlink() or path.exists():
            yield path


def _stream(sides: Iterable[tuple[str, SideFolders, tuple[str, ...]]]) -> Iterator[bytes]:
    """The input of `git fast-import`: each file of each side once, in full."""
    written: dict[SideFolders, dict[str, tuple[str, int]]] = {}
    count = 0
    for name, side, parents in sides:
        if side not in written:
            written[side] = {}
            for path, file in side.files():
                count += 1
                written[side][path] = ("100755" if os.access(file, os.X_OK) else "100644", count)
                content = file.read_bytes()
                yield b"blob\nmark :%d\ndata %d\n%s\n" % (count, len(content), content)
        yield f"commit refs/heads/{name}\ncommitter {COMMITTER}\n".encode()
        yield f"data {len(name)}\n{name}\n".encode()
        yield from (
            f"{'merge' if at else 'from'} refs/heads/{one}\n".encode()
            for at, one in enumerate(parents)
        )
        yield b"deleteall\n"
        yield from (
            f"M {mode} :{mark} {_quoted(path)}\n".encode()
            for path, (mode, mark) in written[side].items()
        )
        yield b"\n"


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _revision(git_dir: Path, ref: str) -> Revision:
    commit, tree = git_output(git_dir, ("rev-parse", ref, f"{ref}^{{tree}}")).decode().split()
    return Revision(commit, tree)
