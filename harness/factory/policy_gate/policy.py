"""Asking the rules about a change: the facts come from raw git objects, the ledger and test runs,
and code decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from harness.domain.errors import ForgeError
from harness.domain.events import Suspicion, VerdictRecorded
from harness.domain.facts import (
    UNKNOWN,
    AddedContent,
    ChangeFacts,
    CheckFact,
    FileChange,
    JourneyFacts,
    Maybe,
    TestFacts,
)
from harness.domain.governance import Applies, Decision, Finding, OnFail
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import Event
from harness.domain.merge import Refusal
from harness.domain.plain import JsonDict, plain
from harness.domain.workflow import NodeResult
from harness.factory.policy_gate.judged_rules import vote_on_judged_rules
from harness.factory.policy_gate.recorded import record_decision
from harness.factory.policy_gate.scripts import script_facts
from harness.factory.policy_gate.suspicion import suspicion
from harness.factory.policy_gate.trust import record_trust, trust_facts
from harness.factory.project import tests
from harness.factory.project.added_tests import added_tests
from harness.factory.records.approval import lifts
from harness.factory.run.node import Job, refused
from harness.governance.checks.gates import TestsRedOnBase
from harness.governance.decide import DEFAULT, NOT_SPOKEN_OF, decide, rules_asked
from harness.governance.facts import sight
from harness.governance.facts.assertions import weakened_tests
from harness.governance.facts.dependencies import dependency_changes
from harness.governance.facts.secrets import secrets_in
from harness.governance.facts.surface import api_facts
from harness.ports.git import Diff


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """The decision about one change: its refusals, the event that follows, and all findings as
    JSON. `suspicion` is there if the refusals suggest an attack."""

    refusals: tuple[Refusal, ...]
    event: Event | None
    findings: list[JsonDict]
    suspicion: Suspicion | None = None

    def refused(self, event: Event | None, **output: object) -> NodeResult:
        """The result of a gate that this closes. `event` follows, unless an attack is suspected:
        that is a person's, also where a rule asks to try again."""
        if self.suspicion:
            event, output = Event.ATTACK_SUSPECTED, {"suspicion": plain(self.suspicion)}
        return refused(
            "; ".join(f"{refusal.gate}: {refusal.message}" for refusal in self.refusals),
            event=event,
            cites=[refusal.gate for refusal in self.refusals],
            findings=self.findings,
            **output,
        )


_EVENTS: Mapping[OnFail | None, Event] = {
    OnFail.RETRY: Event.RUN_FAILED,
    OnFail.SPLIT: Event.SPLIT,
    OnFail.NEEDS_HUMAN: Event.POLICY_REFUSED,
    OnFail.REJECT: Event.POLICY_REFUSED,
}


def decide_change(
    job: Job,
    base: CommitSha,
    head: CommitSha,
    *,
    applies: Applies = Applies.PR,
    asking: bool = True,
    checks: Maybe[tuple[CheckFact, ...]] = UNKNOWN,
) -> PolicyDecision:
    """Ask the rules at the job's base about base..head. `applies` selects those for a proposal or
    for a merge; `checks` are the forge's on exactly this head.

    If code refuses nothing, models vote on the judged rules. With `asking` False only recorded
    votes count. Raises ModelError and BudgetExhausted from the vote."""
    facts = replace(change_facts(job, base, head), checks=checks)
    if applies is Applies.MERGE:
        facts = replace(facts, trust=trust_facts(job, facts))
    # Scripts and tests are slow, so only those of rules that apply to this change are run.
    asked = rules_asked(job.policy.governance, facts, applies=applies)
    rules = [rule for rule, _ in asked]
    facts = replace(facts, scripts=script_facts(job, head, rules=rules, facts=facts))
    if any(isinstance(rule.check, TestsRedOnBase) for rule in rules):
        facts = _with_added_tests(job, facts, base=base, head=head)
    lifted = lifts(job.history, run=job.run, rules=job.policy.digest)
    decided = decide(job.policy.governance, facts, applies=applies, lifted=lifted)
    decision = vote_on_judged_rules(
        job, decided, facts=facts, base=base, head=head, asking=asking, lifted=lifted
    )
    record_decision(job, facts, decision, base=base, head=head)
    record_trust(job, facts, decision, head=head)
    refusals = tuple(Refusal(finding.rule, finding.message) for finding in decision.refusals)
    return PolicyDecision(
        refusals or _default(decision),
        _EVENTS.get(decision.action),
        [_finding_document(finding) for finding in decision.findings],
        suspicion(job.history, decision.refusals),
    )


