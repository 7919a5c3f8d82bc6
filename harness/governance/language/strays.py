"""Finds failed blocks: a rule that somebody wrote and that would silently bind nothing.

Properties: a fence with nearly the right name, one that is indented, swallowed by another or by a
tag, never opened or never closed, is refused with its line; a block in a comment, and an `id:`
among prose, are left out and reported by lint. A sample of a block stands in a longer fence, or in
one of the other character, and is left alone."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.domain.errors import GovernanceError
from harness.domain.governance import CODE, MISSION, Document

if TYPE_CHECKING:
    from markdown_it.token import Token

_OPENER = re.compile(
    r"^[ \t>*+-]*(?:\d+[.)][ \t]+)?(?P<mark>`{2,}|~{2,}|['´‘’]{3,})[ \t]*(?P<info>[^`]*)$"
)
_STATES = re.compile(
    r"""^[ \t>*+-]*id[ \t]*:[ \t]*["']?(?P<id>[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+)""", re.MULTILINE
)
_MEANT = ("rule", "scope", "yamlrule", "yamlscope")
_NEAR = 0.8
_SAMPLES = ("markdown", "md")


@dataclass(frozen=True, slots=True)
class Stray:
    """Something that reads like a block and binds nothing."""

    line: int
    message: str


def strays(
    document: Document, tokens: "Sequence[Token]", blocks: "Sequence[Token]"
) -> Iterator[Stray]:
    """What is left out of `document`, besides its `blocks`. Raises GovernanceError on what can only
    be a mistake."""
    # CLAUDE.md holds no blocks, so nothing in it can be a failed one.
    if document.kind == CODE:
        return
    wanted = f"yaml {'scope' if document.kind == MISSION else 'rule'}"
    bound = {id(token) for token in blocks}
    for token in tokens:
        if token.type == "fence" and id(token) not in bound:
            _sample(document, token, wanted)
        elif token.type == "code_block" and (at := _opener_in(token.content)) is not None:
            _refuse(
                document,
                first_line(token) + at,
                f"is indented so far that it is a sample; a `{wanted}` block begins its line",
            )
        elif token.type == "html_block":
            yield from _tagged(document, token, wanted)
        elif token.type == "inline":
            yield from _prose(document, token, wanted)


def is_nearly_a_block(info: str) -> bool:
    """Whether a fence's info string was probably meant to name a block."""
    words = re.findall(r"\w+", info.casefold())[:2]
    if any(word.rstrip("s") in ("rule", "scope") for word in words):
        return True
    return bool(words) and bool(
        difflib.get_close_matches("".join(words), _MEANT, n=1, cutoff=_NEAR)
    )


def _sample(document: Document, fence: "Token", wanted: str) -> None:
    """A fence that is no block holds no block either, unless it is one that shows how to write
    one."""
    line = first_line(fence)
    if is_nearly_a_block(fence.info):
        _refuse(
            document, line, f"the block is called `{fence.info.strip()}`; did you mean `{wanted}`?"
        )
    first, last = fence.map or (0, 0)
    inner = _opener_in(fence.content, like=fence.markup)
    if inner is not None:
        _refuse(
            document,
            line,
            f"the fence that begins here takes in the block at line {line + 1 + inner}; close it"
            f" before, or make a sample's fence longer than {len(fence.markup)}",
        )
    if last - first == fence.content.count("\n") + 1:
        _refuse(document, line, "the fence that begins here is never closed")
    words = fence.info.casefold().split()
    # A sample in Markdown may state ids: it shows how a rule is written.
    stated = None if words[:1] and words[0] in _SAMPLES else _STATES.search(fence.content)
    if stated and _opener_in(fence.content) is None:
        _refuse(document, line, f"states {stated['id']} and is no block; call it `{wanted}`")


def _tagged(document: Document, token: "Token", wanted: str) -> Iterator[Stray]:
    """A comment may hold a block that is out of use. Nothing else of HTML may: what it takes in is
    an accident."""
    line, content = first_line(token), token.content.strip()
    comment = content.startswith("<!--")
    if comment and "-->" not in content:
        _refuse(
            document,
            line,
            "the comment that begins here is never closed, and takes in all that follows",
        )
    at = _opener_in(token.content)
    # A rule in a comment was put out of use on purpose; in other HTML it got lost.
    if at is not None and not (comment and content.endswith("-->")):
        _refuse(
            document,
            line + at,
            f"stands in HTML, which takes it in; leave an empty line before a `{wanted}` block",
        )
    for below, stated in _stated_in(token.content):
        yield Stray(line + below, f"{stated} stands in HTML and binds nothing")


def _prose(document: Document, token: "Token", wanted: str) -> Iterator[Stray]:
    line = first_line(token)
    at = _opener_in(token.content)
    if at is not None:
        _refuse(
            document,
            line + at,
            f"reads as prose; a `{wanted}` block opens with three backticks at the start of a line",
        )
    for below, stated in _stated_in(token.content):
        yield Stray(
            line + below,
            f"`id: {stated}` stands in prose and binds nothing; a `{wanted}` block would",
        )


def _stated_in(content: str) -> Iterator[tuple[int, str]]:
    """Each id that is stated, with its line from 0. Each line is counted once, however many ids
    there are."""
    line = read_to = 0
    for stated in _STATES.finditer(content):
        line, read_to = line + content.count("\n", read_to, stated.start()), stated.start()
        yield line, stated["id"]


def _opener_in(content: str, *, like: str = "") -> int | None:
    """The first line, from 0, that reads like the opening of a block; with `like`, one that such a
    fence cannot hold."""
    for at, text in enumerate(content.split("\n")):
        found = _OPENER.match(text) if text[:1] else None
        if (
            found
            and is_nearly_a_block(found["info"])
            and (not like or (found["mark"][0] == like[0] and len(found["mark"]) >= len(like)))
        ):
            return at
    return None


def _refuse(document: Document, line: int, message: str) -> None:
    raise GovernanceError(message, file=document.file, line=line)


def first_line(token: "Token") -> int:
    """Its first line in the file, from 1."""
    return (token.map or (0, 0))[0] + 1
