"""How the factory and the people who file issues behave: labels, pace, tries and money."""

from dataclasses import dataclass
from decimal import Decimal

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import at_most, none_of, unknown
from harness.governance.checks.arguments import Names, Window

SECONDS = {"hour": 3_600, "day": 86_400, "week": 604_800}


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels as the forge's API has them: all of `require`, none of `deny`. Case is as nothing, as
    on the forge."""

    require: Names = ()
    deny: Names = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a check that could never fail."""
        if not (self.require or self.deny):
            raise ValueError("states nothing; give `require` or `deny`")

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Denied labels first, then missing ones."""
        if facts.labels is UNKNOWN:
            return unknown("which labels are set")
        present = {label.casefold() for label in facts.labels}
        denied = [label for label in self.deny if label.casefold() in present]
        if denied:
            return none_of(denied, "labels that must not be set")
        return none_of(
            (label for label in self.require if label.casefold() not in present), "labels missing"
        )


@dataclass(frozen=True, slots=True)
class AuthorRate:
    """How many issues of one account are taken up in a window of time, this one included."""

    max: int
    per: Window = "day"

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """This one and those younger than the window are at most `max`."""
        if facts.author_ages is UNKNOWN:
            return unknown("what else this author filed")
        recent = 1 + sum(age < SECONDS[self.per] for age in facts.author_ages)
        return at_most(
            recent, self.max, f"filed by one author within a {self.per}", holds=recent <= self.max
        )


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often the factory may try, the attempt at hand included."""

    max: int

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At most `max` attempts."""
        if facts.attempts is UNKNOWN:
            return unknown("how often this was tried")
        return at_most(facts.attempts, self.max, "attempts", holds=facts.attempts <= self.max)


@dataclass(frozen=True, slots=True)
class SpendUsd:
    """What models may have cost for this issue so far, in US dollars."""

    max: Decimal

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At most `max` dollars."""
        if facts.spend_usd is UNKNOWN:
            return unknown("what this issue has cost")
        return at_most(
            f"${facts.spend_usd}", f"${self.max}", "spent", holds=facts.spend_usd <= self.max
        )
