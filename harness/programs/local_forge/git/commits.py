"""Read commits, trees and diffs from a bare repository.

A bare repository ignores .gitattributes, so a change cannot mark itself as binary. Renames are not
detected, so a moved file has an entry under each name. Pages for people are the exception.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from harness.programs.local_forge.git.objects import EMPTY_TREE, KEPT, BareRepository, Person
from harness.programs.local_forge.refused import Refused

_FORMAT = "--format=%H%n%T%n%P%n%an%n%ae%n%at%n%cn%n%ce%n%ct%n%B"
_DIFF = ("diff-tree", "-r", "--no-ext-diff", "--no-textconv")
_PLAIN = (*_DIFF, "--no-renames")
_WITH_RENAMES = (*_DIFF, "--find-renames")
_LAST_MOMENT = 253_402_300_799
_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed"}


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as git stores it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class FileChange:
    """The change of one path. `patch` starts at the first hunk and is empty for a binary file."""

    path: str
    # added, removed, modified, changed (another kind of file) or, where renames were asked for,
    # renamed
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str
    # The path that a renamed file had.
    before: str = ""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a tree. `size` is in bytes; None for anything but a blob."""

    path: str
    mode: str
    kind: str
    sha: str
    size: int | None


def commits(git: BareRepository, *reach: str, limit: int, skip: int = 0) -> tuple[Commit, ...]:
    """Commits reachable as in git-log(1) (`tip`, or `^base tip`), newest first."""
    output = git.run("log", "-z", f"--max-count={limit}", f"--skip={skip}", _FORMAT, *reach, "--")
    return tuple(_commit(record) for record in output.split("\0") if record)


def commit(git: BareRepository, sha: str) -> Commit:
    """One commit, by its full sha."""
    return commits(git, sha, limit=1)[0]


@lru_cache(KEPT)
def count(git: BareRepository, *reach: str) -> int:
    """The number of commits that `reach`, full shas, selects."""
    return int(git.run("rev-list", "--count", *reach, "--"))


def changes(
    git: BareRepository, older: str | None, newer: str, *, renames: bool = False
) -> tuple[FileChange, ...]:
    """The difference between two commits or trees, path by path; without `older`, everything in
    `newer`. Raises Refused (422) where it is too large.

    With `renames` a moved file is one change, as git guesses it. That reads better, but must not
    decide anything.
    """
    _require_readable(git, older, newer)
    between, how = (older or EMPTY_TREE, newer), _WITH_RENAMES if renames else _PLAIN
    entries = list(_paths(git.run(*how, "--raw", "--no-abbrev", "-z", *between)))
    counts = list(_counts(git.run(*how, "--numstat", "-z", *between)))
    patches = _patches(git.run(*how, "--patch", *between))
    return tuple(
        FileChange(path, _status(meta), _blob(meta), added, gone, patch, before)
        for (meta, before, path), (added, gone), patch in zip(entries, counts, patches, strict=True)
    )


@lru_cache(KEPT)
def size(git: BareRepository, older: str, newer: str) -> tuple[int, int, int]:
    """How many paths differ between two commits, and how many lines were added and removed. Both
    must be readable."""
    counts = list(_counts(git.run(*_PLAIN, "--numstat", "-z", older, newer)))
    return len(counts), sum(added for added, _ in counts), sum(gone for _, gone in counts)


def patch(git: BareRepository, older: str | None, newer: str) -> str:
    """The difference between two commits as one text. Raises Refused (422) where it is
    too large."""
    _require_readable(git, older, newer)
    return git.run(*_PLAIN, "--patch", older or EMPTY_TREE, newer)


def tree(git: BareRepository, sha: str, *, recursive: bool = False) -> tuple[TreeEntry, ...]:
    """A tree's entries: folders first on one level, in git's order with `recursive`."""
    if recursive:
        _require_readable(git, sha)
    deep = ("-r", "-t") if recursive else ()
    lines = [line for line in git.run("ls-tree", "-z", "--long", *deep, sha).split("\0") if line]
    found = tuple(_entry(*line.split("\t", 1)) for line in lines)
    return found if recursive else tuple(sorted(found, key=lambda entry: entry.kind != "tree"))


def entry_at(git: BareRepository, commit: str, path: str) -> TreeEntry | None:
    """The entry at a path of a commit (the empty path: its tree). None when there is none."""
    wanted = path.strip("/")
    if not wanted:
        return TreeEntry(
            "", "040000", "tree", git.run("rev-parse", f"{commit}^{{tree}}").strip(), None
        )
    # git would resolve `..` and refuse NUL with an error.
    if "\0" in wanted or any(part in ("", ".", "..") for part in wanted.split("/")):
        return None
    output = git.run("--literal-pathspecs", "ls-tree", "-z", "--long", commit, "--", wanted)
    return _entry(*output.rstrip("\0").split("\t", 1)) if output else None


def _require_readable(git: BareRepository, *treeishes: str | None) -> None:
    if not all(git.is_readable(one) for one in treeishes if one):
        raise Refused(422, "Sorry, there are too many files to show")


def _paths(raw: str) -> Iterator[tuple[str, str, str]]:
    """Each entry of `--raw -z`: its metadata, the old path where it was renamed, and the path."""
    parts = iter(raw.split("\0")[:-1])
    for meta in parts:
        path = next(parts)
        yield (meta, path, next(parts)) if _status(meta) == "renamed" else (meta, "", path)


def _counts(numbers: str) -> Iterator[tuple[int, int]]:
    """Each entry of `--numstat -z`: lines added and removed."""
    parts = iter(numbers.split("\0")[:-1])
    for line in parts:
        added, gone, path = line.split("\t", 2)
        # For a renamed file the path is empty, and its two paths follow as fields of their own.
        if not path:
            next(parts), next(parts)
        yield _number(added), _number(gone)


def _commit(record: str) -> Commit:
    sha, tree_sha, parents, an, ae, at, cn, ce, ct, message = record.split("\n", 9)
    author, committer = Person(an, ae, _moment(at)), Person(cn, ce, _moment(ct))
    return Commit(sha, tree_sha, tuple(parents.split()), author, committer, message.rstrip("\n"))


def _entry(meta: str, path: str) -> TreeEntry:
    mode, kind, sha, size = meta.split()
    return TreeEntry(path, mode, kind, sha, int(size) if size.isdigit() else None)


def _status(meta: str) -> str:
    return _STATUS.get(meta.split(" ")[4][:1], "changed")


def _blob(meta: str) -> str:
    _, _, old, new, status = meta.split(" ")
    return old if status == "D" else new


def _moment(text: str) -> int:
    """A commit's date as far as it can be shown. git reads none in a commit that calls itself
    UTF-16, and takes years beyond 9999."""
    return min(int(text or 0), _LAST_MOMENT)


def _number(text: str) -> int:
    # `-` stands for a binary file.
    return int(text) if text.isdigit() else 0


def _patches(text: str) -> list[str]:
    """One patch per path. A path that changes its type prints two sections under one header."""
    sections: list[tuple[str, str]] = []
    for piece in ("\n" + text).split("\ndiff --git ")[1:]:
        header, _, rest = piece.partition("\n")
        # A binary file, or a mere change of mode, has no hunk.
        start = 0 if rest.startswith("@@") else rest.find("\n@@") + 1
        sections.append((header, rest[start:] if rest.startswith("@@") or start > 0 else ""))
    per_path = groupby(sections, key=lambda section: section[0])
    return ["\n".join(part for _, part in same if part) for _, same in per_path]
