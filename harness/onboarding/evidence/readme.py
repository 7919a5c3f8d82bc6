"""The README's title, first paragraph and headings, as a renderer shows them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.onboarding.words import plain

if TYPE_CHECKING:
    from markdown_it.token import Token

_ENDINGS = (".md", ".markdown", ".rst", ".txt", "", ".rdoc", ".adoc", ".org", ".textile")
_MOST = 4_000
"""The characters of a paragraph that are looked at for links."""

_LONGEST = 600
"""The longest sentence that is read, in characters. A longer text is a paragraph
without a full stop."""

_POINTER = re.compile(
    r"(?:for|see|please|visit|(?:all |the |full )*documentation|this (?:file|readme|repository))\b|"
    r".*\b(?:please (?:visit|see|read)|is available (?:online )?at)\b",
    re.IGNORECASE,
)
"""How a paragraph begins that leads elsewhere instead of describing the product."""

_LINK = re.compile(
    r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])|\[(?P<md>[^\]\[]*)\](?:\([^)]*\)|\[[^\]]*\])|"
    r"`(?P<rst>[^`<]+?)\s*<[^`>]+>`__?|</?[a-zA-Z][^>]*>"
)
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


def readme_in(files: Iterable[str]) -> str:
    """The README at the root, in whatever markup; else `docs/index.md`; else nothing."""
    found = {
        name.casefold().removeprefix("readme"): name
        for name in files
        if "/" not in name and name.casefold().startswith("readme")
    }
    first = next((found[ending] for ending in _ENDINGS if ending in found), "")
    return first or ("docs/index.md" if "docs/index.md" in files else "")


def readme_of(text: str) -> tuple[str, int]:
    """The first paragraph with content, on one line, and its number. A paragraph that only leads
    elsewhere is passed over."""
    shown = ((_shown(block.text), block) for block in blocks_of(text) if not block.is_heading)
    return next(
        ((words, block.line) for words, block in shown if _is_prose(block.text, words)), ("", 0)
    )


def _shown(text: str) -> str:
    """The words of a paragraph as a reader sees them: links as their texts, no pictures."""
    shown = text[:_MOST]
    # Twice: a badge is a picture inside of a link.
    for _ in range(2):
        shown = _LINK.sub(lambda found: found["md"] or found["rst"] or "", shown)
    return plain(shown, longest=_MOST)


def _blocks(tokens: "list[Token]") -> list[ReadmeBlock]:
    found, heading = list[ReadmeBlock](), ""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline" and token.map:
            is_heading = before is not None and before.type == "heading_open"
            heading = plain(token.content) if is_heading else heading
            found.append(ReadmeBlock(token.content, token.map[0] + 1, heading, is_heading))
    return found


def _is_prose(source: str, words: str) -> bool:
    """Whether a paragraph has content. Badges, tables and pictures have few words of their own;
    what ends in a colon only begins something."""
    return (
        not source.startswith(("<", "|", "=", ".."))
        and len(words.split()) >= 4
        and not words.endswith(":")
        and not _POINTER.match(words)
    )


def _without_front(text: str) -> str:
    """The text with its front matter replaced by empty lines, so that line numbers stay."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---" or "---" not in (line.rstrip() for line in lines[1:]):
        return text
    end = next(at for at, line in enumerate(lines[1:], 1) if line.rstrip() == "---")
    return "\n".join([""] * (end + 1) + lines[end + 1 :])
