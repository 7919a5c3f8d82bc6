"""What has to have been shown before a change lands. Nothing shown is not a yes."""

from dataclasses import dataclass

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import Answer
from harness.governance.checks.answers import none_of, unknown
from harness.governance.checks.arguments import Names


@dataclass(frozen=True, slots=True)
class TestsKept:
    """Every test collected on the base is collected on the change, none is newly skipped, and there is at least one."""

    def answer(self, facts: ChangeFacts) -> Answer:
        """Lost tests first, then new skips."""
        if facts.tests is UNKNOWN:
            return unknown("which tests ran")
        lost = facts.tests.base - facts.tests.candidate
        if lost:
            return none_of(sorted(lost), "tests of the base are lost")
        if not facts.tests.candidate:
            return Answer(False, "no test was collected, and none is not a pass")
        return none_of(sorted(facts.tests.candidate_skipped - facts.tests.base_skipped), "tests newly skipped")


@dataclass(frozen=True, slots=True)
class ChecksGreen:
    """The forge's checks on the candidate: all of `require` present, and every one there is a `success`.
    `neutral` and `skipped` are not green: a required neutral check once counted as passing."""

    require: Names = ()

    def answer(self, facts: ChangeFacts) -> Answer:
        """Absent first, then not green. No check at all is not green."""
        if facts.checks is UNKNOWN:
            return unknown("how the checks ended")
        present = {check.name for check in facts.checks}
        absent = [name for name in self.require if name not in present]
        if absent:
            return none_of(absent, "required checks that never reported")
        if not present:
            return Answer(False, "no check reported, and none is not a pass")
        red = (check for check in facts.checks if check.conclusion != "success")
        return none_of((f"{check.name} ({check.conclusion})" for check in red), "checks not green")


@dataclass(frozen=True, slots=True)
class JourneysSatisfied:
    """The sealed journeys: at least `min` of them, all executed, all passed."""

    min: int = 1

    def answer(self, facts: ChangeFacts) -> Answer:
        """Sealed = executed = passed, and not fewer than `min`."""
        journeys = facts.journeys
        if journeys is UNKNOWN:
            return unknown("how the sealed journeys went")
        held = max(self.min, 1) <= journeys.sealed == journeys.executed == journeys.passed
        return Answer(held, f"{journeys.passed} of {journeys.sealed} sealed journeys passed, {journeys.executed} ran, "
                            f"at least {max(self.min, 1)} needed")
