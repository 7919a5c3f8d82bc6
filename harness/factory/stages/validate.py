"""Validate: make the merge candidate, ask the rules about it, have the sealed program judge it, and
conclude."""

import hashlib
from dataclasses import replace
from pathlib import PurePosixPath

from harness.domain.errors import BudgetExhausted, SandboxError, ValidatorError
from harness.domain.events import JourneyCounts, VerdictRecorded
from harness.domain.lifecycle import Event
from harness.domain.verdict import Verdict, VerdictOutcome
from harness.domain.workflow import NodeResult
from harness.factory.models import prompts
from harness.factory.policy_gate import policy
from harness.factory.project import tests
from harness.factory.records.gates import rules_hold
from harness.factory.reporting import comments
from harness.factory.run.node import Job, failed, produced, refused
from harness.factory.run.outputs import MergeCandidate
from harness.factory.stages.explore import exploration_of
from harness.factory.stages.validator_request import validator_request
from harness.ports.git import Conflict
from harness.ports.validator import Judged


def candidate(job: Job) -> NodeResult:
    """Make M = merge(base, head) in the trusted repository. The head must be the one that the
    factory pushed."""
    services, proposal = job.services, job.history.proposal
    if proposal is None:
        return refused(
            "there is no pull request of the factory's for this issue", event=Event.INCONCLUSIVE
        )
    opened = services.forge.pull_request(proposal.number)
    # A push by anybody else would smuggle in what no gate has seen.
    if opened.head != proposal.head or not opened.same_repository:
        return refused(
            f"head {opened.head:.7} of pull request #{opened.number} was not pushed by the factory",
            event=Event.POLICY_REFUSED,
        )
    if not opened.open:
        return refused(f"pull request #{opened.number} is closed", event=Event.INCONCLUSIVE)
    if opened.base_branch != (branch := services.forge.default_branch()):
        return refused(
            f"pull request #{opened.number} asks for {opened.base_branch}, not for {branch}",
            event=Event.POLICY_REFUSED,
        )
    services.repository.fetch(opened.branch)
    message = comments.merge_message(
        issue=job.issue,
        title=prompts.title(job),
        run=job.run,
        rules=job.policy.digest,
        anchor=job.anchor,
    )
    merged = services.candidates.merge(job.base, opened.head, message=message, at=job.began)
    if isinstance(merged, Conflict):
        paths = b", ".join(merged.paths).decode("utf-8", "replace")
        return refused(f"the change and the base conflict in {paths}", event=Event.MERGE_CONFLICT)
    tree = services.repository.tree_of(merged)
    return produced(
        f"candidate {merged:.7}, tree {tree:.7}",
        MergeCandidate(job.base, opened.head, merged, tree, opened.number),
    )


def policy_gate(job: Job) -> NodeResult:
    """Ask the rules at base once more, now about base..candidate: what would land, not what was
    proposed. Where a rule asks to try again, the implementer gets the rule's words; every other
    refusal is a person's."""
    try:
        decision = policy.decide_change(
            job, job.base, job.output("candidate", MergeCandidate).candidate
        )
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    if not decision.refusals:
        return produced(rules_hold(len(decision.findings)), findings=decision.findings)
    # RUN_FAILED means that every refusal asks to try again.
    event = Event.CHANGES_REQUESTED if decision.event is Event.RUN_FAILED else Event.POLICY_REFUSED
    return decision.refused(
        event,
        sent_back=[
            {"words": refusal.gate, "observed": refusal.message} for refusal in decision.refusals
        ],
    )


def judge(job: Job) -> NodeResult:
    """The sealed program's verdict. Where it could not run there is no verdict, and no verdict
    means no."""
    made, services = job.output("candidate", MergeCandidate), job.services
    request = validator_request(job, head=made.head, candidate=made.candidate)
    try:
        with exploration_of(job) as exploration:
            judged = services.validator.judge(
                replace(request, exploring=exploration), services.places.evidence / job.run
            )
    except ValidatorError as error:
        return failed(str(error), event=no_verdict_event(job))
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    _record_verdict(job, judged)
    verdict = judged.verdict
    return produced(
        verdict.reason,
        outcome=verdict.outcome.value,
        page=str(judged.page),
        candidate=made.candidate,
        tree=made.tree,
    )


