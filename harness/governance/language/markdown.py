"""A document's sections: what stands under each heading, its prose, and the block that binds.

The structure is markdown-it's, so that what a maintainer sees rendered is what is read here: a
block inside an HTML comment or a code sample is not a block. What looks like an attempt at a block
and is none is refused, never ignored."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.domain.errors import GovernanceError
from harness.domain.governance import MISSION, RULES, Document
from harness.governance.language.strays import Stray, first_line, strays

if TYPE_CHECKING:
    from markdown_it.token import Token

BLOCKS = {RULES: "rule", MISSION: "scope"}
"""Which kind of block each document holds. CLAUDE.md holds none: how code is written is advice."""

_ID = "{#"
_FRONT = "---"
_SCHEMA = re.compile(r"\W*schema\s*:")
# lines at the top of a document where a garbled front matter would stand
_TOP = 8
_NEW_LINE = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Block:
    """The inside of one fence. `line` is that of its first line of content."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and all that stands before the next. `line` is the heading's own; prose is without
    the blocks."""

    id: str
    title: str
    line: int
    end_line: int
    prose: str
    block: Block | None


@dataclass(frozen=True, slots=True)
class Page:
    """One document taken apart. `front` is the front matter's inside, None where there is none;
    `strays` bind nothing."""

    document: Document
    front: Block | None
    sections: tuple[Section, ...]
    strays: tuple[Stray, ...] = ()


# a document is read, then linted
@lru_cache(maxsize=16)
def page_of(document: Document) -> Page:
    """The document's front matter and sections. Raises GovernanceError on a block that could not
    bind."""
    lines = _NEW_LINE.split(document.text)
    front, begin = _front_matter(document, lines)
    # Blank lines in place of the front matter keep the line numbers of the file.
    body = "\n".join([""] * begin + lines[begin:])
    tokens = _tokens(document, body)
    sections = tuple(_sections(document, tokens, lines))
    blocks = [token for token in tokens if _is_block(document, token)]
    return Page(document, front, sections, tuple(strays(document, tokens, blocks)))


def _front_matter(document: Document, lines: list[str]) -> tuple[Block | None, int]:
    if lines[0].rstrip() != _FRONT:
        stated = next((at for at, line in enumerate(lines[:_TOP], 1) if _SCHEMA.match(line)), None)
        if stated and document.kind in BLOCKS:
            raise GovernanceError(
                "stands outside the front matter, which is the first line, `---`, to the next"
                " `---`",
                file=document.file,
                line=stated,
                key="schema",
            )
        return None, 0
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == _FRONT), None)
    if end is None:
        raise GovernanceError(
            "the front matter that begins here has no closing `---`", file=document.file, line=1
        )
    return Block("\n".join(lines[1:end]), 2), end + 1


def _tokens(document: Document, body: str) -> "Sequence[Token]":
    from markdown_it import MarkdownIt

    try:
        # Inline markup is not parsed: only the structure matters, and it is a stranger's text.
        return MarkdownIt("commonmark").disable(["inline"]).parse(body)
    except RecursionError as error:
        raise GovernanceError("is nested too deeply to be read", file=document.file) from error


def _sections(document: Document, tokens: "Sequence[Token]", lines: list[str]) -> Iterator[Section]:
    headings = [
        at for at, token in enumerate(tokens) if token.type == "heading_open" and token.level == 0
    ]
    # A block above the first heading has no id, and would be lost without a word.
    _nothing_binds(document, tokens[: headings[0] if headings else len(tokens)])
    for at, end in pairwise([*headings, len(tokens)]):
        yield _section(document, tokens[at:end], lines)


def _section(document: Document, tokens: "Sequence[Token]", lines: list[str]) -> Section:
    line = first_line(tokens[0])
    title, section_id = _title(tokens[1].content)
    fences = [token for token in tokens if _is_block(document, token)]
    for fence in fences:
        _check_fence(document, fence, lines)
        if not section_id:
            raise GovernanceError(
                "the heading above a block needs an id, such as `## Title {#F-NAME}`",
                file=document.file,
                line=line,
            )
    if len(fences) > 1:
        raise GovernanceError(
            "a heading has one block; give this one a heading of its own",
            file=document.file,
            line=first_line(fences[1]),
        )
    block = Block(fences[0].content, first_line(fences[0]) + 1) if fences else None
    last = max((token.map[1] for token in tokens if token.map), default=line)
    hidden = range(*(fences[0].map or (0, 0))) if fences else range(0)
    prose = "\n".join(lines[at] for at in range(line, last) if at not in hidden)
    return Section(section_id, title, line, last, prose.strip(), block)


def _title(heading: str) -> tuple[str, str]:
    """A heading's words and its id. By hand: a pattern that looks for its own end tries from every
    `{#`."""
    written = heading.strip()
    open_at = written.find(_ID, written.rfind("}", 0, -1) + 1) if written.endswith("}") else -1
    if open_at < 0:
        return written, ""
    return written[:open_at].rstrip(), written[open_at + len(_ID) : -1]


def _is_block(document: Document, token: "Token") -> bool:
    """Whether this fence is a block of this document's kind. One that nearly is, is an error."""
    words = token.info.split() if token.type == "fence" else []
    if len(words) < 2 or words[0].casefold() not in ("yaml", "yml"):
        return False
    wanted = BLOCKS.get(document.kind)
    if words == ["yaml", wanted]:
        return True
    if wanted is None:
        message = f"{document.name} holds advice only; rules stand in {RULES}, scope in {MISSION}"
    elif words[1] != wanted and words[1] in BLOCKS.values():
        home = next(name for name, kind in BLOCKS.items() if kind == words[1])
        message = f"a `yaml {words[1]}` block stands in {home}; here it would be `yaml {wanted}`"
    else:
        message = f"the block is called `{token.info.strip()}`; did you mean `yaml {wanted}`?"
    raise GovernanceError(message, file=document.file, line=first_line(token))


def _check_fence(document: Document, fence: "Token", lines: list[str]) -> None:
    first, last = fence.map or (0, 0)
    # In a list or a quotation a block's indentation depends on how it is rendered.
    if fence.level:
        raise GovernanceError(
            "a block stands by itself, not inside a list or a quotation",
            file=document.file,
            line=first + 1,
        )
    closing = lines[last - 1].strip()
    # Unclosed, it would take in the rest of the document and bind that.
    if last - first < 2 or set(closing) != {fence.markup[0]}:
        raise GovernanceError(
            "the block that begins here is never closed", file=document.file, line=first + 1
        )


def _nothing_binds(document: Document, tokens: "Sequence[Token]") -> None:
    for token in tokens:
        if _is_block(document, token):
            raise GovernanceError(
                "a block needs a heading with an id above it",
                file=document.file,
                line=first_line(token),
            )
