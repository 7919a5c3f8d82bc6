"""A rule's own examples, executed by code. No model, no network, no clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import Case, Expect, Governance, Rule, Source
from harness.governance.decide import answer_of
from harness.governance.remit import seen_by
from harness.governance.votes.judged import answer_to


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: what was expected, what came, and whether they agree. `source` is the line of the
    case itself."""

    rule: str
    expected: Expect
    got: Expect
    message: str
    source: Source

    @property
    def held(self) -> bool:
        """Whether the rule answered as its case expects."""
        return self.expected is self.got


def run_cases(
    governance: Governance, *, history: Mapping[int, ChangeFacts] | None = None
) -> tuple[CaseResult, ...]:
    """Every case of every rule, in the order of the text. `history` has the facts of recorded pull
    requests by number; a case that names one which is not recorded does not hold."""
    return tuple(result for rule in governance.rules for result in _results(rule, history or {}))


def _results(rule: Rule, history: Mapping[int, ChangeFacts]) -> Iterator[CaseResult]:
    for case in rule.cases:
        got, message = _answer(rule, case, history)
        yield CaseResult(
            rule.id, case.expect, got, message, Source(rule.source.file, case.line, case.line)
        )


def _answer(rule: Rule, case: Case, history: Mapping[int, ChangeFacts]) -> tuple[Expect, str]:
    facts = history.get(case.pull_request) if case.pull_request is not None else case.given
    if facts is None:
        return Expect.UNKNOWN, f"pull request #{case.pull_request} is not in the recorded history"
    facts = seen_by(rule, facts)
    if facts is None:
        return Expect.PASS, "it looks at nothing that the change touches, so it is not asked"
    if rule.when is not None and rule.when.holds(facts) is False:
        return Expect.PASS, "its `when:` does not hold, so it is not asked"
    answer = (
        answer_to(rule.question, case.votes)
        if rule.question and case.votes
        else answer_of(rule, facts)
    )
    if answer.passed is UNKNOWN:
        return Expect.UNKNOWN, answer.message
    return (Expect.PASS if answer.passed else Expect.FAIL), answer.message
