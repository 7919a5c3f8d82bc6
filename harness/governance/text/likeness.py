"""How alike two issues are, by the words they share: what duplicates are found by before a model is
asked.

Broder's resemblance (1997): the share of three-word shingles that two texts have in common. It is 1
for the same words in the same order, and falls fast with rewording, so a high value is proof
enough; a low one proves nothing. The share of words alone falls slowly: it proves nothing of two
texts, and tells a flood of rewordings of one.

What a form brings and not its filer (headings, checkboxes, "no response") is not counted: two
short reports in one form would be alike by the form."""

import re
from array import array
from collections.abc import Callable, Hashable, Iterable
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
    # Short reports share their few words by chance.
    if min(len(first), len(second)) < FEWEST_WORDS - _SHINGLE + 1:
        return 0.0
    return len(first & second) / len(first | second)


def resemblance(one: str, other: str) -> float:
    """The share of words that two texts have in common, 0 to 1; 0 where either is too short to
    tell."""
    first, second = _words(one), _words(other)
    if min(len(first), len(second)) < FEWEST_WORDS:
        return 0.0
    return len(first & second) / len(first | second)


def near_duplicate(text: str, earlier: Iterable[Earlier]) -> Earlier | None:
    """The first issue with the same text as `text`: nearly word for word, or as one of a flood that
    is alike."""
    known = sorted(earlier, key=lambda issue: issue.number)
    if same := next(
        (issue for issue in known if likeness(text, issue.text) >= NEARLY_THE_SAME), None
    ):
        return same
    # Rewordings of one text are found only as a flood: two alike may be a coincidence.
    flood = [issue for issue in known if resemblance(text, issue.text) >= ALIKE]
    return flood[0] if len(flood) >= FLOOD else None


class Texts:
    """Older texts, each read once and kept as the hashes of its shingles and words: some kilobytes
    for a long one, so that one text can be held against ten thousand. The answers are those of
    `near_duplicate`."""

    def __init__(self) -> None:
        self._marks: dict[int, Hashable] = {}
        self._kept: dict[int, tuple[array[int], array[int]]] = {}

    def learn(self, number: int, mark: Hashable, text: Callable[[], str]) -> None:
        """Know the text under this number; it is read where the mark is another than it was."""
        if self._marks.get(number) != mark:
            read = text()
            self._kept[number] = (
                array("q", map(hash, _shingled(read))),
                array("q", map(hash, _worded(read))),
            )
            self._marks[number] = mark

    def near_duplicate(self, text: str, among: Iterable[int]) -> int | None:
        """The first with the same text as `text`, by the measure of `near_duplicate`."""
        shingles, words = frozenset(map(hash, _shingled(text))), frozenset(map(hash, _worded(text)))
        known, least = sorted(among), FEWEST_WORDS - _SHINGLE + 1
        same = (
            number
            for number in known
            if _share(shingles, self._kept[number][0], least) >= NEARLY_THE_SAME
        )
        if (first := next(same, None)) is not None:
            return first
        flood = [
            number
            for number in known
            if _share(words, self._kept[number][1], FEWEST_WORDS) >= ALIKE
        ]
        return flood[0] if len(flood) >= FLOOD else None

    def likest(self, text: str, among: Iterable[int], *, least: float) -> int | None:
        """The one that shares the most words with `text`, by `resemblance`, and at least so
        much; the older of two. A long text that has the words of many has little in common with
        each of them."""
        words = frozenset(map(hash, _worded(text)))
        shared = ((_share(words, self._kept[number][1], FEWEST_WORDS), -number) for number in among)
        share, number = max(shared, default=(0.0, 0))
        return -number if number and share >= least else None


def _share(one: frozenset[int], other: "array[int]", least: int) -> float:
    """What both have, of all that either has; 0 where either is too short to tell."""
    if min(len(one), len(other)) < least:
        return 0.0
    both = len(one.intersection(other))
    return both / (len(one) + len(other) - both)


@lru_cache(maxsize=1024)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    return _shingled(text)


def _shingled(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(_OF_A_FORM.sub("", text).casefold())
    return frozenset(tuple(words[at : at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1))


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return _worded(text)


def _worded(text: str) -> frozenset[str]:
    return frozenset(
        word for word in _WORD.findall(_OF_A_FORM.sub("", text).casefold()) if len(word) > _SHINGLE
    )
