"""How fast issues come in, from everybody together."""

from dataclasses import dataclass

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import at_most, unknown
from harness.governance.checks.arguments import Window
from harness.governance.checks.conduct import SECONDS


@dataclass(frozen=True, slots=True)
class IssueRate:
    """How many issues are taken up in a window of time, whoever filed them, this one included: what
    holds against a thousand accounts with one issue each."""

    max: int
    per: Window = "day"

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """This one and those younger than the window are at most `max`."""
        if facts.issue_ages is UNKNOWN:
            return unknown("what else was filed")
        recent = 1 + sum(age < SECONDS[self.per] for age in facts.issue_ages)
        return at_most(
            recent, self.max, f"issues taken up within a {self.per}", holds=recent <= self.max
        )
