"""Checks of what must be proved before a change lands: tests, pictures, CI, journeys."""

from dataclasses import dataclass

from harness.domain.facts import UNKNOWN, ChangeFacts, OnBase
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import none_of, unknown
from harness.governance.checks.arguments import Globs, Names
from harness.governance.paths import matches, resembles


@dataclass(frozen=True, slots=True)
class TestsKept:
    """Every test collected on the base is collected on the change, none is newly skipped, and there
    is at least one."""

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Lost tests first, then new skips."""
        if facts.tests is UNKNOWN:
            return unknown("which tests ran")
        lost = facts.tests.base - facts.tests.candidate
        if lost:
            return none_of(sorted(lost), "tests of the base are lost")
        if not facts.tests.candidate:
            return CheckAnswer(False, "no test was collected, and none is not a pass")
        skipped = sorted(facts.tests.candidate_skipped - facts.tests.base_skipped)
        kept = f"{len(facts.tests.base)} tests of the base are kept, none newly skipped"
        return none_of(skipped, "tests newly skipped") if skipped else CheckAnswer(True, kept)


@dataclass(frozen=True, slots=True)
class TestsWeakened:
    """No test asks less than it asked on the base: read from the syntax trees of test modules, not
    from what they say. `exclude` is for test files that may be rewritten freely."""

    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """No weakened test outside the excluded files."""
        if facts.tests is UNKNOWN or facts.tests.weakened is UNKNOWN:
            return unknown("whether tests ask less than before")
        return none_of(
            (
                found
                for found in facts.tests.weakened
                if not matches(
                    self.exclude, found.partition("::")[0].encode("utf-8", "surrogateescape")
                )
            ),
            "tests that ask less than before",
        )


@dataclass(frozen=True, slots=True)
class TestsRedOnBase:
    """Every test that the change adds fails without the rest of the change: on the base, with the
    change's test files. At least `min` tests are added."""

    min: int = 0

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Too few first, then those that did not fail on the base."""
        if facts.tests is UNKNOWN or facts.tests.added is UNKNOWN:
            return unknown("whether the added tests fail on the base")
        added = facts.tests.added
        if len(added) < self.min:
            return CheckAnswer(
                False,
                f"tests added: {len(added)}, at least {self.min} needed",
                tuple(test.name for test in added),
            )
        if not added:
            return CheckAnswer(True, "no test is added")
        green = [test for test in added if test.on_base is not OnBase.FAILED]
        if not green:
            return CheckAnswer(True, f"tests added: {len(added)}, and all of them fail on the base")
        return none_of(
            (f"{test.name} ({test.on_base})" for test in green),
            "added tests that do not fail on the base",
        )


@dataclass(frozen=True, slots=True)
class Screenshots:
    """Where the change touches what people see, the verdict's evidence shows it: at least `min`
    pictures."""

    paths: Globs
    min: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a check that could never fail."""
        if not self.paths or not self.min:
            raise ValueError(
                "states nothing; give `paths` of what people see, and a `min` of at least 1"
            )

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """At least `min` pictures, if anything in `paths` is touched."""
        if facts.files is UNKNOWN:
            return unknown("which paths the change touches")
        seen = [change.name for change in facts.files if resembles(self.paths, change.path)]
        if not seen:
            return CheckAnswer(True, "nothing that people see is touched")
        if facts.pictures is UNKNOWN:
            return unknown("which pictures the evidence has")
        return CheckAnswer(
            facts.pictures >= self.min,
            f"pictures in the evidence: {facts.pictures}, at least {self.min} needed",
            tuple(seen[:20]),
        )


@dataclass(frozen=True, slots=True)
class ChecksGreen:
    """The forge's checks on the candidate: all of `require` present, and every one there is a
    `success`. `neutral` and `skipped` are not green: a required neutral check once counted as
    passing."""

    require: Names = ()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Absent first, then not green. No check at all is not green."""
        if facts.checks is UNKNOWN:
            return unknown("how the checks ended")
        present = {check.name for check in facts.checks}
        absent = [name for name in self.require if name not in present]
        if absent:
            return none_of(absent, "required checks that never reported")
        if not present:
            return CheckAnswer(False, "no check reported, and none is not a pass")
        red = (check for check in facts.checks if check.conclusion != "success")
        return none_of((f"{check.name} ({check.conclusion})" for check in red), "checks not green")


@dataclass(frozen=True, slots=True)
class JourneysSatisfied:
    """The sealed journeys: at least `min` of them, all executed, all passed."""

    min: int = 1

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """Sealed = executed = passed, and not fewer than `min`."""
        journeys = facts.journeys
        if journeys is UNKNOWN:
            return unknown("how the sealed journeys went")
        held = max(self.min, 1) <= journeys.sealed == journeys.executed == journeys.passed
        return CheckAnswer(
            held,
            f"{journeys.passed} of {journeys.sealed} sealed journeys passed, {journeys.executed}"
            f" ran, at least {max(self.min, 1)} needed",
        )
