"""Checks of the text that a change adds, and of the public names that it takes away."""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.domain.facts import GITLINK, UNKNOWN, AddedContent, ChangeFacts, shown_path
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import none_of, unknown
from harness.governance.checks.arguments import Binary, Globs, Patterns
from harness.governance.paths import speaks_of
from harness.governance.patterns import found_in


@dataclass(frozen=True, slots=True)
class AddedText:
    """No added line matches one of `deny`, in the files of `paths` (all, where none is named) but
    `exclude`.

    A line that only moved is not added. A binary file has no lines: it refuses, unless `binary:
    ignore`."""

    deny: Patterns
    paths: Globs = ()
    exclude: Globs = ()
    binary: Binary = "refuse"

    def __post_init__(self) -> None:
        """Raises ValueError for a check that could never fail."""
        if not self.deny:
            raise ValueError("states nothing; give `deny`")

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """What is found is shown as its file and the expression: the line itself is the change's
        own word."""
        if facts.files is UNKNOWN or facts.added is UNKNOWN:
            return unknown("which text the change adds")
        found = [
            place
            for text in facts.added
            if speaks_of(text.path, paths=self.paths, exclude=self.exclude)
            for place in self._found(text)
        ]
        unread = [
            change.name
            for change in facts.files
            if change.lines is UNKNOWN
            and change.new_mode != GITLINK
            and speaks_of(change.path, paths=self.paths, exclude=self.exclude)
            and not (change.binary and self.binary == "ignore")
        ]
        if unread and not found:
            return unknown(f"which text the change adds to {', '.join(unread[:3])}")
        return none_of(found, "added text that must not be")

    def _found(self, text: AddedContent) -> Iterator[str]:
        lines = tuple(_lines(text.content))
        for pattern in self.deny:
            if any(found_in(pattern, line) for line in lines):
                yield f"{shown_path(text.path)} (`{pattern}`)"


@dataclass(frozen=True, slots=True)
class ApiSurface:
    """Public names of Python modules are neither gone nor called differently, in `paths` (all,
    where none is named) but `exclude`. A module that does not parse on one side was not
    compared."""

    paths: Globs = ()
    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Losses first, then modules that could not be read."""
        if facts.api is UNKNOWN:
            return unknown("what callers lose")
        lost = [
            f"{shown_path(loss.path)}: {loss.name} {loss.message}"
            for loss in facts.api.lost
            if speaks_of(loss.path, paths=self.paths, exclude=self.exclude)
        ]
        unread = [
            shown_path(path)
            for path in facts.api.unread
            if speaks_of(path, paths=self.paths, exclude=self.exclude)
        ]
        if unread and not lost:
            return unknown(f"what callers of {', '.join(unread[:3])} lose")
        return none_of(lost, "public names lost")


def _lines(content: bytes) -> Iterator[str]:
    """The lines as git counts them, and the parts of those that another language would break
    further (U+2028, form feeds): `^` is not passed by a character that nobody sees."""
    for raw in content.splitlines():
        line = raw.decode("utf-8", "replace")
        yield line
        parts = line.splitlines()
        if len(parts) > 1:
            yield from parts
