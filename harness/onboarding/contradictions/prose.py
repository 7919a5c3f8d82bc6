"""Documents as sentences and headings, each with its line: what all the questions here are asked
of."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.onboarding.contradictions.found import Place, place
from harness.onboarding.evidence.readme import Block, blocks_of, sentences_of

_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a document as it is written, and the heading above it. `is_item`: an item of
    a list begins with it."""

    file: str
    line: int
    text: str
    heading: str

    def at(self, offset: int) -> Place:
        """The place of what stands at this offset, with the whole sentence as its words."""
        return place(self.file, self.line + self.text[:offset].count("\n"), self.text)

    @property
    def place(self) -> Place:
        """Where the sentence begins."""
        return self.at(0)

    @property
    def spans(self) -> tuple[tuple[int, str], ...]:
        """What stands in code spans, each with its offset."""
        return tuple((found.start(1), found[1].strip()) for found in _SPAN.finditer(self.text))


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its words as they are shown, and its line."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    """One document that governs, taken apart. `is_governing`: people read it as law, and not as a
    workflow's prompt."""

    file: str
    sentences: tuple[Sentence, ...]
    headings: tuple[Heading, ...] = ()


def prose_of(documents: Mapping[str, str]) -> tuple[Prose, ...]:
    """The documents in the order in which they are given."""
    return tuple(_prose(file, blocks_of(text)) for file, text in documents.items())


def sentences_in(documents: tuple[Prose, ...]) -> Iterator[Sentence]:
    """Every sentence of every document, in order."""
    for document in documents:
        yield from document.sentences


def _prose(file: str, blocks: tuple[Block, ...]) -> Prose:
    return Prose(
        file,
        tuple(
            Sentence(file, line, text, block.heading)
            for block in blocks
            if not block.is_heading
            for line, text in _lines(block)
        ),
        tuple(Heading(block.line, block.heading) for block in blocks if block.is_heading),
    )


def _lines(block: Block) -> Iterator[tuple[int, str]]:
    """The sentences of a block; of a table, its rows."""
    if block.text.startswith("|"):
        yield from (
            (block.line + number, row)
            for number, row in enumerate(block.text.split("\n"))
            if row.strip()
        )
    else:
        yield from sentences_of(block)