def _default(decision: Decision) -> tuple[Refusal, ...]:
    return () if decision.allowed else (Refusal(DEFAULT, "; ".join(decision.why) or NOT_SPOKEN_OF),)


def change_facts(job: Job, base: CommitSha, head: CommitSha) -> ChangeFacts:
    """Every fact that can be established now. Any other is UNKNOWN, and refuses the rule that asks
    for it."""
    repository, history = job.services.repository, job.history
    diff = repository.diff(base, head)
    complete = not diff.too_large
    before, after = partial(repository.read, base), partial(repository.read, head)
    return ChangeFacts(
        files=diff.files if complete else UNKNOWN,
        dependencies=dependency_changes(diff.files, before, after) if complete else UNKNOWN,
        secrets=secrets_in(diff.added) if complete else UNKNOWN,
        added=tuple(AddedContent(path, text) for path, text in diff.added.items())
        if complete
        else UNKNOWN,
        api=api_facts(diff.files, before=before, after=after) if complete else UNKNOWN,
        neighbours=_neighbours(diff.files, repository.files(base)),
        pictures=_pictures(history.verdict),
        tests=_test_facts(job, base, head, diff=diff),
        journeys=_journeys(history.verdict),
        labels=_labels(job),
        author=job.services.issue_index.author_of(history),
        kind=(history.triage.issue_kind if history.triage else "") or UNKNOWN,
        attempts=history.runs_of("implement"),
        spend_usd=history.usage.cost_usd,
    )


def in_sight(job: Job, base: CommitSha, head: CommitSha) -> tuple[str, ...] | None:
    """The paths of a change that could be visible to a user; None if that is not known."""
    repository, is_test = job.services.repository, tests.listed_by(job)
    diff = repository.diff(base, head)
    seen = sight.in_sight(
        UNKNOWN if diff.too_large else diff.files,
        before=partial(repository.read, base),
        after=partial(repository.read, head),
        is_test=lambda path: is_test(path.decode("utf-8", "replace")),
    )
    return None if seen is UNKNOWN else seen


def _labels(job: Job) -> Maybe[frozenset[str]]:
    """The issue's current labels on the forge."""
    try:
        return frozenset(job.services.forge.issue(job.issue).labels)
    except ForgeError:
        return UNKNOWN


def _neighbours(files: tuple[FileChange, ...], paths: Iterable[bytes]) -> tuple[bytes, ...]:
    """The paths at base in the folders that the change touches."""
    folders = {change.path.rpartition(b"/")[0] for change in files}
    return tuple(path for path in paths if path.rpartition(b"/")[0] in folders)


def _pictures(verdict: VerdictRecorded | None) -> Maybe[int]:
    """How many screenshots the last verdict's evidence has. Old verdicts did not count them."""
    return UNKNOWN if verdict is None or verdict.pictures is None else verdict.pictures


def _journeys(verdict: VerdictRecorded | None) -> Maybe[JourneyFacts]:
    if verdict is None:
        return UNKNOWN
    counts = verdict.journeys
    return JourneyFacts(counts.sealed, counts.executed, counts.passed)


def _test_facts(job: Job, base: CommitSha, head: CommitSha, *, diff: Diff) -> TestFacts:
    """The results of the project's tests, and which of them were weakened in their text."""
    report, is_test = tests.compared(job, base=base, head=head), tests.surface_of(job, base)
    before, after = (
        partial(job.services.repository.read, base),
        partial(job.services.repository.read, head),
    )
    weakened = (
        UNKNOWN
        if diff.too_large
        else weakened_tests(
            diff.files, before, after, also=lambda path: is_test(path.decode("utf-8", "replace"))
        )
    )
    return TestFacts(
        base=report.base,
        candidate=report.kept,
        base_skipped=report.base_skipped,
        candidate_skipped=report.skipped,
        weakened=weakened,
        # What is added is run on the base only where a rule asks.
        added=() if report.added == frozenset() else UNKNOWN,
    )


def _with_added_tests(
    job: Job, facts: ChangeFacts, *, base: CommitSha, head: CommitSha
) -> ChangeFacts:
    if facts.tests is UNKNOWN:
        return facts
    added = added_tests(job, base=base, head=head)
    return replace(facts, tests=replace(facts.tests, added=added))


def _finding_document(finding: Finding) -> JsonDict:
    return {
        "rule": finding.rule,
        "title": finding.title,
        "passed": finding.passed if finding.passed is not UNKNOWN else None,
        "status": finding.status.value,
        "on_fail": finding.on_fail.value,
        "says": finding.message,
        "evidence": list(finding.evidence),
        "file": finding.source.file,
        "line": finding.source.line,
        "lifted": finding.lifted,
    }
