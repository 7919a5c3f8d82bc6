"""Checks a journey before anything performs it: it must be readable, and worth sealing."""

from __future__ import annotations

from validators.domain.errors import JourneyInvalid
from validators.domain.journeys.journey import Journey
from validators.language.lint import problems
from validators.language.reader import read


def checked(source: str, *, file: str = "journey", may_only_look: bool = False) -> Journey:
    """The journey in a text. Raises JourneyInvalid if it cannot be read or proves nothing.

    `may_only_look`: it will not be sealed, so it may merely open pages."""
    journey = read(source, file=file)
    if found := problems(journey, may_only_look=may_only_look):
        raise JourneyInvalid(found, file=file)
    return journey


def complaints(source: str) -> tuple[str, ...]:
    """What a writer must change, one sentence each with its line; empty if the journey may be
    sealed."""
    try:
        checked(source)
    except JourneyInvalid as invalid:
        return tuple(str(problem) for problem in invalid.problems)
    return ()
