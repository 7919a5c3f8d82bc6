"""References to section numbers that lead nowhere, or to a section about something else.

A reference is followed only if its document is known: the one named in the sentence, else the
document itself. A document without numbered headings has no section 7 to miss, and section 3 of a
standard is ignored.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.onboarding.contradictions.found import Contradiction, ContradictionKind, place
from harness.onboarding.contradictions.prose import Heading, ProsePassage, Sentence

_NUMBERED = re.compile(
    r"(?:§+\s*|section\s+)?(?P<number>\d{1,2}(?:\.\d{1,2})*)[.):]?[\s:–—-]+(?P<title>\S.*)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"(?:§+\s*|\bsections?\s+)(?P<number>\d{1,2}(?:\.\d{1,2})*)(?![\w-]|\.\d)"
    r"(?:[,:]?\s*(?:[(\"“*_]+(?P<set>[A-Za-z][^()\"”*_\n.;]{2,60}?)[)\"”*_]|"
    r"(?P<bare>(?-i:[A-Z][a-z]+(?:"
    r" (?:[A-Z][a-z]+|and|of|the)){0,4}?))(?=[.,;)]|$|\s(?:for|before|and|or|of|in)\s)))?",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:RFC|ISO|PEP|WCAG|GDPR|POSIX|OWASP|NIST|CommonMark|HTML|standards?|specifications?|licen[sc]es?|"
    r"Act|law|handbook|manual|book|paper)\b|https?://"
)
_FILE = re.compile(r"(?<![\w/.-])[\w-]+\.md\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z]{3,}")
_SMALL = frozenset(
    ("the", "and", "for", "with", "our", "your", "how", "what", "section", "this", "that", "from")
)


@dataclass(frozen=True, slots=True)
class _Section:
    number: str
    title: str
    heading: Heading


def misdirections(documents: tuple[ProsePassage, ...]) -> Iterator[Contradiction]:
    """Every reference to a missing section, or to one whose title is about something else."""
    sections = {document.file: _sections(document) for document in documents}
    for document in documents:
        for sentence in document.sentences:
            # "RFC 9110, section 13" is about another document.
            if not _ELSEWHERE.search(sentence.text):
                yield from _in_sentence(sentence, sections)


def _sections(document: ProsePassage) -> dict[str, _Section]:
    """The numbered sections by number; none where only one heading begins with a number
    by chance."""
    found = {
        match["number"]: _Section(match["number"], match["title"], heading)
        for heading in document.headings
        if (match := _NUMBERED.match(heading.text))
    }
    return found if len(found) > 1 else {}


def _in_sentence(
    sentence: Sentence, sections: Mapping[str, Mapping[str, _Section]]
) -> Iterator[Contradiction]:
    for reference in _REFERENCE.finditer(sentence.text):
        target = _target(sentence, reference, sections)
        # An unknown document, or one without numbered headings.
        if not sections.get(target):
            continue
        number, here = reference["number"], sentence.at(reference.start())
        section = sections[target].get(number)
        if section is None:
            yield Contradiction(
                ContradictionKind.SECTION,
                here,
                f"{target} has no section {number}; its sections are {', '.join(sections[target])}",
            )
        elif (title := _title(reference)) and not _is_about(title, section.title):
            named = next(
                (one for one in sections[target].values() if _is_about(title, one.title)), None
            )
            meant = f"; `{title}` is section {named.number}" if named else ""
            yield Contradiction(
                ContradictionKind.SECTION,
                here,
                f"section {number} of {target} is about something else{meant}",
                place(target, section.heading.line, section.heading.text),
            )


def _target(sentence: Sentence, reference: re.Match[str], sections: Mapping[str, object]) -> str:
    """The referenced document: the one named nearest, else the sentence's own; empty for
    an unknown document."""
    named = sorted(_FILE.finditer(sentence.text), key=lambda found: _distance(found, reference))
    if not named:
        return sentence.file
    name = named[0][0].casefold()
    return next((file for file in sections if file.casefold().rpartition("/")[2] == name), "")


def _distance(one: re.Match[str], other: re.Match[str]) -> int:
    return max(one.start() - other.end(), other.start() - one.end())


def _title(reference: re.Match[str]) -> str:
    """The title that the reference gives; plain text after the number is no title."""
    return reference["set"] or reference["bare"] or ""


def _is_about(title: str, heading: str) -> bool:
    wanted, there = _stems(title), _stems(heading)
    return not wanted or any(one[:4] == other[:4] for one in wanted for other in there)


def _stems(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in _SMALL}
