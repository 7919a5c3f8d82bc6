"""What changed between two commits, from raw tree objects and whole blobs.

Properties kept: a rename is a deletion and an addition (one once hid a protected file from `--name-only`); paths are
the raw bytes (git quotes a homoglyph unless told `-z`, and a pattern misses it); no attribute, text conversion, replace
ref or pager has a say; what was not read is a fact (`too_large`, lines None), never a zero.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.domain.facts import GITLINK, NO_FILE, ChangeKind, FileChange
from harness.domain.issue import CommitSha
from harness.ports.git import Diff
from harness.repository.lines import line_change
from harness.repository.objects import blobs, sizes
from harness.repository.plumbing import Git

_KINDS = {"A": ChangeKind.ADDED, "M": ChangeKind.MODIFIED, "D": ChangeKind.DELETED, "T": ChangeKind.TYPE_CHANGED}
_COMMAND = ("diff-tree", "--raw", "-z", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-commit-id",
            "--full-index", "--end-of-options")


@dataclass(frozen=True, slots=True)
class DiffLimits:
    """How much is read, old and new versions together. Beyond it the diff says `too_large`."""

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
        """The blobs on both sides; a submodule's commit is none."""
        sides = ((self.old_mode, self.old_oid), (self.new_mode, self.new_oid))
        return tuple(oid for mode, oid in sides if oid is not None and mode != GITLINK)


def raw_diff(git: Git, base: CommitSha, head: CommitSha, *, limits: DiffLimits | None = None) -> Diff:
    """The facts of a change, files in git's order. Raises GitError when an object is missing."""
    limits = limits or DiffLimits()
    records = tuple(_records(git.output(*_COMMAND, base, head)))
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


def _records(told: bytes) -> Iterator[_Raw]:
    fields = told.split(b"\0")[:-1]
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old_oid, new_oid, letter = facts.decode("ascii").removeprefix(":").split()
        yield _Raw(path, _KINDS[letter], old_mode, new_mode, _side(old_mode, old_oid), _side(new_mode, new_oid))


def _side(mode: str, oid: str) -> str | None:
    return None if mode == NO_FILE else oid


def _within(records: tuple[_Raw, ...], weights: Mapping[str, int], limits: DiffLimits) -> Iterator[bytes]:
    """The paths whose contents are read: none at all of a change that is too large as a whole."""
    total = sum(weights.values())
    if len(records) > limits.files or total > limits.total_bytes:
        return
    for record in records:
        if all(weights[oid] <= limits.file_bytes for oid in record.readable):
            yield record.path


def _change(record: _Raw, weights: Mapping[str, int], contents: Mapping[str, bytes] | None) -> tuple[FileChange, bytes]:
    """The record as a fact, and the bytes it adds. `contents` is None when they were too large to read."""
    size = weights.get(record.new_oid or "", 0)
    added: int | None = None
    deleted: int | None = None
    fresh, binary = b"", False
    if contents is not None and GITLINK not in (record.old_mode, record.new_mode):
        old, new = contents.get(record.old_oid or "", b""), contents.get(record.new_oid or "", b"")
        counted = line_change(old, new)
        fresh, binary = counted.fresh, b"\0" in old or b"\0" in new
        added, deleted = (None, None) if binary else (counted.added, counted.deleted)
    return FileChange(record.path, record.kind, record.old_mode, record.new_mode, record.old_oid, record.new_oid,
                      added, deleted, binary, size), fresh
