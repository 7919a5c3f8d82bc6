"""How large a change is. Lines and bytes are counted from the blobs, so no attribute of the change can hide them."""

from dataclasses import dataclass

from harness.domain.facts import UNKNOWN, ChangeFacts, FileChange
from harness.domain.governance import Answer
from harness.governance.checks.answers import at_most, unknown
from harness.governance.checks.arguments import Binary, Globs
from harness.governance.paths import matches


def _counted(files: tuple[FileChange, ...], exclude: tuple[str, ...]) -> tuple[FileChange, ...]:
    return tuple(change for change in files if not matches(exclude, change.path))


@dataclass(frozen=True, slots=True)
class ChangedLines:
    """Lines added plus lines deleted. A binary file has no lines to count: it refuses, unless `binary: ignore`."""

    max: int
    exclude: Globs = ()
    binary: Binary = "refuse"

    def answer(self, facts: ChangeFacts) -> Answer:
        """At most `max` lines over all files but the excluded ones."""
        if facts.files is UNKNOWN:
            return unknown("what the change touches")
        counted = _counted(facts.files, self.exclude)
        uncounted = [change.name for change in counted if change.lines is UNKNOWN
                     and not (change.binary and self.binary == "ignore")]
        if uncounted:
            return unknown(f"how many lines change in {', '.join(uncounted[:3])}")
        lines = sorted(((change.lines, change.name) for change in counted if change.lines is not UNKNOWN), reverse=True)
        total = sum(number for number, _ in lines)
        return at_most(total, self.max, "changed lines", holds=total <= self.max,
                       evidence=(f"{name}: {number}" for number, name in lines))


@dataclass(frozen=True, slots=True)
class Files:
    """How many paths a change touches. A rename touches two."""

    max: int
    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> Answer:
        """At most `max` paths, but the excluded ones."""
        if facts.files is UNKNOWN:
            return unknown("what the change touches")
        counted = _counted(facts.files, self.exclude)
        return at_most(len(counted), self.max, "changed files", holds=len(counted) <= self.max,
                       evidence=(change.name for change in counted))


@dataclass(frozen=True, slots=True)
class FileBytes:
    """The size of each changed file, in bytes: what a line count cannot see, a blob in one line can weigh."""

    max: int
    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> Answer:
        """No changed file larger than `max` bytes, but the excluded ones."""
        if facts.files is UNKNOWN:
            return unknown("what the change touches")
        counted = _counted(facts.files, self.exclude)
        largest = max((change.size for change in counted), default=0)
        return at_most(largest, self.max, "bytes in the largest changed file", holds=largest <= self.max,
                       evidence=(f"{change.name}: {change.size}" for change in counted if change.size > self.max))
