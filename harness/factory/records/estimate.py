"""What an issue may cost, estimated when it is accepted from similar issues that have ended. A fold
of the ledger.

Similar issues have the same kind and length. If none has ended, those of the same kind count, then
all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median_low

from harness.domain.events import CostEstimated
from harness.domain.lifecycle import ENDED, State
from harness.factory.records.history import History

LENGTHS = ((400, "short"), (1500, "middling"))
"""Upper limits in characters of title and text together, and their names; anything longer is
`long`. Before anybody has looked at the code, this is all that is known about the size of a
change."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """US dollars for the whole life of an issue: the lowest, median and highest cost of `cases`
    issues. `like` names what these have in common with this one."""

    cases: int
    like: str = ""
    low: Decimal = Decimal(0)
    middle: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    @property
    def sentence(self) -> str:
        if not self.cases:
            return (
                "no history: no issue has ended yet that a model worked on, so nobody can tell what"
                " this one costs"
            )
        behind = "1 issue" if self.cases == 1 else f"{self.cases} issues"
        return (
            f"${self.low:.4f} to ${self.high:.4f}, ${self.middle:.4f} in the middle, by {behind}"
            f" that ended before ({self.like})"
        )

    @property
    def event(self) -> CostEstimated:
        """As the ledger keeps it; dollars are decimal texts."""
        return CostEstimated(
            self.sentence,
            cases=self.cases,
            like=self.like,
            low=str(self.low),
            middle=str(self.middle),
            high=str(self.high),
        )


def length_of(title: str, body: str) -> str:
    """The name of a text's length: short, middling or long."""
    characters = len(title) + len(body)
    return next((name for least, name in LENGTHS if characters < least), "long")


def estimate(kind: str, length: str, others: Iterable[History]) -> Estimate:
    """The estimate from the most similar of `others` that have ended."""
    ended = [one for one in others if has_ended(one)]
    same_kind = [one for one in ended if _kind(one) == kind]
    same_both = [one for one in same_kind if _length(one) == length]
    for like, found in (
        (f"{kind}, {length} text", same_both),
        (f"{kind}, of any length", same_kind),
        ("of any kind", ended),
    ):
        if found:
            return _of(like, [one.usage.cost_usd for one in found])
    return Estimate(0)


def has_ended(history: History) -> bool:
    """Whether work on it was begun and is over (landed, given up, or with a person), so that its
    cost counts."""
    return history.state in ENDED | {State.NEEDS_HUMAN} and history.runs_of("implement") > 0


def _of(like: str, costs: Sequence[Decimal]) -> Estimate:
    # The low median is a cost that was really paid, not a mean of two.
    return Estimate(len(costs), like, min(costs), median_low(costs), max(costs))


def _kind(history: History) -> str:
    return history.triage.issue_kind if history.triage else ""


def _length(history: History) -> str:
    triaged = history.triage
    return length_of(triaged.title, triaged.body) if triaged else length_of("", "")
