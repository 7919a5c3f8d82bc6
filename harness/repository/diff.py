"""What changed between two commits, from raw tree objects and whole blobs.

Properties:
- A rename is a deletion and an addition. Incident: a rename once hid a protected file from
  `--name-only`.
- Paths are the raw bytes. Without `-z` git quotes a homoglyph, and a pattern misses it.
- No attribute, text conversion, replace ref or pager has an effect.
- What was not read is marked (`too_large`, lines None), and never counted as zero.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from harness.domain.errors import GitError
from harness.domain.facts import GITLINK, NO_FILE, ChangeKind, FileChange
from harness.domain.issue import CommitSha, TreeSha
from harness.ports.git import Diff
from harness.repository.lines import line_change
from harness.repository.objects import blobs, raw_objects, sizes
from harness.repository.plumbing import READING, Git

_KINDS = {
    "A": ChangeKind.ADDED,
    "M": ChangeKind.MODIFIED,
    "D": ChangeKind.DELETED,
    "T": ChangeKind.TYPE_CHANGED,
}
MOST_PATHS = 100_000
"""The most paths of one change; a change with more is refused."""
_DEEPEST = 128
# Bytes of the trees of one level, about a million entries; and bytes of all the paths.
_TREES = 32 * 1024 * 1024
_NAMES = 32 * 1024 * 1024
_OID_BYTES = 20
_FOLDER = b"40000"
_NOTHING = (b"", "")
_COMMAND = (
    "diff-tree",
    "--raw",
    "-z",
    "-r",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-commit-id",
    "--full-index",
    "--end-of-options",
)

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md, and
# https://git-annex.branchable.com/internals/pointer_file/
_POINTER = re.compile(
    rb"\s*(?:version\s+https?://(?:git-lfs|hawser)\.github\.com/spec/|# git-media|/annex/objects/)"
)
_SIZE_BEHIND = re.compile(rb"(?m)(?:^size\s+|-s)([0-9]{1,18})(?=\s|-)")


@dataclass(frozen=True, slots=True)
class DiffLimits:
    """How much is read, old and new versions together. Beyond it the diff is `too_large`."""

    files: int = 3_000
    file_bytes: int = 8 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Raw:
    """One record of git's raw format."""

    path: bytes
    kind: ChangeKind
    old_mode: str
    new_mode: str
    old_oid: str | None
    new_oid: str | None

    @property
    def readable(self) -> tuple[str, ...]:
        """The blobs on both sides; a submodule's commit is not one."""
        sides = ((self.old_mode, self.old_oid), (self.new_mode, self.new_oid))
        return tuple(oid for mode, oid in sides if oid is not None and mode != GITLINK)


def raw_diff(
    git: Git,
    base: CommitSha | TreeSha,
    head: CommitSha | TreeSha,
    *,
    limits: DiffLimits | None = None,
) -> Diff:
    """The facts of a change, files in git's order. Raises GitError if an object is missing."""
    limits = limits or DiffLimits()
    records = tuple(_listed(git, base, head))
    weights = sizes(git, (oid for record in records for oid in record.readable))
    wanted = frozenset(_within(records, weights, limits))
    oids = sorted({oid for record in records if record.path in wanted for oid in record.readable})
    contents = dict(zip(oids, blobs(git, oids), strict=True))
    files, added = [], {}
    for record in records:
        change, fresh = _change(record, weights, contents if record.path in wanted else None)
        files.append(change)
        if fresh:
            added[record.path] = fresh
    return Diff(tuple(files), added, too_large=len(wanted) < len(records))


def changed_paths(git: Git, base: TreeSha, head: TreeSha) -> tuple[bytes, ...]:
    """The paths that differ between two trees, sorted. Raises GitError if there are more than
    MOST_PATHS, or if they are too deep.

    It compares folder by folder, by names alone: `diff-tree` collects everything before it prints,
    and a malicious tree of trees has no end.
    """
    found, room = list[bytes](), _NAMES
    pairs: list[tuple[bytes, str, str]] = [(b"", base, head)]
    for _ in range(_DEEPEST):
        trees = _trees(git, {oid for _, *sides in pairs for oid in sides if oid})
        inner: list[tuple[bytes, str, str]] = []
        for above, before, after in pairs:
            old, new = trees.get(before, {}), trees.get(after, {})
            differing = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
            for name in differing:
                was, now = old.get(name, _NOTHING), new.get(name, _NOTHING)
                if _FOLDER in (was[0], now[0]):
                    inner.append((above + name + b"/", _tree(was), _tree(now)))
                # A file may take the place of a folder: then the path and all below it changed.
                if {was[0], now[0]} - {_FOLDER, b""}:
                    found.append(above + name)
                room -= len(above) + len(name)
                if len(found) + len(inner) > MOST_PATHS or room < 0:
                    raise GitError(
                        f"{head:.12} changes more than {MOST_PATHS:,} paths, or longer ones than"
                        " are read: a tree of such a size is not read"
                    )
        if not inner:
            return tuple(sorted(found))
        pairs = inner
    raise GitError(
        f"{head:.12} changes what lies more than {_DEEPEST} folders deep: such a tree is not read"
    )


