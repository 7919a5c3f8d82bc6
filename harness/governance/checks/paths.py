"""Where a change may reach, and what kinds of thing it may put there."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from harness.domain.facts import NO_FILE, UNKNOWN, ChangeFacts
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import none_of, unknown
from harness.governance.checks.arguments import Globs, Modes
from harness.governance.paths import matches, resembles, skeleton
from harness.governance.text.invisible import is_invisible


@dataclass(frozen=True, slots=True)
class Paths:
    """`deny`: no touched path may match, or look as if it did. `allow`: every touched path must
    match one of these. `require`: each of these must be touched by some path."""

    deny: Globs = ()
    allow: Globs = ()
    require: Globs = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a check that could never fail."""
        if not (self.deny or self.allow or self.require):
            raise ValueError("states nothing; give `deny`, `allow` or `require`")

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Denials first; what is allowed or required is matched byte for byte only."""
        if facts.files is UNKNOWN:
            return unknown("which paths the change touches")
        denied = (
            [change.name for change in facts.files if resembles(self.deny, change.path)]
            if self.deny
            else ()
        )
        if denied:
            return none_of(denied, "touches protected paths")
        outside = (
            [change.name for change in facts.files if not matches(self.allow, change.path)]
            if self.allow
            else ()
        )
        if outside:
            return none_of(outside, "touches paths outside what is allowed")
        missing = [
            pattern
            for pattern in self.require
            if not any(matches((pattern,), change.path) for change in facts.files)
        ]
        if missing:
            return none_of(missing, "leaves required paths untouched")
        return _in_bounds(
            len(facts.files),
            deny=bool(self.deny),
            allow=bool(self.allow),
            require=bool(self.require),
        )


@lru_cache(maxsize=256)
def _in_bounds(touched: int, *, deny: bool, allow: bool, require: bool) -> CheckAnswer:
    """What holds, of what was asked."""
    held = (
        (deny, "none of them protected"),
        (allow, "all of them where changes are allowed"),
        (require, "and all that are required"),
    )
    phrases = (words for asked, words in held if asked)
    return CheckAnswer(
        True, ", ".join((f"touches {touched} {'path' if touched == 1 else 'paths'}", *phrases))
    )


@dataclass(frozen=True, slots=True)
class FileModes:
    """The git modes a changed file may have. A symbolic link (120000) or submodule (160000) is not
    a file."""

    allow: Modes = ("100644", "100755")

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Every new mode is allowed; a deleted file has none."""
        if facts.files is UNKNOWN:
            return unknown("which modes the change sets")
        odd = [
            f"{change.name} ({change.new_mode})"
            for change in facts.files
            if change.new_mode is not UNKNOWN and change.new_mode not in (*self.allow, NO_FILE)
        ]
        if not odd and any(change.new_mode is UNKNOWN for change in facts.files):
            return unknown("which modes the change sets")
        return none_of(odd, "file modes that are not allowed")


@dataclass(frozen=True, slots=True)
class PathNames:
    """Names that say what they are, wherever they are checked out: UTF-8, composed, printable, no
    `.git`, nothing that Windows or macOS would strip or read otherwise, and no two that only look
    different."""

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """No added or changed path with a misleading name. A deletion may always remove one."""
        if facts.files is UNKNOWN:
            return unknown("which paths the change touches")
        present = [change for change in facts.files if change.new_mode != NO_FILE]
        odd = [
            f"{change.name} ({fault})" for change in present for fault in _faults_of(change.path)
        ]
        odd += _look_alikes([(change.path, change.name) for change in present])
        # A deletion may remove such a name; without the mode nobody knows that it is one.
        if odd and any(change.new_mode is UNKNOWN for change in present):
            return unknown("whether the change removes what is misnamed")
        return none_of(odd, "misleading file names")


_NOT_ON_WINDOWS = frozenset('\\<>:"|?*')
"""A colon parts a file from a stream of it: `.git::$INDEX_ALLOCATION` is `.git`. A backslash parts
folders."""

_SHORT_NAME = re.compile(r"(?=[^.]{1,8}(?:\.|\Z))[^.]*~[0-9]+(?:\.[^.]{0,3})?")
"""CLAUDE~1.MD opens CLAUDE.md, and GI7EBA~1 may open .gitmodules."""

_DEVICES = frozenset(
    (
        "CON",
        "PRN",
        "AUX",
        "NUL",
        "CLOCK$",
        "CONIN$",
        "CONOUT$",
        *(
            f"{port}{number}"
            for port in ("COM", "LPT")
            for number in "0123456789\u00b9\u00b2\u00b3"
        ),
    )
)
"""Whatever comes after a dot: Windows opens the device for NUL.txt."""


@lru_cache(maxsize=4096)
def _faults_of(path: bytes) -> tuple[str, ...]:
    return tuple(_faults(path))


def _faults(path: bytes) -> Iterator[str]:
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        yield "is not UTF-8"
        return
    if not text.isprintable() or any(map(is_invisible, text)):
        yield "has characters that cannot be seen"
    if _NOT_ON_WINDOWS & set(text):
        yield "has a character that Windows reads otherwise"
    if unicodedata.normalize("NFC", text) != text:
        yield "is not in composed form"
    for part in text.split("/"):
        if part != part.rstrip(" .") or part != part.lstrip(" "):
            yield "has a component with a trailing dot or an outer space"
        if skeleton(part) == skeleton(".git") or part.casefold().startswith("git~"):
            yield "names git's own folder"
        elif _SHORT_NAME.fullmatch(part):
            yield "is a short name, which Windows gives to another file"
        if part.split(".")[0].rstrip(" ").upper() in _DEVICES:
            yield "is a device on Windows"


def _look_alikes(paths: list[tuple[bytes, str]]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for path, name in paths:
        # Two names that look the same: on some file systems one overwrites the other.
        look = skeleton(path.decode("utf-8", "surrogateescape"))
        if look in seen:
            yield f"{name} (looks like {seen[look]})"
        seen[look] = name
