"""The README's title, first paragraph and headings, as a renderer shows them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.onboarding.words import plain

if TYPE_CHECKING:
    from markdown_it.token import Token

NAMES = ("README.md", "README.rst", "README.txt", "README", "docs/index.md")
_LONGEST = 600
"""The longest sentence that is read, in characters. A longer text is a paragraph
without a full stop."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`*_\"“])")


@dataclass(frozen=True, slots=True)
class ReadmeBlock:
    """One paragraph, list item or heading: its source, its first line, and the heading above it."""

    text: str
    line: int
    heading: str
    is_heading: bool


def blocks_of(text: str) -> tuple[ReadmeBlock, ...]:
    """The blocks of a Markdown text that a reader sees: no code and no comments."""
    from markdown_it import MarkdownIt

    try:
        tokens = MarkdownIt("commonmark").disable(["inline"]).parse(_without_front(text))
    # A stranger's README may nest quotes without end.
    except RecursionError:
        return ()
    return tuple(_blocks(tokens))


def sentences_of(block: ReadmeBlock) -> Iterator[tuple[int, str]]:
    """The sentences of a block as they are written, each with its line."""
    at = 0
    for end in [*(found.end() for found in _SENTENCE_END.finditer(block.text)), len(block.text)]:
        sentence = block.text[at:end].strip()[:_LONGEST]
        if sentence:
            yield block.line + block.text[:at].count("\n"), sentence
        at = end


def readme_of(text: str) -> tuple[str, tuple[str, ...]]:
    """The first paragraph of prose, on one line, and the headings below the title."""
    blocks = blocks_of(text)
    paragraph = next(
        (plain(block.text) for block in blocks if not block.is_heading and _is_prose(block.text)),
        "",
    )
    headings = [plain(block.text, longest=80) for block in blocks if block.is_heading]
    return paragraph, tuple(headings[1:13])


def _blocks(tokens: "list[Token]") -> list[ReadmeBlock]:
    found, heading = list[ReadmeBlock](), ""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline" and token.map:
            is_heading = before is not None and before.type == "heading_open"
            heading = plain(token.content) if is_heading else heading
            found.append(ReadmeBlock(token.content, token.map[0] + 1, heading, is_heading))
    return found


def _is_prose(text: str) -> bool:
    """Whether a paragraph is prose. Badges and images start differently and have few words."""
    return not text.startswith(("[![", "![", "<", "|", "=", "..")) and len(text.split()) >= 4


def _without_front(text: str) -> str:
    """The text with its front matter replaced by empty lines, so that line numbers stay."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---" or "---" not in (line.rstrip() for line in lines[1:]):
        return text
    end = next(at for at, line in enumerate(lines[1:], 1) if line.rstrip() == "---")
    return "\n".join([""] * (end + 1) + lines[end + 1 :])
