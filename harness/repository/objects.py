"""Reads and writes objects in batches: one process for all of them, with no path, filter or
attribute in between."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.domain.errors import GitError
from harness.repository.names import shown
from harness.repository.plumbing import Git


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file of a tree. `path` is raw bytes from the root; `size` is in bytes, 0 for a
    gitlink."""

    mode: str
    oid: str
    path: bytes
    size: int = 0

    @property
    def is_file(self) -> bool:
        # Old histories contain 100664.
        return self.mode.startswith("100")


@dataclass(frozen=True, slots=True)
class RawObject:
    """An object, with the name it was requested by."""

    oid: str
    kind: str
    data: bytes

    @property
    def true_oid(self) -> str:
        """The name that the content hashes to."""
        return _oid(self.kind, self.data)


def entries(git: Git, treeish: str) -> tuple[TreeEntry, ...]:
    """Every file, symlink and gitlink of a tree, in git's order. Raises GitError if there is no
    such tree."""
    listed = git.output("ls-tree", "-r", "-z", "-l", "--full-tree", treeish)
    return tuple(tree_entry(record) for record in listed.split(b"\0") if record)


def entry_at(git: Git, treeish: str, path: bytes) -> TreeEntry | None:
    """The file at exactly this path (bytes, no pattern), or None."""
    # No tree has such a name, and git would resolve it to another path.
    if not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
        return None
    listed = git.output("ls-tree", "-z", "-l", "--full-tree", treeish, "--", os.fsdecode(path))
    found = [tree_entry(record) for record in listed.split(b"\0") if record]
    return next((entry for entry in found if entry.path == path and entry.mode != "040000"), None)


def tree_entry(record: bytes) -> TreeEntry:
    """One record of `git ls-tree -z -l`."""
    facts, path = record.split(b"\t", 1)
    mode, _, oid, size = facts.decode("ascii").split()
    return TreeEntry(mode, oid, path, 0 if size == "-" else int(size))


def sizes(git: Git, oids: Iterable[str]) -> Mapping[str, int]:
    """The size in bytes of each object. Raises GitError that names a missing one."""
    wanted = sorted(set(oids))
    printed = git.output(
        "cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=_lines(wanted)
    )
    pairs = (line.split() for line in printed.decode("ascii").splitlines())
    return {oid: _size(oid, size) for oid, size in pairs}


def _size(oid: str, printed: str) -> int:
    if printed == "missing":
        raise GitError(
            f"object {oid} is not in the trusted repository: fetch again", retryable=True
        )
    return int(printed)


def existing(git: Git, oids: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that an object exists for, sorted, each once."""
    printed = git.output("cat-file", "--batch-check=%(objectname)", stdin=_lines(sorted(set(oids))))
    return tuple(
        line for line in printed.decode("ascii").splitlines() if not line.endswith(" missing")
    )


def blobs(git: Git, oids: Sequence[str]) -> Iterator[bytes]:
    """The raw bytes of each blob, in the requested order; the same name twice is fine."""
    for item in raw_objects(git, oids):
        if item.kind != "blob":
            raise GitError(f"expected {item.oid} to be a file's content, it is a {item.kind}")
        yield item.data


def raw_objects(git: Git, oids: Sequence[str]) -> Iterator[RawObject]:
    """Each object as stored, in the requested order. Raises GitError that names a missing one."""
    printed = memoryview(git.output("cat-file", "--batch", stdin=_lines(oids)))
    at = 0
    for oid in oids:
        head = bytes(printed[at : at + 128]).split(b"\n", 1)[0]
        fields = head.decode("ascii").split()
        if len(fields) != 3 or fields[0] != oid:
            raise GitError(f"object {oid} is not in {git.git_dir.name}")
        start = at + len(head) + 1
        at = start + int(fields[2]) + 1
        yield RawObject(oid, fields[1], bytes(printed[start : at - 1]))


def verify(git: Git, commit: str) -> None:
    """Read a commit and everything in its tree, and hash each object again.

    Raises GitError that names the first one that is missing or does not match its name. Git itself
    does not hash what it reads from a pack. The names are followed from the commit down, so correct
    hashes prove that this is the commit.
    """
    listed = git.output(
        "rev-list", "--objects", "--no-walk", "--no-object-names", "--end-of-options", commit
    )
    oids = listed.decode("ascii").split()
    # In portions, so that memory does not grow with the tree.
    for start in range(0, len(oids), 500):
        for item in raw_objects(git, oids[start : start + 500]):
            if item.true_oid != item.oid:
                raise GitError(
                    f"{item.kind} {item.oid} of commit {commit} holds what hashes to"
                    f" {item.true_oid}"
                )


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode("ascii")


def folders_above(path: bytes) -> tuple[bytes, ...]:
    """The folders around a path, the nearest first and the root (empty) last."""
    parts = path.split(b"/")[:-1]
    return tuple(b"/".join(parts[:count]) for count in range(len(parts), -1, -1))


def blob_oid(data: bytes) -> str:
    """Git's name for these bytes as a file (SHA-1 of `blob <size> NUL <bytes>`)."""
    return _oid("blob", data)


def _oid(kind: str, data: bytes) -> str:
    return hashlib.sha1(
        b"%b %d\0" % (kind.encode("ascii"), len(data)) + data, usedforsecurity=False
    ).hexdigest()


def write_blobs(git: Git, contents: Iterable[bytes]) -> None:
    """Store each content unchanged: `fast-import` knows no filters, no attributes, and no paths for
    blobs."""
    stream = b"".join(b"blob\ndata %d\n%b\n" % (len(data), data) for data in contents)
    if stream:
        # With `--done` a stream that was cut short fails.
        git.output("fast-import", "--quiet", "--done", stdin=stream + b"done\n")


def written_tree(git: Git, files: Iterable[TreeEntry], index: str) -> str:
    """The tree of exactly these files, by way of the private index file `index`.

    Raises GitError that names a path which git does not accept (`.git` in any spelling):
    `update-index` itself only prints `Ignoring path` and leaves the file out.
    """
    asked = {(file.mode, file.oid, file.path) for file in files}
    lines = b"".join(
        b"%b %b\t%b\0" % (mode.encode(), oid.encode(), path) for mode, oid, path in sorted(asked)
    )
    own = {"GIT_INDEX_FILE": index}
    git.output("update-index", "-z", "--add", "--index-info", stdin=lines, more=own)
    tree = git.line("write-tree", more=own)
    if left_out := asked - {(entry.mode, entry.oid, entry.path) for entry in entries(git, tree)}:
        first = shown(min(path for _, _, path in left_out))
        raise GitError(f"git will not hold {first} in a tree")
    return tree
