"""Labels and slash commands in prose that no workflow and no code mentions.

Many labels are only for people. So a missing term is reported only if other terms of its kind are
found: then a program uses this vocabulary, and this word is not in the program. Branches are left
out, since they are not files.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from harness.onboarding.contradictions.found import Contradiction, ContradictionKind
from harness.onboarding.contradictions.prose import ProsePassage, Sentence, sentences_in

_LABEL = r"`([A-Za-z][\w-]*(?:[:/_-][\w-]+)+)`"
_LABELLED = re.compile(
    rf"\blabel(?:s|led|ed)?(?: \w+)?:? (?:as |with )?{_LABEL}|{_LABEL}(?: \w+)? labels?\b",
    re.IGNORECASE,
)
_SLASH = re.compile(r"`(/[a-z][a-z-]+(?: [a-z][a-z-]+)?)(?: [^`]*)?`")
_COMMANDING = re.compile(
    r"\b(?:comment|command|reply|replies|slash|says?|writes?|typ(?:e|es|ing))\w*\b", re.IGNORECASE
)
_PROSE = re.compile(r".*\.(?:md|rst|txt|adoc)", re.IGNORECASE)
_MOST_FILES = 3000


@dataclass(frozen=True, slots=True)
class _Term:
    kind: str
    word: str
    sentence: Sentence
    offset: int


def unused_terms(
    documents: tuple[ProsePassage, ...], files: Mapping[str, str], *, known: Collection[str]
) -> Iterator[Contradiction]:
    """Labels and slash commands that only prose mentions, where others of their kind are
    used. `known`: used elsewhere."""
    terms = [term for sentence in sentences_in(documents) for term in _terms(sentence)]
    texts = [name for name in files if not _PROSE.fullmatch(name)]
    # Reading every file of a huge repository costs too much for this check.
    if not terms or len(texts) > _MOST_FILES:
        return
    mentioned = {word.casefold() for word in known} | _mentioned(
        {term.word.casefold() for term in terms}, files, texts
    )
    machine = {term.kind for term in terms if term.word.casefold() in mentioned}
    reported = set[str]()
    for term in terms:
        if term.kind in machine and term.word.casefold() not in mentioned | reported:
            reported.add(term.word.casefold())
            yield Contradiction(
                ContradictionKind.TERM,
                term.sentence.at(term.offset),
                f"no workflow and no code here mentions the {term.kind} `{term.word}`",
            )


def _terms(sentence: Sentence) -> Iterator[_Term]:
    for found in _LABELLED.finditer(sentence.text):
        yield _Term("label", found[1] or found[2], sentence, found.start())
    if _COMMANDING.search(sentence.text):
        for found in _SLASH.finditer(sentence.text):
            yield _Term("command", found[1], sentence, found.start())


def _mentioned(words: Collection[str], files: Mapping[str, str], names: list[str]) -> set[str]:
    """The words that some file has. Files are read one by one, until all words are found."""
    missing = set(words)
    for name in names:
        if not missing:
            break
        text = files[name].casefold()
        missing -= {word for word in missing if word in text}
    return set(words) - missing
