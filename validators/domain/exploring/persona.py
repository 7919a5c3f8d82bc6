"""A persona: who explores an app, with what goal and budget, and what must be on the page then.

Maintainers write personas. The actor that plays one chooses what to do and to type; only the
persona decides what counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """The budget of one exploration: acts, wall-clock seconds, and about how many tokens the actor
    is shown."""

    acts: int = 25
    seconds: int = 120
    tokens: int = 40_000


@dataclass(frozen=True, slots=True)
class Persona:
    """`goal` is what the persona wants, in a sentence; `promise` is the mission entry behind it.

    `shown` are labels of fields whose text must be on the page at the end. `kept_at`, if not empty,
    is the path at which another visitor must find the same. `claims` are sentences for the
    contrastive judge to vote on."""

    name: str
    who: str
    goal: str
    promise: str
    shown: tuple[str, ...]
    kept_at: str = ""
    starts_at: str = "/"
    allowance: Allowance = Allowance()
    claims: tuple[str, ...] = ()
