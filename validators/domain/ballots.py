"""Votes on small claims about what was shown: base beside candidate, without saying which is which.

A voter may obey what it reads, so nothing here can be talked into a yes that counts for more than
nothing:

- a yes or a no about a text must quote it, and the quote must stand there; else it is unclear
- any trouble with an answer makes all of it unclear
- a claim is green only when every vote on the candidate says yes by at least two of the three
  senses, and none says no
- green adds nothing to a verdict; whatever is not green takes satisfaction away
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from validators.domain.errors import DocumentInvalid
from validators.domain.journeys.wording import folded
from validators.domain.shapes import Shape, shape

VOTES = 3
SENSES_NEEDED = 2
SHORTEST_QUOTE, LONGEST_QUOTE = 3, 300


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


class Sense(StrEnum):
    """By what a voter knows: the tree of the page, a picture of it, or what another visitor then
    found."""

    DOM = "dom"
    SCREENSHOT = "screenshot"
    STATE = "state"


class SideOrder(StrEnum):
    """Which side a voter was shown as A."""

    BASE_FIRST = "base-first"
    CANDIDATE_FIRST = "candidate-first"


@dataclass(frozen=True, slots=True)
class Exhibits:
    """What both sides showed to one sense. Texts for DOM and STATE; empty for a screenshot, which
    nobody can quote."""

    sense: Sense
    base: str = ""
    candidate: str = ""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One voter's raw answer, as it came out of its box. `word` is the one that it was given to say
    again."""

    sense: Sense
    order: SideOrder
    word: str
    answer: str


@dataclass(frozen=True, slots=True)
class Vote:
    """One claim by one voter."""

    sense: Sense
    base: Answer
    candidate: Answer


def votes(ballot: Ballot, exhibits: Exhibits, *, claims: int) -> tuple[Vote, ...]:
    """A ballot as one vote a claim, in the claims' order; unclear where it says nothing that can be
    used."""
    try:
        return _read(ballot, exhibits, claims)
    except DocumentInvalid:
        return (Vote(ballot.sense, Answer.UNCLEAR, Answer.UNCLEAR),) * claims


def tally(cast: Iterable[Vote]) -> Answer:
    """What all votes on one claim come to about the candidate. Too few votes are unclear."""
    told = tuple(cast)
    if any(vote.candidate is Answer.NO for vote in told):
        return Answer.NO
    sure = [
        sense
        for sense in Sense
        if _unanimous([vote.candidate for vote in told if vote.sense is sense])
    ]
    return Answer.YES if len(sure) >= SENSES_NEEDED else Answer.UNCLEAR


def _unanimous(answers: list[Answer]) -> bool:
    return len(answers) >= VOTES and set(answers) == {Answer.YES}


def _read(ballot: Ballot, exhibits: Exhibits, claims: int) -> tuple[Vote, ...]:
    root = shape(ballot.answer, "ballot")
    if root.at("word").text() != ballot.word:
        raise DocumentInvalid("ballot.word: not the one that was given")
    items = root.list("answers", exactly=claims)
    root.done()
    return tuple(
        _vote(item, ballot, exhibits, number=number) for number, item in enumerate(items, start=1)
    )


def _vote(item: Shape, ballot: Ballot, exhibits: Exhibits, *, number: int) -> Vote:
    if item.at("claim").whole() != number:
        raise DocumentInvalid(f"{item.path}.claim: expected {number}")
    first, second = exhibits.base, exhibits.candidate
    if ballot.order is SideOrder.CANDIDATE_FIRST:
        first, second = second, first
    a, b = (
        _answer(item, side, shown, ballot.sense) for side, shown in (("a", first), ("b", second))
    )
    item.done()
    return Vote(ballot.sense, *((a, b) if ballot.order is SideOrder.BASE_FIRST else (b, a)))


def _answer(item: Shape, side: str, shown: str, sense: Sense) -> Answer:
    answer, quote = item.at(side).one_of(Answer), folded(item.at(f"{side}_quote").text())
    if answer is Answer.UNCLEAR or sense is Sense.SCREENSHOT:
        return answer
    stands = SHORTEST_QUOTE <= len(quote) <= LONGEST_QUOTE and quote in folded(shown)
    return answer if stands else Answer.UNCLEAR


def read_ballots(text: str) -> tuple[Ballot, ...]:
    """The ballots in a document `{"ballots": […]}`. Raises DocumentInvalid for anything missing,
    extra or of another type."""
    root = shape(text, "ballots")
    found = tuple(_ballot(item) for item in root.list("ballots"))
    root.done()
    return found


def _ballot(item: Shape) -> Ballot:
    ballot = Ballot(
        item.at("sense").one_of(Sense),
        item.at("order").one_of(SideOrder),
        item.at("word").text(),
        item.at("answer").text(),
    )
    item.done()
    return ballot


def answer_schema() -> Mapping[str, Any]:
    """The JSON schema of an answer, as a voter is given it."""
    answer = {"type": "string", "enum": list(Answer)}
    quote = {
        "type": "string",
        "description": (
            "Words of that exhibit, letter for letter, that show it; empty when unclear."
        ),
    }
    sides = {
        key: value for side in "ab" for key, value in ((side, answer), (f"{side}_quote", quote))
    }
    one = _object({"claim": {"type": "integer"}, **sides})
    return _object({"word": {"type": "string"}, "answers": {"type": "array", "items": one}})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def ballots_json(ballots: Iterable[Ballot]) -> str:
    """The ballots as one document, as `read_ballots` reads it."""
    told = [
        {"sense": one.sense, "order": one.order, "word": one.word, "answer": one.answer}
        for one in ballots
    ]
    return json.dumps({"ballots": told}, ensure_ascii=False)
