"""What a journey has at stake: the texts it requires to read, and the data of its steps that these texts mention.

A saboteur aims at exactly this, and a sabotage that hits it must be noticed.
"""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.errors import ExpressionInvalid
from validators.domain.journey import Journey
from validators.domain.values import Values
from validators.domain.walk import required
from validators.domain.wording import folded, whole_words


@dataclass(frozen=True, slots=True)
class Stakes:
    texts: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()


def stakes(journey: Journey, values: Values) -> Stakes:
    """The stakes as far as they are known at this point of the run: a text whose values are not set yet is left out."""
    texts: set[str] = set()
    for held in required(journey):
        try:
            texts.add(folded(values.text(held)))
        except ExpressionInvalid:
            continue
    told = {folded(value) for value in (*values.fields.values(), *values.names.values())}
    mentioned = {value for value in told if value and any(whole_words(value).search(text) for text in texts)}
    return Stakes(frozenset(texts - {""}), frozenset(mentioned))
