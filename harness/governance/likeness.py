"""How alike two issues are, by the words they share: what duplicates are found by before a model is asked.

Broder's resemblance (1997): the share of three-word shingles that two texts have in common. It is 1 for the same words
in the same order, and falls fast with rewording, so a high value is proof enough; a low one says nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

NEARLY_THE_SAME = 0.8
"""From here on two texts are one text, edited at most in passing."""

FEWEST_WORDS = 8
"""Shorter texts are alike by chance: `it does not work` is no duplicate of `it does not work`."""

_SHINGLE = 3
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Earlier:
    """An older issue, as it may be read (normalised)."""

    number: int
    title: str
    body: str
    state: str

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.body}"


def likeness(one: str, other: str) -> float:
    """The resemblance of two texts, 0 to 1; 0 where either is too short to tell."""
    first, second = _shingles(one), _shingles(other)
    if min(len(first), len(second)) < FEWEST_WORDS - _SHINGLE + 1:
        return 0.0
    return len(first & second) / len(first | second)


def nearest(text: str, earlier: Iterable[Earlier], *, most: int) -> tuple[Earlier, ...]:
    """The issues that share the most words with `text`, most alike first; never one that shares none."""
    words = _words(text)
    shared = [(_overlap(words, _words(issue.text)), issue) for issue in earlier]
    found = sorted((item for item in shared if item[0] > 0), key=lambda item: (-item[0], item[1].number))
    return tuple(issue for _, issue in found[:most])


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return frozenset(tuple(words[at:at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1))


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(text.casefold()) if len(word) > _SHINGLE)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0