def _tree(entry: tuple[bytes, str]) -> str:
    """The object of an entry that is a folder; "" for any other."""
    mode, oid = entry
    return oid if mode == _FOLDER else ""


def _trees(git: Git, oids: Collection[str]) -> Mapping[str, Mapping[bytes, tuple[bytes, str]]]:
    """The entries of each tree: mode and object by name."""
    bounded = replace(git, bounds=replace(READING, output=_TREES))
    return {item.oid: dict(_entries(item.data)) for item in raw_objects(bounded, sorted(oids))}


def _entries(tree: bytes) -> Iterator[tuple[bytes, tuple[bytes, str]]]:
    at = 0
    while at < len(tree):
        end = tree.index(b"\0", at)
        mode, name = tree[at:end].split(b" ", 1)
        at = end + 1 + _OID_BYTES
        # Some tools write a folder's mode with a zero in front.
        yield name, (mode.lstrip(b"0"), tree[end + 1 : at].hex())


def _listed(git: Git, base: str, head: str) -> Iterator[_Raw]:
    # Each record has two fields: its facts and its path.
    bounds = replace(git.bounds or READING, records=2 * MOST_PATHS)
    return _records(replace(git, bounds=bounds).output(*_COMMAND, base, head))


def _records(printed: bytes) -> Iterator[_Raw]:
    fields = printed.split(b"\0")[:-1]
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old_oid, new_oid, letter = facts.decode("ascii")[1:].split()
        old, new = _side(old_mode, old_oid), _side(new_mode, new_oid)
        yield _Raw(path, _KINDS[letter], old_mode, new_mode, old, new)


def _side(mode: str, oid: str) -> str | None:
    return None if mode == NO_FILE else oid


def _within(
    records: tuple[_Raw, ...], weights: Mapping[str, int], limits: DiffLimits
) -> Iterator[bytes]:
    """The paths whose contents are read; none if the change as a whole is too large."""
    total = sum(weights.values())
    if len(records) > limits.files or total > limits.total_bytes:
        return
    for record in records:
        if all(weights[oid] <= limits.file_bytes for oid in record.readable):
            yield record.path


def _change(
    record: _Raw, weights: Mapping[str, int], contents: Mapping[str, bytes] | None
) -> tuple[FileChange, bytes]:
    """The record as a fact, and the bytes that it adds. `contents` is None if they were too large
    to read."""
    size = weights.get(record.new_oid or "", 0)
    added: int | None = None
    deleted: int | None = None
    fresh, binary = b"", False
    if contents is not None and GITLINK not in (record.old_mode, record.new_mode):
        old, new = contents.get(record.old_oid or "", b""), contents.get(record.new_oid or "", b"")
        counted = line_change(old, new)
        fresh = counted.fresh
        binary = any(b"\0" in side or _is_pointer(side) for side in (old, new))
        # A pointer is small, but the file that it stands for may not be.
        size = max(size, _bytes_behind(new))
        added, deleted = (None, None) if binary else (counted.added, counted.deleted)
    return FileChange(
        record.path,
        record.kind,
        record.old_mode,
        record.new_mode,
        record.old_oid,
        record.new_oid,
        added,
        deleted,
        binary,
        size,
    ), fresh


def _is_pointer(content: bytes) -> bool:
    """Whether the content stands for other content elsewhere (Git LFS, git-annex), which nobody can
    read in a diff: one changed line may mean another program."""
    return _POINTER.match(content) is not None


def _bytes_behind(content: bytes) -> int:
    """The size of the content that a pointer stands for; 0 if it is not a pointer."""
    if not _is_pointer(content):
        return 0
    return max((int(size) for size in _SIZE_BEHIND.findall(content)), default=0)
