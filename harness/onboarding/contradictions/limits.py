"""Limits that differ: 500 lines here, 400 there.

Two numbers contradict each other only if they limit the same thing. Three attempts and two retries
agree; 200 lines for a fix and 500 for a feature agree; a target and a maximum agree.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.onboarding.clauses import limits_in
from harness.onboarding.contradictions.found import Contradiction, ContradictionKind, FoundPlace
from harness.onboarding.contradictions.prose import ProsePassage, Sentence, sentences_in
from harness.onboarding.survey import ClauseKind

_UNITS = {
    ClauseKind.LINES: "lines",
    ClauseKind.FILES: "files",
    ClauseKind.ATTEMPTS: "attempts",
    ClauseKind.DOLLARS: "dollars",
}
_SIZES = frozenset(("soft", "bug", "feature", "chore", "added", "gone"))
_TIMES = frozenset(("soft", "retry", "review", "node", "time", "person", "open"))
_OF = {
    ClauseKind.LINES: _SIZES,
    ClauseKind.FILES: _SIZES,
    ClauseKind.ATTEMPTS: _TIMES,
    ClauseKind.DOLLARS: _TIMES,
}
_QUALIFIERS = re.compile(
    r"\b(?:(?P<soft>prefer\w*|aim\w*|ideal\w*|target\w*|should|try|typical\w*|usual\w*|recommend\w*|warn\w*|consider)|"
    r"(?P<retry>retr(?:y|ies))|(?P<bug>bugs?|fix(?:es)?|hotfix(?:es)?|bugfix(?:es)?)|(?P<feature>features?)|"
    r"(?P<chore>chores?|refactor\w*|rename\w*|doc(?:s|umentation)|tests"
    r" only|test-only|migrations?|generated|locks?|lockfiles?)|"
    r"(?P<review>review(?:s|er|ers)?|validat\w+|rounds?|ci)|(?P<added>adds?|added|additions?|new)|(?P<gone>delet\w+|remov\w+)|"
    r"(?P<node>nodes?|steps?|jobs?|calls?|requests?|agents?|runs?)|(?P<time>hour|hourly|day|daily|week|weekly|month|monthly|"
    r"night|nightly)|(?P<person>person|people|account|author|user|contributor|everyone)s?|(?P<open>open|parallel|at"
    r" once))\b",
    re.IGNORECASE,
)
"""Words that narrow a limit. `pull request` does not count as a request."""

_PULL_REQUEST = re.compile(r"\b(?:pull|merge) requests?\b", re.IGNORECASE)
_EXCEPTION = re.compile(
    r"\b(?:unless|except\w*|exempt\w*|overrid\w+|with (?:the|a|an) \S+ label|per file|used"
    r" to|was|were)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Limit:
    """A number and its subject; two limits with the same `subject` should be equal."""

    subject: tuple[ClauseKind, frozenset[str]]
    number: int
    place: FoundPlace


def differing_limits(documents: tuple[ProsePassage, ...]) -> Iterator[Contradiction]:
    """Every limit whose number differs from the first one of its subject."""
    first: dict[tuple[ClauseKind, frozenset[str]], _Limit] = {}
    for limit in _limits(sentences_in(documents)):
        other = first.setdefault(limit.subject, limit)
        if other.number != limit.number:
            unit = _UNITS[limit.subject[0]]
            yield Contradiction(
                ContradictionKind.LIMIT,
                limit.place,
                f"the limit is {limit.number} {unit} here and {other.number} there; make it one"
                " number",
                other.place,
            )


def _limits(sentences: Iterable[Sentence]) -> Iterator[_Limit]:
    for sentence in sentences:
        # An exception or a look back at the past states no limit of its own.
        if not _EXCEPTION.search(sentence.text):
            for kind, number in limits_in(sentence.text, sentence.heading):
                yield _Limit(
                    (kind, _narrowed(sentence.text, number) & _OF[kind]), number, sentence.place
                )


def _narrowed(sentence: str, number: int) -> frozenset[str]:
    """The qualifiers in the part of the sentence, between commas, that holds the number;
    else in all of it."""
    parts = re.split(r"[,;:–—](?!\d)", _PULL_REQUEST.sub("", sentence))
    part = next((part for part in parts if str(number) in part.replace(",", "")), sentence)
    return frozenset(
        name for found in _QUALIFIERS.finditer(part) for name in found.groupdict() if found[name]
    )
