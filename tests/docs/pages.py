"""The pages of this repository, read as their readers do: commands, paths, links, headings."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ("*.md", "docs/**/*.md", "validators/language/page.md")
PAGES = tuple(
    sorted(path.relative_to(ROOT).as_posix() for glob in WRITTEN for path in ROOT.glob(glob))
)
SHELL = ("sh", "console", "")  # an indented block has no language, and is a command as often as not
SEPARATORS = {"|", "||", "&", "&&", ";", "(", ")", "<", ">", ">>"}


@dataclass(frozen=True)
class Block:
    """A fenced or indented block: the words after its fence, its text, and where it begins."""

    info: str
    text: str
    line: int

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def is_run(self) -> bool:
        """Marked `sh run`: a test performs it, in the order of the page."""
        return self.info == "sh run"


@cache
def tokens(page: str) -> tuple[Token, ...]:
    return tuple(
        _flat(MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text("utf-8")))
    )


def _flat(found: list[Token]) -> Iterator[Token]:
    for token in found:
        yield token
        yield from _flat(token.children or [])


def blocks(page: str) -> tuple[Block, ...]:
    return tuple(
        Block(token.info.strip(), token.content, token.map[0] + 1 if token.map else 0)
        for token in tokens(page)
        if token.type in ("fence", "code_block")
    )


def code_spans(page: str) -> tuple[str, ...]:
    return tuple(token.content for token in tokens(page) if token.type == "code_inline")


def links(page: str) -> tuple[str, ...]:
    """Where links and images lead, as written."""
    return tuple(
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in tokens(page)
        if token.type in ("link_open", "image")
    )


def anchors(page: str) -> frozenset[str]:
    """The anchors that a forge gives to the page's headings."""
    titles = [
        after.content for token, after in pairwise(tokens(page)) if token.type == "heading_open"
    ]
    return frozenset(
        re.sub(r"[^\w\- ]", "", title.replace("`", "")).strip().lower().replace(" ", "-")
        for title in titles
    )


def commands(page: str) -> Iterator[tuple[str, ...]]:
    """Every simple command that the page's shell blocks tell a reader to type."""
    for block in blocks(page):
        if block.language in SHELL:
            for line in block.text.replace("\\\n", " ").splitlines():
                yield from simple_commands(line)


def mentions(page: str) -> Iterator[tuple[str, ...]]:
    """Commands that the page speaks of in a sentence, often without all that they need."""
    for span in code_spans(page):
        if re.match(r"(factory|make|python) \S", span):
            yield from simple_commands(span)


def simple_commands(line: str) -> Iterator[tuple[str, ...]]:
    """The commands of a shell line, without prompts, variables, redirections and comments; nothing
    where it is not one."""
    lexer = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word in SEPARATORS:
            if command:
                yield tuple(command)
            command = []
        elif command or not re.match(r"[A-Za-z_]\w*=", word):
            command.append(word)
