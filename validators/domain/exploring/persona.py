"""A persona: who explores an app with what goal and budget, and what the goal demands of a page.

Maintainers write personas. What a persona demands is said here and by nobody else: the actor that
plays one chooses what to do and to type, and has no say in what counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one exploration may use: acts, wall-clock seconds, and about so many tokens shown to the
    actor."""

    acts: int = 25
    seconds: int = 120
    tokens: int = 40_000


@dataclass(frozen=True, slots=True)
class Persona:
    """`goal` is what they want in a sentence, `promise` the mission entry that stands behind it.

    `shown` are the labels of fields whose text must be on the page at the end; `kept_at`, where it
    is not empty, is the path at which another visitor must find the same. `claims` are for the
    contrastive judge to answer, one sentence each."""

    name: str
    who: str
    goal: str
    promise: str
    shown: tuple[str, ...]
    kept_at: str = ""
    starts_at: str = "/"
    allowance: Allowance = Allowance()
    claims: tuple[str, ...] = ()
