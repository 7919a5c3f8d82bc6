"""How large a change is. Lines and bytes are counted from the blobs, so no attribute of the change
can hide them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.domain.facts import UNKNOWN, ChangeFacts, ChangeKind, FileChange
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import at_most, unknown
from harness.governance.checks.arguments import Binary, Globs
from harness.governance.paths import matches


def _counted(files: tuple[FileChange, ...], exclude: tuple[str, ...]) -> tuple[FileChange, ...]:
    return tuple([change for change in files if not matches(exclude, change.path)])


def _at_most_lines(
    check: "ChangedLines | AddedLines | DeletedLines",
    facts: ChangeFacts,
    *,
    what: str,
    count: Callable[[FileChange], int | None],
) -> CheckAnswer:
    """`count` of every file but the excluded ones, against the check's `max`."""
    if facts.files is UNKNOWN:
        return unknown("what the change touches")
    counted, total, uncounted = _counted(facts.files, check.exclude), 0, []
    for change in counted:
        number = count(change)
        if number is not None:
            total += number
        elif not (change.binary and check.binary == "ignore"):
            uncounted.append(change.name)
    if uncounted:
        return unknown(f"how many lines change in {', '.join(uncounted[:3])}")
    return at_most(
        total, check.max, what, holds=total <= check.max, evidence=_largest_first(counted, count)
    )


def _largest_first(
    counted: tuple[FileChange, ...], count: Callable[[FileChange], int | None]
) -> Iterator[str]:
    """Put in order only when somebody reads it: nearly every change is small enough."""
    lines = ((number, change.name) for change in counted if (number := count(change)) is not None)
    for number, name in sorted(lines, reverse=True):
        yield f"{name}: {number}"


def _changed(change: FileChange) -> int | None:
    return None if change.added is None or change.deleted is None else change.added + change.deleted


@dataclass(frozen=True, slots=True)
class ChangedLines:
    """Lines added plus lines deleted. A binary file has no lines to count: it refuses, unless
    `binary: ignore`."""

    max: int
    exclude: Globs = ()
    binary: Binary = "refuse"

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At most `max` lines over all files but the excluded ones."""
        return _at_most_lines(self, facts, what="changed lines", count=_changed)


@dataclass(frozen=True, slots=True)
class AddedLines:
    """Lines added alone: what a reader has to take in, where taking out is welcome."""

    max: int
    exclude: Globs = ()
    binary: Binary = "refuse"

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At most `max` new lines over all files but the excluded ones."""
        return _at_most_lines(self, facts, what="added lines", count=lambda change: change.added)


@dataclass(frozen=True, slots=True)
class DeletedLines:
    """Lines deleted alone: a change that builds little and takes away much is seldom what was asked
    for."""

    max: int
    exclude: Globs = ()
    binary: Binary = "refuse"

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At most `max` deleted lines over all files but the excluded ones."""
        return _at_most_lines(
            self, facts, what="deleted lines", count=lambda change: change.deleted
        )


@dataclass(frozen=True, slots=True)
class Files:
    """How many paths a change touches. A rename touches two."""

    max: int
    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At most `max` paths, but the excluded ones."""
        if facts.files is UNKNOWN:
            return unknown("what the change touches")
        counted = _counted(facts.files, self.exclude)
        return at_most(
            len(counted),
            self.max,
            "changed files",
            holds=len(counted) <= self.max,
            evidence=(change.name for change in counted),
        )


@dataclass(frozen=True, slots=True)
class DeletedFiles:
    """How many files a change takes away. A rename takes one away."""

    max: int
    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At most `max` deleted paths, but the excluded ones."""
        if facts.files is UNKNOWN:
            return unknown("what the change touches")
        counted = _counted(facts.files, self.exclude)
        gone = [change.name for change in counted if change.kind is ChangeKind.DELETED]
        if len(gone) <= self.max and any(change.kind is UNKNOWN for change in counted):
            return unknown("which files the change deletes")
        return at_most(
            len(gone), self.max, "deleted files", holds=len(gone) <= self.max, evidence=gone
        )


@dataclass(frozen=True, slots=True)
class BinaryFiles:
    """How many binary files a change adds or changes: what nobody can read in a diff. A NUL byte on
    either side of a file makes it binary. Taking one away is no burden to a reader."""

    max: int
    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At most `max` binary files, but the excluded ones. A file that was too large to read may
        be one."""
        if facts.files is UNKNOWN:
            return unknown("what the change touches")
        there = [
            change
            for change in _counted(facts.files, self.exclude)
            if change.kind is not ChangeKind.DELETED
        ]
        binary = [change.name for change in there if change.binary]
        sure = sum(change.binary and change.kind is not UNKNOWN for change in there)
        unread = any(change.lines is UNKNOWN and not change.binary for change in there)
        if sure <= self.max and (unread or len(binary) > self.max):
            return unknown("which changed files are binary")
        return at_most(
            len(binary), self.max, "binary files", holds=len(binary) <= self.max, evidence=binary
        )


@dataclass(frozen=True, slots=True)
class FileBytes:
    """The size of each changed file, in bytes: what a line count cannot see, a blob in one line can
    weigh."""

    max: int
    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """No changed file larger than `max` bytes, but the excluded ones."""
        if facts.files is UNKNOWN:
            return unknown("what the change touches")
        counted = _counted(facts.files, self.exclude)
        sizes = [change.size for change in counted if change.size is not UNKNOWN]
        largest = max(sizes, default=0)
        if largest <= self.max and len(sizes) < len(counted):
            return unknown("how large the changed files are")
        return at_most(
            largest,
            self.max,
            "bytes in the largest changed file",
            holds=largest <= self.max,
            evidence=(
                f"{change.name}: {change.size}"
                for change in counted
                if change.size is not UNKNOWN and change.size > self.max
            ),
        )