def _record_verdict(job: Job, judged: Judged) -> None:
    """Record what may be known of the verdict, with the hash of its signed envelope."""
    verdict, public = judged.verdict, judged.public
    place = judged.page.parent / "verdict.json"
    envelope = place.read_bytes()
    job.services.ledger.append(
        VerdictRecorded(
            outcome=verdict.outcome,
            reason=verdict.reason,
            round=verdict.round,
            binds=verdict.binds,
            controls=verdict.controls,
            journeys=JourneyCounts(
                verdict.journeys_sealed, verdict.journeys_executed, verdict.journeys_passed
            ),
            sandbox_form=verdict.sandbox_form,
            signer=verdict.signer,
            key_id=verdict.key_id,
            envelope=str(place.relative_to(job.services.places.home)),
            envelope_sha256=hashlib.sha256(envelope).hexdigest(),
            page=str(judged.page),
            findings=tuple(public.get("findings", ())),
            regression=verdict.regression,
            broken_on_base=tuple(public.get("broken_on_base", ())),
            checks_passed=public.get("checks_passed"),
            checks=public.get("checks"),
            pictures=_pictures(judged),
        ),
        job.key("verdict"),
        issue=job.issue,
        run=job.run,
    )


def _pictures(judged: Judged) -> int:
    """How many screenshots of the candidate are beside the page. Pictures of the base show nothing
    of the change."""
    names = [str(name) for name in judged.public.get("screenshots", ())]
    return sum(
        (judged.page.parent / name).is_file()
        for name in names
        if PurePosixPath(name).name.startswith("after-")
    )


def conclude(job: Job) -> NodeResult:
    """What the verdict means for the issue: the signed verdict on this run's candidate. No node's
    output is a verdict."""
    verdict = _signed(job)
    if verdict is None:
        return refused(
            "no verdict whose signature holds speaks of this candidate", event=Event.INCONCLUSIVE
        )
    reason = _why(job)
    match verdict.outcome:
        case VerdictOutcome.PASSED:
            return produced(reason, event=Event.VERDICT_PASSED)
        case VerdictOutcome.FAILED:
            return produced(reason, event=Event.CHANGES_REQUESTED)
        case VerdictOutcome.INCONCLUSIVE:
            return refused(reason, event=no_verdict_event(job))


def no_verdict_event(job: Job) -> Event:
    """The event where the judge gave no answer. No answer means no; but a busy machine gives none
    either, so the judge is asked again, in full, before a person is."""
    in_vain = job.history.judged_in_vain + 1
    return (
        Event.JUDGE_AGAIN if in_vain < job.policy.config.limits.judgements else Event.INCONCLUSIVE
    )


def _signed(job: Job) -> Verdict | None:
    """The verdict that this run recorded, read again from its envelope, if it is about what this
    run would land."""
    # An older run's verdict is about another candidate.
    own = [entry.event for entry in job.history.verdicts if entry.run == job.run]
    verdict = (
        job.services.validator.verified(job.services.places.home / own[-1].envelope)
        if own
        else None
    )
    # The envelope is signed, but may be another issue's that was put in this place.
    if verdict is None or (verdict.issue, verdict.run) != (job.issue, job.run):
        return None
    made = job.output("candidate", MergeCandidate)
    return verdict if verdict.binds.candidate == made.candidate else None


def hand_over(job: Job) -> NodeResult:
    """For what no browser can judge: the rules and the project's own tests hold on what would land,
    and a person merges it.

    Both are asked here again. The factory itself can never merge the result, because it has no
    verdict."""
    gate = policy_gate(job)
    if not gate.outcome.succeeded:
        return gate
    made = job.output("candidate", MergeCandidate)
    try:
        report = tests.compared(job, base=job.base, head=made.candidate)
    except SandboxError as error:
        return failed(str(error), event=Event.INCONCLUSIVE)
    if not report.green:
        return failed(report.summary, event=Event.CHANGES_REQUESTED)
    return produced(
        f"judged by the rules and its own tests only ({report.summary}); pull request"
        f" #{made.pull_request} is a person's to merge or to close",
        event=Event.HANDED_OVER,
        pull_request=made.pull_request,
    )


def _why(job: Job) -> str:
    verdict = job.history.verdict
    if verdict is None:
        return ""
    return " ".join(comments.finding_for_agent(verdict.findings)) or verdict.reason
