"""Decides what may leave the sealed store: a promise's own words and what a person would have
noticed; never a step, a selector or a value.

The symptom alone selects the words below, so no text of a page or a journey can be in them. `leaks`
is a second guard: it searches what is about to leave for what must stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from validators.domain.journeys.journey import Journey
from validators.domain.journeys.values import Template
from validators.domain.journeys.walk import looks, templates_of
from validators.domain.verdict import Finding, Symptom

SHORTEST_PHRASE = 12

NOTICED = {
    Symptom.NOT_SHOWN: "after doing it, the page did not show what was promised",
    Symptom.STILL_SHOWN: "after doing it, the page still showed what should have been gone",
    Symptom.NOT_KEPT: "after reloading the page, the result was not kept",
    Symptom.NOT_SHARED: "another person, in a session of their own, did not see the result",
    Symptom.NOT_POSSIBLE: (
        "it could not be done: the page did not offer what was needed, or did not let it be used"
    ),
    Symptom.SERVER_ERROR: "the app answered with a server error",
    Symptom.PAGE_ERROR: "the page showed or logged an error that must never appear",
    Symptom.NO_ANSWER: "the app stopped answering",
    Symptom.NOT_ANSWERED: "the app's API did not answer as was promised",
    Symptom.NOT_PRINTED: "the command did not print, or did not write, what was promised",
    Symptom.WRONG_EXIT: "the command did not end as it should: another exit code, or too late",
    Symptom.DIFFERS_WHEN_WATCHED: "the app behaves differently when watched",
}


@dataclass(frozen=True, slots=True)
class PublicFinding:
    """One line of public.json: the promise, its own words, and what a person would have noticed."""

    promise: str
    words: str
    observed: str


def public_findings(
    findings: Iterable[Finding], words: Mapping[str, str]
) -> tuple[PublicFinding, ...]:
    """The findings in public words, without duplicates. `words` maps a promise id (or `issue`) to a
    quote from the mission or the issue."""
    public = (
        PublicFinding(one.promise, words.get(one.promise, one.promise), NOTICED[one.symptom])
        for one in findings
    )
    return tuple(dict.fromkeys(public))


def leaks(text: str, journeys: Iterable[Journey], *, known: Iterable[str] = ()) -> tuple[str, ...]:
    """The sealed phrases in a text that is about to leave, canaries first; empty: it may leave.

    A phrase is a canary, or a literal text of a journey with at least SHORTEST_PHRASE
    characters that is not in `known` (the issue and the governance files, which the
    implementer has anyway)."""
    open_texts = tuple(words.casefold() for words in known)
    shown = text.casefold()
    phrases = (phrase for journey in journeys for phrase in _phrases(journey))
    return tuple(
        dict.fromkeys(
            phrase
            for phrase in phrases
            if phrase.casefold() in shown
            and not any(phrase.casefold() in words for words in open_texts)
        )
    )


def _phrases(journey: Journey) -> Iterable[str]:
    if journey.canary:
        yield journey.canary
    parts = (
        *journey.steps,
        *looks(journey.expect),
        *(looks(journey.negative_control.expect) if journey.negative_control else ()),
    )
    for template in (template for part in parts for template in templates_of(part)):
        yield from _long_pieces(template)


def _long_pieces(template: Template) -> Iterable[str]:
    pieces = (part.strip() for part in template.parts if isinstance(part, str))
    return (piece for piece in pieces if len(piece) >= SHORTEST_PHRASE)
