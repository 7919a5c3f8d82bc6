"""Texts as words for a search: identifiers are split the way people write them in an issue."""

import re
from collections import Counter

_TOKEN = re.compile(r"[^\W\d_]+(?:_?[^\W_]+)*|\d+")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]|\d+")
_ENGLISH = """an and are as at be but by can could do does for from had has have he if in into is it
its me my no not of on or our she should so that the their them then there they this to us was we
were what when where which will with would you your"""
_KEYWORDS = """def self return import none true false const let var function class new public
private static void int str string end pub fn"""
_NOISE = frozenset(f"{_ENGLISH} {_KEYWORDS}".split())
LONGEST_WORD = 64
# How often one word counts. BM25 hardly distinguishes more.
MOST_REPEATS = 6
_MOST_ASKED = 64


def words(text: str) -> list[str]:
    """The words of a text in order: `facetSize` and `facet_size` are facet, size and facetsize.

    Words that carry no meaning are left out.
    """
    found: list[str] = []
    for token in _TOKEN.findall(text):
        pieces = [piece.casefold() for piece in _PIECE.findall(token)]
        if len(pieces) > 1:
            pieces.append(token.replace("_", "").casefold())
        found += [
            piece for piece in pieces if 1 < len(piece) <= LONGEST_WORD and piece not in _NOISE
        ]
    return found


def counted(text: str, *, most: int) -> str:
    """The words of a text as one line for an index, each as often as it counts; at most the
    first `most`."""
    seen: Counter[str] = Counter()
    kept = []
    for word in words(text):
        seen[word] += 1
        if seen[word] <= MOST_REPEATS:
            kept.append(word)
    return " ".join(kept[:most])


def query(heading: str, text: str) -> str:
    """The words of a question for FTS5: any of them may match, and those of the heading count
    twice.

    Each is quoted, so that none is an operator. Empty when there is none.
    """
    first = list(dict.fromkeys(words(heading)))
    rest = sorted(Counter(words(text)).items(), key=lambda item: -item[1])
    chosen = list(dict.fromkeys((*first, *(word for word, _ in rest))))[:_MOST_ASKED]
    doubled = (word for word in chosen for _ in range(2 if word in first else 1))
    return " OR ".join(f'"{word}"' for word in doubled)
