"""Documents as sentences and headings, each with its line, for all checks of this package."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.onboarding.contradictions.found import FoundPlace, place
from harness.onboarding.evidence.readme import ReadmeBlock, blocks_of, sentences_of

_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a document as it is written, and the heading above it."""

    file: str
    line: int
    text: str
    heading: str

    def at(self, offset: int) -> FoundPlace:
        """The place at this offset, with the whole sentence as its words."""
        return place(self.file, self.line + self.text[:offset].count("\n"), self.text)

    @property
    def place(self) -> FoundPlace:
        """Where the sentence begins."""
        return self.at(0)

    @property
    def spans(self) -> tuple[tuple[int, str], ...]:
        """The contents of code spans, each with its offset."""
        return tuple((found.start(1), found[1].strip()) for found in _SPAN.finditer(self.text))


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its text as shown, and its line."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class ProsePassage:
    """One document as sentences and headings: a governing file, or a workflow's prompts."""

    file: str
    sentences: tuple[Sentence, ...]
    headings: tuple[Heading, ...] = ()


def prose_of(documents: Mapping[str, str]) -> tuple[ProsePassage, ...]:
    """The documents in the given order."""
    return tuple(_prose(file, blocks_of(text)) for file, text in documents.items())


def sentences_in(documents: tuple[ProsePassage, ...]) -> Iterator[Sentence]:
    """Every sentence of every document, in order."""
    for document in documents:
        yield from document.sentences


def _prose(file: str, blocks: tuple[ReadmeBlock, ...]) -> ProsePassage:
    return ProsePassage(
        file,
        tuple(
            Sentence(file, line, text, block.heading)
            for block in blocks
            if not block.is_heading
            for line, text in _lines(block)
        ),
        tuple(Heading(block.line, block.heading) for block in blocks if block.is_heading),
    )


def _lines(block: ReadmeBlock) -> Iterator[tuple[int, str]]:
    """The sentences of a block; for a table, its rows."""
    if block.text.startswith("|"):
        yield from (
            (block.line + number, row)
            for number, row in enumerate(block.text.split("\n"))
            if row.strip()
        )
    else:
        yield from sentences_of(block)
