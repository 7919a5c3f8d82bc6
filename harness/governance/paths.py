"""Matches paths against the globs of rules, exactly or by look-alikes.

Properties: a path is matched as the bytes it is; a denied path is also matched by what it looks
like, or by what a case-insensitive or normalising file system would make of it (a Cyrillic А in
FАCTORY_RULES.md once passed a name list); matching takes time linear in the path for every glob,
because the path is chosen by whoever is being refused."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache

_IGNORED_CATEGORIES = frozenset({"Cf", "Cc", "Mn", "Me"})
_SAME_IN_ASCII = str.maketrans({"i": "l", "1": "l", "|": "l", "0": "o"})
_MOST_SEGMENTS = 32
# a history touches few paths, again and again
_REMEMBERED = 32_768


def text_of(path: bytes) -> str:
    """The path as text in which every byte stays distinct: bytes that are not UTF-8 become lone
    surrogates."""
    return path.decode("utf-8", "surrogateescape")


@lru_cache(maxsize=65_536)
def skeleton(path: str) -> str:
    """What a path looks like: two paths with one skeleton are the same to an eye or to some file
    system.

    NFKC and casefold, accents and invisible characters dropped, look-alikes (Unicode TR 39) mapped
    to ASCII, trailing dots and spaces of a component dropped, and `l I 1 |` and `O 0` each made one
    letter."""
    # Most paths are ASCII, and the table of look-alikes costs 45 ms to load.
    text = path if path.isascii() else _ascii_look(path)
    return "/".join(
        part.rstrip(" .") or part for part in text.casefold().translate(_SAME_IN_ASCII).split("/")
    )


def _ascii_look(text: str) -> str:
    look = _look_alikes()
    mapped = "".join(look.get(char, char) for char in unicodedata.normalize("NFKC", text))
    # NFKD takes accents off, which may leave a look-alike that was hidden behind one.
    bare = (
        char
        for char in unicodedata.normalize("NFKD", mapped)
        if unicodedata.category(char) not in _IGNORED_CATEGORIES
    )
    return "".join(look.get(char, char) for char in bare)


@lru_cache(maxsize=1)
def _look_alikes() -> dict[str, str]:
    """Every other character that may be taken for ASCII, and for what. Costs 45 ms, so only when
    one is seen."""
    from confusable_homoglyphs.confusables import confusables_data  # type: ignore[import-untyped]

    found = {}
    for char, others in confusables_data.items():
        shapes = sorted(
            other["c"] for other in others if other["c"].isascii() and other["c"].isprintable()
        )
        if shapes and not char.isascii():
            found[char] = min(shapes, key=lambda shape: (not shape.isalnum(), len(shape), shape))
    return found


def glob_fault(pattern: str) -> str | None:
    """Why this is not a glob we match, or None."""
    segments = pattern.strip("/").split("/")
    if not pattern.strip("/"):
        return "an empty pattern matches nothing"
    if pattern.startswith("!"):
        return "a pattern cannot be negated; use `allow` or `exclude`"
    if "\\" in pattern or not pattern.isprintable():
        return "a pattern is plain text with *, ** and ?, without backslashes or control characters"
    if any(segment in ("", ".", "..") for segment in segments):
        return "a pattern has no empty, `.` or `..` segment"
    if any("**" in segment and segment != "**" for segment in segments):
        return "`**` stands for whole folders: write `a/**/b`, not `a**b`"
    if len(segments) > _MOST_SEGMENTS:
        return f"a pattern has at most {_MOST_SEGMENTS} segments"
    return None


@lru_cache(maxsize=_REMEMBERED)
def matches(patterns: tuple[str, ...], path: bytes) -> bool:
    """Whether any pattern matches exactly these bytes.

    `*` and `?` stay within a segment, `**` spans folders, `[` is an ordinary character. A pattern
    without a slash matches at any depth; one with a slash starts at the root. A pattern that
    matches a folder matches all beneath it."""
    return bool(patterns) and _compiled(patterns).match(text_of(path)) is not None


def speaks_of(path: bytes, *, paths: tuple[str, ...], exclude: tuple[str, ...]) -> bool:
    """Whether a check of `paths` (all, where none is named) but `exclude` is about this path."""
    return (not paths or matches(paths, path)) and not matches(exclude, path)


@lru_cache(maxsize=_REMEMBERED)
def resembles(patterns: tuple[str, ...], path: bytes) -> bool:
    """Whether any pattern matches this path, or what it looks like. For denials: never use it to
    permit."""
    if not patterns:
        return False
    return (
        matches(patterns, path)
        or _look_compiled(patterns).match(skeleton(text_of(path))) is not None
    )


class KnownPaths:
    """The files of a repository, to be asked whether a glob matches any of them: by its first plain
    folders, or for a name that is meant at any depth by the names that there are, so that no glob
    is tried on every path."""

    def __init__(self, paths: Iterable[bytes]) -> None:
        self._paths = sorted(paths)
        self._parts = sorted({part for path in self._paths for part in path.split(b"/")})

    def has(self, pattern: str, *, below: str = "") -> bool:
        """Whether a file below the folder `below` is matched."""
        among = (
            self._parts
            if not _is_rooted(pattern) and not below
            else self._beginning(below or _plain_start(pattern))
        )
        return any(matches((pattern,), path) for path in among)

    def _beginning(self, start: str) -> Sequence[bytes]:
        raw = start.encode("utf-8", "surrogateescape")
        first = bisect_left(self._paths, raw)
        return (
            self._paths[first : bisect_left(self._paths, raw + b"\xff" * 8, first)]
            if raw
            else self._paths
        )


def _plain_start(pattern: str) -> str:
    """What every path that a rooted pattern matches begins with."""
    if not _is_rooted(pattern):
        return ""
    found = pattern.strip("/")
    return found[
        : min((at for at in (found.find("*"), found.find("?")) if at >= 0), default=len(found))
    ]


def _is_rooted(pattern: str) -> bool:
    """Whether it starts at the root: it has a slash, and not only at its end."""
    return "/" in pattern.rstrip("/")


@lru_cache(maxsize=1024)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_regex(pattern)})" for pattern in patterns), re.DOTALL)


@lru_cache(maxsize=1024)
def _look_compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return _compiled(tuple(skeleton(pattern) for pattern in patterns))


def _regex(pattern: str) -> str:
    """The pattern as a regular expression that never tries a second way.

    Between two `**` (and between two `*`) the leftmost fit leaves the most for the rest, so each
    piece is an atomic group: no backtracking, whatever the path."""
    segments = pattern.strip("/").split("/")
    if not _is_rooted(pattern):
        # a pattern without a slash matches at any depth
        segments = ["**", *segments]
    # Parts between `**`: the first stands at the root, the last at the end of the path.
    chunks: list[list[str]] = [[]]
    for segment in segments:
        if segment == "**":
            chunks.append([])
        else:
            chunks[-1].append(_segment(segment))
    first, *others = (
        chunk for index, chunk in enumerate(chunks) if chunk or index in (0, len(chunks) - 1)
    )
    if not others:
        return "/".join(first) + r"(?=/|\Z)"
    *middle, last = others
    head = "".join(f"{segment}/" for segment in first)
    body = "".join(_anywhere("".join(f"{segment}/" for segment in chunk)) for chunk in middle)
    return head + body + (_anywhere("/".join(last) + r"(?=/|\Z)") if last else ".")


def _anywhere(expression: str) -> str:
    return f"(?>(?:[^/]+/)*?{expression})"


def _segment(segment: str) -> str:
    first, *others = segment.split("*")
    if not others:
        return _literal(first)
    *middle, last = others
    leftmost = "".join(f"(?>[^/]*?{_literal(piece)})" for piece in middle if piece)
    return f"{_literal(first)}{leftmost}[^/]*{_literal(last)}"


def _literal(text: str) -> str:
    return "".join("[^/]" if char == "?" else re.escape(char) for char in text)
