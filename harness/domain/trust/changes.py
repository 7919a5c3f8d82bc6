"""What trust is learned from: the facts of a change, and what became of it after it landed.

No model's opinion of its own work is among the facts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from harness.domain.facts import UNKNOWN, Maybe
from harness.domain.landing import Outcome


@dataclass(frozen=True, slots=True)
class ChangeTraits:
    """The facts of a change, each from the ledger or from raw git objects; UNKNOWN where nobody
    established one.

    `area` is the part of the repository that it changes, `kind` the triaged kind of its issue;
    either is empty where it is not known. `rounds` counts how often the judge sent it back,
    `retries` the attempts that failed, `tier` the tier of models that wrote it (0 is the first),
    `findings` what the judge did not find on the way, `red_on_base` whether a journey
    showed the change."""

    area: str
    kind: str
    lines: Maybe[int] = UNKNOWN
    files: Maybe[int] = UNKNOWN
    rounds: Maybe[int] = UNKNOWN
    retries: Maybe[int] = UNKNOWN
    tier: Maybe[int] = UNKNOWN
    findings: Maybe[int] = UNKNOWN
    controls_held: Maybe[bool] = UNKNOWN
    red_on_base: Maybe[bool] = UNKNOWN

    @property
    def unknown(self) -> tuple[str, ...]:
        """The facts that nobody established, by name."""
        return tuple(name for name in self.__slots__ if getattr(self, name) in (UNKNOWN, ""))


@dataclass(frozen=True, slots=True)
class Followed:
    """A landing that was followed. `landed` and `known` are when it landed and when its outcome was
    known, with their zone; of an open one, `known` is when it was looked at last."""

    issue: int
    commit: str
    traits: ChangeTraits
    outcome: Outcome
    landed: datetime
    known: datetime
    paths: tuple[str, ...] = ()


def in_area(
    past: Iterable[Followed], area: str, matches: Callable[[str], bool]
) -> tuple[Followed, ...]:
    """The past as a rule sees it: a landing of which one path matches is of the rule's area, any
    other stays where it was."""
    return tuple(
        replace(one, traits=replace(one.traits, area=area)) if any(map(matches, one.paths)) else one
        for one in past
    )


def settled(past: Iterable[Followed]) -> tuple[Followed, ...]:
    """Those whose outcome is known, in the order in which it was known."""
    known = (one for one in past if one.outcome.settled)
    return tuple(sorted(known, key=lambda one: (one.known, one.landed, one.commit)))
