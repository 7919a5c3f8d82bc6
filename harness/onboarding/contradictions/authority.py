"""Two documents that each claim to be the only authority. A claim about one subject
is not a claim about all."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.onboarding.contradictions.found import Contradiction, ContradictionKind, FoundPlace
from harness.onboarding.contradictions.prose import ProsePassage, Sentence, sentences_in

_CLAIM = re.compile(
    r"\b(?:is|are|remains?|as|be) (?:\w+ )?the (?:one and"
    r" only|only|sole|single|ultimate|final|highest|supreme)(?: and \w+)? "
    r"(?:(?:source of )?(?:truth|authority)|authoritative \w+|word)|"
    r"\b(?:takes? precedence over|overrides?|supersedes?|wins? over|outranks?)"
    r" (?:all|any|every|everything)\b"
    r"(?: (?:the )?(?:other|else)(?: (?:document|file|rule|instruction)s?)?)?|"
    r"\b(?:in case of|if there is|when there is|where there is) (?:any |a"
    r" )?(?:conflict|doubt|contradiction)[^.;]{0,40}? wins?\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?<![\w/.-])[\w-]+\.md\b", re.IGNORECASE)
_ITSELF = re.compile(
    r"\b(?:this|these|the present)"
    r" (?:file|document|page|rules?|text|handbook|charter|constitution)\b",
    re.IGNORECASE,
)
_SCOPE = re.compile(
    r"^\s*(?:for|on|about|of|regarding|concerning|when it comes to|in (?:matters|questions) of)\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|never|no longer|neither|nor)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Claim:
    subject: str
    place: FoundPlace


def rival_authorities(documents: tuple[ProsePassage, ...]) -> Iterator[Contradiction]:
    """Every claim to be the only authority after another document's first claim."""
    files = tuple(document.file for document in documents)
    claims = [claim for sentence in sentences_in(documents) for claim in _claims(sentence, files)]
    seen = set[str]()
    for claim in claims:
        if claim.subject != claims[0].subject and claim.subject not in seen:
            seen.add(claim.subject)
            yield Contradiction(
                ContradictionKind.AUTHORITY,
                claim.place,
                f"{claim.subject} is the only authority here, and {claims[0].subject} is there; say"
                " which one gives way",
                claims[0].place,
            )


def _claims(sentence: Sentence, files: tuple[str, ...]) -> Iterator[_Claim]:
    found = _CLAIM.search(sentence.text)
    if (
        not found
        or _NOT.search(sentence.text[: found.end()])
        or _SCOPE.match(sentence.text[found.end() :])
    ):
        return
    if subject := _subject(sentence.text[: found.end()], sentence.file, files):
        yield _Claim(subject, sentence.at(found.start()))


def _subject(words: str, own: str, files: tuple[str, ...]) -> str:
    """The document that the claim is made for: the last one named before it, or the one
    it is in."""
    named = _NAMED.findall(words)
    # A named file that is not among the documents gives no claim.
    if named:
        return next(
            (file for file in files if file.casefold().rpartition("/")[2] == named[-1].casefold()),
            "",
        )
    return own if _ITSELF.search(words) else ""
