"""The files of a repository, ranked by how much they bear on a question.

Three things count for a file: its words (BM25), that the question names it, and its neighbours that
count themselves (a random walk along imports, both ways, that restarts at what was found). A test
or a page about the code is less likely to have a fault than the code.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from harness.context.imports import imported_file, stem_of, stems_in
from harness.context.index import Hit, Index
from harness.context.words import query

CANDIDATES = 100
# Importers of one file that are considered.
IMPORTERS = 50
RESTART, STEPS = 0.7, 8
NAMED_BONUS, PROSE_WEIGHT, TEST_WEIGHT = 0.5, 0.25, 0.4
"""The bonus of a file that the question names, where 1 is the best by words; and the factors of
prose or data, and of a test."""

_MENTION_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./\\")
_PROSE_ENDINGS = (".md", ".rst", ".txt", ".adoc", ".lock", ".json", ".csv", ".svg", ".po")


@dataclass(frozen=True, slots=True)
class Ranked:
    """A file, its score (1 is the best that words alone could give), and the reason for it."""

    path: str
    score: float
    reason: str


def ranked(
    index: Index, heading: str, question: str, *, is_test: Callable[[str], bool]
) -> tuple[Ranked, ...]:
    """The files that bear on the question, best first, at most some hundred."""
    hits = index.hits(query(heading, question), most=CANDIDATES)
    named = mentioned(index, f"{heading}\n{question}")
    own = _own(hits, named)
    near = walked(own, edges(index, own))
    scored = {
        path: _worth(path, is_test) * (own.get(path, 0.0) + near.get(path, 0.0))
        for path in {*own, *near}
    }
    # Rounded before sorting: sums of floats differ in their last digits by platform.
    order = sorted(scored, key=lambda path: (-round(scored[path], 6), path))[:CANDIDATES]
    words = {hit.path for hit in hits}
    return tuple(
        Ranked(path, round(scored[path], 6), _reason(path, words, named)) for path in order
    )


def mentioned(index: Index, text: str) -> frozenset[str]:
    """The files that a text names, by a path or, when only one file has it, by a name."""
    found: set[str] = set()
    for token in dict.fromkeys(_tokens(text)):
        # A bare name that several files have names none of them.
        paths = [
            path
            for path in index.named(token.rpartition("/")[2])
            if f"/{path}".endswith(f"/{token}")
        ]
        found.update(paths if len(paths) == 1 or "/" in token else ())
    return frozenset(found)


def _tokens(text: str) -> Iterable[str]:
    spaced = "".join(letter if letter in _MENTION_LETTERS else " " for letter in text[:50_000])
    return (
        token.replace("\\", "/").strip("./-") for token in spaced.split() if "." in token.strip(".")
    )


def _own(hits: Iterable[Hit], named: Iterable[str]) -> dict[str, float]:
    found = {hit.path: hit.score for hit in hits}
    best = max(found.values(), default=0.0)
    own = {path: score / best if best > 0 else 0.0 for path, score in found.items()}
    return own | {path: own.get(path, 0.0) + NAMED_BONUS for path in sorted(named)}


def edges(index: Index, paths: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """The neighbours of these files, one import away, both ways, sorted."""
    beside: dict[str, set[str]] = {}
    for path in sorted(paths):
        for other in (*_imported(index, path), *_importing(index, path)):
            beside.setdefault(path, set()).add(other)
            beside.setdefault(other, set()).add(path)
    return {path: tuple(sorted(others)) for path, others in sorted(beside.items())}


def _imported(index: Index, path: str) -> Iterable[str]:
    for written in index.imports(path):
        among = [other for stem in stems_in(written) for other in index.at_stem(stem)]
        if (found := imported_file(written, by=path, among=among)) is not None:
            yield found


def _importing(index: Index, path: str) -> Iterable[str]:
    for other, written in index.importers(stem_of(path), most=IMPORTERS):
        among = [candidate for stem in stems_in(written) for candidate in index.at_stem(stem)]
        if other != path and imported_file(written, by=other, among=among) == path:
            yield other


def walked(own: Mapping[str, float], beside: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """What each file gains from its neighbours: Page's and Brin's walk (1998), restarted at what
    was found."""
    start = {path: own.get(path, 0.0) for path in beside}
    # A fixed number of steps: the same tree gives the same order on every machine.
    held = dict(start)
    for _ in range(STEPS):
        gained = dict.fromkeys(beside, 0.0)
        for path, others in beside.items():
            for other in others:
                gained[other] += held[path] / len(others)
        held = {path: RESTART * start[path] + (1 - RESTART) * gained[path] for path in beside}
    return {path: held[path] - RESTART * start[path] for path in beside}


def _worth(path: str, is_test: Callable[[str], bool]) -> float:
    return (
        TEST_WEIGHT
        if is_test(path)
        else PROSE_WEIGHT
        if path.lower().endswith(_PROSE_ENDINGS)
        else 1.0
    )


def _reason(path: str, words: Iterable[str], named: Iterable[str]) -> str:
    reasons = [
        *(("the issue names it",) if path in named else ()),
        *(("shares words with the issue",) if path in words else ()),
    ]
    return " and ".join(reasons) or "is beside what shares words with the issue"
