"""How alike two issues are, by the words they share: what duplicates are found by before a model is asked.

Broder's resemblance (1997): the share of three-word shingles that two texts have in common. It is 1 for the same words
in the same order, and falls fast with rewording, so a high value is proof enough; a low one says nothing. The share of
words alone falls slowly: it proves nothing of two texts, and tells a flood of rewordings of one.

What a form says and not its filer (headings, boxes to tick, "no response") is not counted: two short reports in one
form would be alike by the form.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

NEARLY_THE_SAME = 0.8
"""From here on two texts are one text, edited at most in passing."""

ALIKE = 0.6
"""From here on two texts share most of their words, in whatever order."""

FLOOD = 3
"""So many texts that are alike make a flood, and what is like all of them is one more of it."""

FEWEST_WORDS = 8
"""Shorter texts are alike by chance: `it does not work` is no duplicate of `it does not work`."""

_SHINGLE = 3
_WORD = re.compile(r"\w+")
_OF_A_FORM = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t].*|[-*][ \t]\[[ xX]\].*|_No response_)$")


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


def resemblance(one: str, other: str) -> float:
    """The share of words that two texts have in common, 0 to 1; 0 where either is too short to tell."""
    first, second = _words(one), _words(other)
    if min(len(first), len(second)) < FEWEST_WORDS:
        return 0.0
    return len(first & second) / len(first | second)


def twin(text: str, earlier: Iterable[Earlier]) -> Earlier | None:
    """The first issue that says the same as `text`: nearly word for word, or as one of a flood that is alike."""
    known = sorted(earlier, key=lambda issue: issue.number)
    if same := next((issue for issue in known if likeness(text, issue.text) >= NEARLY_THE_SAME), None):
        return same
    flood = [issue for issue in known if resemblance(text, issue.text) >= ALIKE]
    return flood[0] if len(flood) >= FLOOD else None


def nearest(text: str, earlier: Iterable[Earlier], *, most: int) -> tuple[Earlier, ...]:
    """The issues that share the most words with `text`, most alike first; never one that shares none."""
    words = _words(text)
    shared = [(_overlap(words, _words(issue.text)), issue) for issue in earlier]
    found = sorted((item for item in shared if item[0] > 0), key=lambda item: (-item[0], item[1].number))
    return tuple(issue for _, issue in found[:most])


@lru_cache(maxsize=4096)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(_OF_A_FORM.sub("", text).casefold())
    return frozenset(tuple(words[at:at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1))


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(_OF_A_FORM.sub("", text).casefold()) if len(word) > _SHINGLE)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0
