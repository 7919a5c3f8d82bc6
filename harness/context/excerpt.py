"""The part of a file that bears on a question, when the whole file is too long."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.context.index import Definition
from harness.context.words import words
from harness.domain.repository_context import tokens_in

# Lines of a block without definitions.
BLOCK = 40
# Two ranges with at most so many lines between them are shown as one.
GAP = 3


@dataclass(frozen=True, slots=True)
class Range:
    """Lines of a file, from 1, the last one included."""

    first: int
    last: int


def excerpt(
    text: str, definitions: Sequence[Definition], *, asked: frozenset[str], tokens: int
) -> tuple[Range, ...]:
    """The ranges that share the most words with `asked`, in order, in at most `tokens` together.

    Ranges that share no word are left out.
    """
    lines = text.split("\n")
    scored = [
        (len(asked.intersection(words("\n".join(lines[one.first - 1 : one.last])))), one)
        for one in _blocks(len(lines), definitions)
    ]
    chosen: list[Range] = []
    left = tokens
    for score, block in sorted(scored, key=lambda item: (-item[0], item[1].first)):
        cost = tokens_in("\n".join(lines[block.first - 1 : block.last]))
        if score and cost <= left:
            chosen.append(block)
            left -= cost
    return _joined(chosen)


def _blocks(count: int, definitions: Sequence[Definition]) -> Iterable[Range]:
    """The whole file in pieces: each function, and what is between them."""
    at = 1
    for one in sorted(
        (one for one in definitions if one.kind == "function"), key=lambda one: one.line
    ):
        if one.line >= at and one.end <= count:
            yield from _pieces(at, one.line - 1)
            yield Range(one.line, one.end)
            at = one.end + 1
    yield from _pieces(at, count)


def _pieces(first: int, last: int) -> Iterable[Range]:
    return (Range(start, min(start + BLOCK - 1, last)) for start in range(first, last + 1, BLOCK))


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    joined: list[Range] = []
    for one in sorted(ranges, key=lambda one: one.first):
        if joined and one.first - joined[-1].last <= GAP:
            joined[-1] = Range(joined[-1].first, one.last)
        else:
            joined.append(one)
    return tuple(joined)
