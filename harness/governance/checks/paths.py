"""Where a change may reach, and what kinds of thing it may put there."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from harness.domain.facts import NO_FILE, UNKNOWN, ChangeFacts
from harness.domain.governance import Answer
from harness.governance.checks.answers import none_of, unknown
from harness.governance.checks.arguments import Globs, Modes
from harness.governance.paths import matches, resembles, skeleton


@dataclass(frozen=True, slots=True)
class Paths:
    """`deny`: no touched path may match, or look as if it did. `allow`: every touched path must match one of these.
    `require`: each of these must be touched by some path."""

    deny: Globs = ()
    allow: Globs = ()
    require: Globs = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a check that could never fail."""
        if not (self.deny or self.allow or self.require):
            raise ValueError("says nothing; give `deny`, `allow` or `require`")

    def answer(self, facts: ChangeFacts) -> Answer:
        """Denials first; what is allowed or required is matched byte for byte only."""
        if facts.files is UNKNOWN:
            return unknown("which paths the change touches")
        denied = [change.name for change in facts.files if resembles(self.deny, change.path)]
        if denied:
            return none_of(denied, "touches protected paths")
        outside = [change.name for change in facts.files if self.allow and not matches(self.allow, change.path)]
        if outside:
            return none_of(outside, "touches paths outside what is allowed")
        missing = (pattern for pattern in self.require
                   if not any(matches((pattern,), change.path) for change in facts.files))
        return none_of(missing, "required paths left untouched")


@dataclass(frozen=True, slots=True)
class FileModes:
    """The git modes a changed file may have. A symbolic link (120000) or submodule (160000) is not a file."""

    allow: Modes = ("100644", "100755")

    def answer(self, facts: ChangeFacts) -> Answer:
        """Every new mode is allowed; a deleted file has none."""
        if facts.files is UNKNOWN:
            return unknown("which modes the change sets")
        odd = (f"{change.name} ({change.new_mode})" for change in facts.files
               if change.new_mode not in (*self.allow, NO_FILE))
        return none_of(odd, "file modes that are not allowed")


@dataclass(frozen=True, slots=True)
class PathNames:
    """Names that say what they are: UTF-8, composed, printable, no `.git`, nothing that another system would strip,
    and no two that only look different."""

    def answer(self, facts: ChangeFacts) -> Answer:
        """No added or changed path with a misleading name. A deletion may always remove one."""
        if facts.files is UNKNOWN:
            return unknown("which paths the change touches")
        present = [change for change in facts.files if change.new_mode != NO_FILE]
        odd = [f"{change.name} ({fault})" for change in present for fault in _faults(change.path)]
        return none_of([*odd, *_twins([(change.path, change.name) for change in present])], "misleading file names")


def _faults(path: bytes) -> Iterator[str]:
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        yield "is not UTF-8"
        return
    if not text.isprintable() or "\\" in text:
        yield "has characters that cannot be seen"
    if unicodedata.normalize("NFC", text) != text:
        yield "is not in composed form"
    for part in text.split("/"):
        if part != part.rstrip(" .") or part != part.lstrip(" "):
            yield "has a component with a trailing dot or an outer space"
        if skeleton(part) == skeleton(".git") or part.casefold().startswith("git~"):
            yield "names git's own folder"


def _twins(paths: list[tuple[bytes, str]]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for path, name in paths:
        look = skeleton(path.decode("utf-8", "surrogateescape"))
        if look in seen:
            yield f"{name} (looks like {seen[look]})"
        seen[look] = name
