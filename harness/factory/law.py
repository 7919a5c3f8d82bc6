"""Asking the law about a change: facts from raw git objects, the ledger and the test runs; the answer is code's."""

from dataclasses import dataclass
from typing import Any

from harness.domain.facts import UNKNOWN, ChangeFacts, JourneyFacts, TestFacts
from harness.domain.governance import Applies, Decision, Finding, OnFail
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import Event
from harness.domain.merge import Refusal
from harness.factory import projecttests
from harness.factory.job import Job
from harness.governance.decide import decide
from harness.governance.dependencies import dependency_changes
from harness.governance.secrets import SecretScanner


@dataclass(frozen=True, slots=True)
class LawDecision:
    """What the law says of one change: the refusals with their rules, the event that follows, all findings as JSON."""

    refusals: tuple[Refusal, ...]
    event: Event | None
    findings: list[dict[str, Any]]


_EVENTS = {OnFail.RETRY: Event.RUN_FAILED, OnFail.SPLIT: Event.SPLIT, OnFail.NEEDS_HUMAN: Event.LAW_REFUSED,
           OnFail.REJECT: Event.LAW_REFUSED}


def decide_change(job: Job, base: CommitSha, head: CommitSha, *, applies: Applies = Applies.PR) -> LawDecision:
    """Put the facts of base..head to the rules at the job's base that apply to a proposal, or to a merge."""
    decision = decide(job.steering.governance, change_facts(job, base, head), applies=applies)
    refusals = tuple(Refusal(finding.rule, finding.says) for finding in decision.refusals)
    return LawDecision(refusals or _default(decision), _EVENTS.get(decision.action) if decision.action else None,
                       [_shown(finding) for finding in decision.findings])


def _default(decision: Decision) -> tuple[Refusal, ...]:
    return () if decision.allowed else (Refusal("default", "; ".join(decision.why) or "no rule speaks of this change"),)


def change_facts(job: Job, base: CommitSha, head: CommitSha) -> ChangeFacts:
    """Every fact that can be established here and now; what cannot is UNKNOWN, and refuses the rule that asks for it."""
    repository, told = job.plant.repository, job.history
    diff = repository.diff(base, head)
    complete = not diff.too_large
    return ChangeFacts(
        files=diff.files if complete else UNKNOWN,
        dependencies=dependency_changes(diff.files, lambda path: repository.read(base, path),
                                        lambda path: repository.read(head, path)) if complete else UNKNOWN,
        secrets=SecretScanner().found_in(diff.added) if complete else UNKNOWN,
        tests=_test_facts(job, base, head),
        journeys=JourneyFacts(**told.verdict["journeys"]) if told.verdict else UNKNOWN,
        kind=str((told.triage or {}).get("kind", "")) or UNKNOWN,
        attempts=told.runs_of("implement"), spend_usd=told.usage.cost_usd,
    )


def _test_facts(job: Job, base: CommitSha, head: CommitSha) -> TestFacts:
    report = projecttests.compared(job, base=base, head=head)
    return TestFacts(base=report.base, candidate=report.kept, base_skipped=report.base_skipped,
                     candidate_skipped=report.skipped)


def _shown(finding: Finding) -> dict[str, Any]:
    return {"rule": finding.rule, "title": finding.title, "passed": finding.passed if finding.passed is not UNKNOWN else None,
            "status": finding.status.value, "says": finding.says, "evidence": list(finding.evidence)}
