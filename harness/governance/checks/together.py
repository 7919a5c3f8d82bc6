"""Checks of files that must change together, and of migrations that must come last."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.domain.facts import UNKNOWN, ChangeFacts, ChangeKind, FileChange, shown_path
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import none_of, unknown
from harness.governance.checks.arguments import Globs
from harness.governance.paths import matches, resembles

_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Companions:
    """Where a touched path matches one of `of` (or looks as if it did), one that matches one of
    `touch` is touched too.

    A companion that is deleted goes with deletions only: whoever changes a module does not keep it
    company by taking its tests away."""

    of: Globs
    touch: Globs

    def __post_init__(self) -> None:
        """Raises ValueError for a check that could never fail, or never hold."""
        if not (self.of and self.touch):
            raise ValueError("states nothing; give `of` and `touch`")

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """No touched path of `of` without company. A file does not keep itself company."""
        if facts.files is UNKNOWN:
            return unknown("which paths the change touches")
        asking = [change for change in facts.files if resembles(self.of, change.path)]
        company = [change for change in facts.files if matches(self.touch, change.path)]
        if any(change.kind is UNKNOWN for change in (*asking, *company)):
            return unknown("which of the touched files are still there")
        alone = [
            change.name
            for change in asking
            if not any(_goes_with(other, change) for other in company)
        ]
        if alone:
            return none_of(alone, f"changes without one to {' or '.join(self.touch)}")
        return CheckAnswer(
            True,
            f"{len(asking)} such changes, each with its companion"
            if asking
            else "nothing that needs company",
        )


def _goes_with(other: FileChange, change: FileChange) -> bool:
    stays = other.kind is not ChangeKind.DELETED or change.kind is ChangeKind.DELETED
    return stays and other.path != change.path


@dataclass(frozen=True, slots=True)
class Migrations:
    """Files that stand in an order and have run somewhere already: what matches `paths` is neither
    changed nor deleted, and a new one sorts after all that its folder has.

    The order is that of the first number in the names where both have one, and else that of the
    names themselves."""

    paths: Globs
    exclude: Globs = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a check that could never fail."""
        if not self.paths:
            raise ValueError("states nothing; give `paths`")

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Changed ones first, then new ones that would run too early or twice under one number."""
        if facts.files is UNKNOWN:
            return unknown("which paths the change touches")
        ours = [
            change
            for change in facts.files
            if resembles(self.paths, change.path) and not matches(self.exclude, change.path)
        ]
        if any(change.kind is UNKNOWN for change in ours):
            return unknown("which migrations are new")
        touched = [
            f"{change.name} ({change.kind})"
            for change in ours
            if change.kind is not ChangeKind.ADDED
        ]
        if touched:
            return none_of(touched, "migrations that were there are touched")
        if ours and facts.neighbours is UNKNOWN:
            return unknown("which migrations there are")
        there = () if facts.neighbours is UNKNOWN else facts.neighbours
        early = tuple(self._too_early([change.path for change in ours], there))
        if early:
            return none_of(early, "new migrations that do not come last")
        return CheckAnswer(
            True,
            "what was there is as it was, and what is new comes last"
            if ours
            else "no migration is touched",
        )

    def _too_early(self, new: list[bytes], there: tuple[bytes, ...]) -> Iterator[str]:
        standing = [
            path for path in there if matches(self.paths, path) and not matches(self.exclude, path)
        ]
        for path in sorted(new, key=_order):
            before = [
                other
                for other in standing
                if _folder(other) == _folder(path) and not _comes_after(path, other)
            ]
            if before:
                yield f"{shown_path(path)} (after {shown_path(max(before, key=_order))})"
            standing.append(path)


def _folder(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _order(path: bytes) -> tuple[int, str]:
    """The first number in the name, and the name; -1 for a name without a number."""
    name = path.rpartition(b"/")[2].decode("utf-8", "surrogateescape")
    number = _NUMBER.search(name)
    return int(number[0]) if number else -1, name


def _comes_after(path: bytes, other: bytes) -> bool:
    (number, name), (there, its_name) = _order(path), _order(other)
    return number > there if number >= 0 and there >= 0 else name > its_name
