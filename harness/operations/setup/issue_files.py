"""Reads issues from Markdown: a folder with one issue in each file, or one file with many.

A file may begin with a front matter with `title` and `author`, both optional. In a single file each
further front matter with a title begins a new issue; without front matter, each first-level heading
does. The title defaults to the first heading, and then to the file's name. What the forge would
refuse is refused here, by name, before anything is created."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.domain.errors import ConfigError

AUTHOR = "reporter"
# Characters; GitHub's own limits.
TITLE_LIMIT, BODY_LIMIT = 256, 65_536
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
_KEYS = ("title", "author")
_FRONT = re.compile(r"---[ \t]*\n((?:[A-Za-z_]+:.*\n)*)---[ \t]*(?:\n|$)")
# Between paragraphs `---` is a rule across the page; only with a title does it begin an issue.
_FRONT_WITH_TITLE = re.compile(
    r"^---[ \t]*\n(?=(?:[A-Za-z_]+:.*\n)*?title:)(?:[A-Za-z_]+:.*\n)+---[ \t]*$", re.MULTILINE
)
_HEADING = re.compile(r"# +(.*?)(?: +#+)? *")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")


@dataclass(frozen=True, slots=True)
class IssueText:
    """An issue to file. `source` is where it was read, for messages."""

    title: str
    author: str
    body: str
    source: str


def issues_in(place: Path) -> tuple[IssueText, ...]:
    """The issues in a folder (one in each file, in natural order of the names) or in one file (one
    or many).

    Raises ConfigError, naming the file and what is wrong with it, and if there is no issue."""
    if place.is_dir():
        files = sorted((path for path in place.glob("*.md") if path.is_file()), key=_natural)
        found = tuple(_issue(_text(path), path) for path in files)
    else:
        text = _text(place)
        found = tuple(_issue(part, place) for part in _parts(text))
    if not found:
        raise ConfigError(
            "no issue is there; expected Markdown files (*.md), each an issue", file=str(place)
        )
    return found


def _natural(path: Path) -> tuple[tuple[int, int | str], ...]:
    """`2-b.md` comes before `10-a.md`."""
    pieces = re.split(r"(\d+)", path.name)
    # Python cannot compare a number with a text; the kind comes first.
    return tuple((0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces if piece)


def _text(path: Path) -> str:
    try:
        # Editors on Windows write a byte order mark, which would hide the first heading.
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}",
            file=str(path),
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from error
    if "\0" in text:
        raise ConfigError(
            "contains a NUL; an issue is text",
            file=str(path),
            line=text[: text.index("\0")].count("\n") + 1,
        )
    if not text.strip():
        raise ConfigError("is empty; an issue needs at least a title", file=str(path))
    return text


def _parts(text: str) -> Iterator[str]:
    """The text of one file, cut where each issue begins. Text above the first heading is an
    introduction and is left out."""
    if text.startswith("---"):
        starts = [
            0,
            *(found.start() for found in _FRONT_WITH_TITLE.finditer(text) if found.start()),
        ]
    else:
        starts = list(_headings(text)) or [0]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end]


def _headings(text: str) -> Iterator[int]:
    """Where each first-level heading begins, except in fenced code."""
    at, fence = 0, ""
    for line in text.splitlines(keepends=True):
        if opened := _FENCE.match(line):
            mark = opened[1]
            # A fence ends only at a mark that is at least as long: code may show shorter ones.
            fence = mark if not fence else "" if mark.startswith(fence) else fence
        elif not fence and _HEADING.fullmatch(line.rstrip("\n")):
            yield at
        at += len(line)


def _issue(text: str, path: Path) -> IssueText:
    front = _FRONT.match(text)
    fields = _front_matter(front[1], path) if front else {}
    body = (text[front.end() :] if front else text).strip("\n")
    first, _, rest = body.partition("\n")
    heading = _HEADING.fullmatch(first)
    if "title" not in fields and heading:
        body = rest.strip("\n")
    from_name = path.stem.lstrip("0123456789-_ ").replace("-", " ")
    title = fields.get("title") or (heading[1] if heading else "") or from_name
    author = fields.get("author", AUTHOR)
    return _checked(IssueText(title.strip() or path.stem, author, body.strip(), str(path)))


def _front_matter(text: str, path: Path) -> dict[str, str]:
    import yaml

    try:
        fields: Any = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(
            f"its front matter is not YAML: {str(error).splitlines()[0]}", file=str(path)
        ) from error
    for key in fields:
        if key not in _KEYS:
            raise ConfigError(
                "unknown key in an issue's front matter; known keys: title, author",
                file=str(path),
                key=str(key),
            )
    return {key: str(value) for key, value in fields.items() if value is not None}


def _checked(issue: IssueText) -> IssueText:
    for what, length, most in (
        ("title", len(issue.title), TITLE_LIMIT),
        ("body", len(issue.body), BODY_LIMIT),
    ):
        if length > most:
            raise ConfigError(
                f"the {what} of “{issue.title[:40]}” has {length:,} characters; a forge takes at"
                f" most {most:,}",
                file=issue.source,
            )
    if not _LOGIN.fullmatch(issue.author):
        raise ConfigError(
            f"expected a login of letters, digits and inner hyphens, found {issue.author[:60]!r}",
            file=issue.source,
            key="author",
        )
    return issue
