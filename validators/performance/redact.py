"""What may leave the seal: a promise's own words and what a person would have noticed. Never a
step, selector or value.

The words below are chosen by symptom alone, so nothing that a page said, and nothing that a journey
says, can be in them. `leaks` is the second guard: it searches what is about to leave for what must
stay."""

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
    Symptom.DIFFERS_WHEN_WATCHED: "the app behaves differently when watched",
}


@dataclass(frozen=True, slots=True)
class PublicFinding:
    """One line of public.json: the promise, its own words, and what was noticed."""

    promise: str
    words: str
    observed: str


def public_findings(
    findings: Iterable[Finding], words: Mapping[str, str]
) -> tuple[PublicFinding, ...]:
    """The findings in public words. `words` maps a promise id (or `issue`) to a quote of the
    mission or the issue."""
    told = (
        PublicFinding(one.promise, words.get(one.promise, one.promise), NOTICED[one.symptom])
        for one in findings
    )
    return tuple(dict.fromkeys(told))


def leaks(text: str, journeys: Iterable[Journey], *, known: Iterable[str] = ()) -> tuple[str, ...]:
    """The sealed phrases in a text that is about to leave, canaries first; empty means it may
    leave.

    A phrase counts when it is a canary, or at least SHORTEST_PHRASE characters of a journey's own
    literal text that do not also stand in `known` (the issue and the governance files, which the
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
    for held in (held for part in parts for held in templates_of(part)):
        yield from _long_pieces(held)


def _long_pieces(held: Template) -> Iterable[str]:
    pieces = (part.strip() for part in held.parts if isinstance(part, str))
    return (piece for piece in pieces if len(piece) >= SHORTEST_PHRASE)
