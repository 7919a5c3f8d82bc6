"""Merge: read every fact again, decide by one pure function, land by compare-and-swap, and compare
once more afterwards."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from harness.domain.errors import FactoryError, ForgeError, GitError, PortError
from harness.domain.events import CommandGiven, EffectIntended, IssueClosed, Landed
from harness.domain.facts import CheckFact, Maybe
from harness.domain.governance import Applies
from harness.domain.issue import MOST_REVIEWS, CommitSha, PullRequest, TreeSha
from harness.domain.landing import after_landing
from harness.domain.lifecycle import Event, State
from harness.domain.merge import CHECKS, MergeFacts, Refusal, gate_event, refusals
from harness.domain.plain import JsonDict
from harness.domain.verdict import Binding
from harness.domain.workflow import NodeResult
from harness.factory.policy_gate import ci, policy, trust
from harness.factory.policy_gate.ci import CheckReport
from harness.factory.records.brakes import FREEZE, is_frozen
from harness.factory.records.history import History
from harness.factory.records.regressions import held_back, held_files
from harness.factory.run.effects import effect, is_stopped, raise_if_stopped
from harness.factory.run.node import Job, failed, produced, refused
from harness.factory.run.services import Services
from harness.factory.settings.merge_config import API
from harness.factory.stages import revert, triage
from harness.factory.stages.validator_request import validator_request
from harness.ports.validator import Journeys

LAND = "land"
RED_ROUNDS = 2
"""How often red checks of the forge make another attempt; then they are a person's."""


@dataclass(frozen=True, slots=True)
class GateReading:
    """What was read for one merge gate: the facts, each rule's finding, and the state of the
    checks."""

    facts: MergeFacts
    findings: list[JsonDict]
    report: CheckReport


def gates(job: Job) -> NodeResult:
    """Whether this change may land now, by facts that are read now. On a base that has moved
    nothing else is asked.

    A landing that began and was not confirmed goes on: `land` reads every fact again, unless the
    change is there already."""
    if job.history.state is State.MERGING:
        return produced("the gates were open, and what had begun goes on")
    if moved := _base_moved(job):
        return refused(moved, event=Event.HEAD_OR_BASE_MOVED)
    read = read_facts(job)
    found, late = tuple(refusals(read.facts)), _lateness(job, read)
    event = gate_event(
        found, waits=() if late else read.report.open, about_checks=read.report.required.rules
    )
    if event is Event.GATES_OPEN:
        return produced("every gate is open", event=event, findings=read.findings)
    if event is Event.GATE_REFUSED and not late and _makes_a_round(job, read, found):
        ci.record_failures(job, read.report.failed)
        event = Event.CHECKS_FAILED
    elif event is Event.GATE_REFUSED and _wants_confidence(job, read, found):
        event = Event.LOW_CONFIDENCE
    # Programs on the forge can only check a commit that they can see.
    if event is Event.CHECKS_AWAITED and read.facts.candidate:
        ci.show_candidate(job, read.facts.candidate)
    return refused(
        _reasons(found) + late,
        event=event,
        findings=read.findings,
        gates=[{"gate": refusal.gate, "says": refusal.message} for refusal in found],
    )


def _makes_a_round(job: Job, read: GateReading, found: tuple[Refusal, ...]) -> bool:
    """Whether nothing but red checks speaks against it, which another attempt may mend."""
    only_checks = {refusal.gate for refusal in found} <= {CHECKS, *read.report.required.rules}
    return (
        only_checks
        and bool(read.report.failed)
        and job.history.rounds_by(Event.CHECKS_FAILED) < RED_ROUNDS
    )


def _wants_confidence(job: Job, read: GateReading, found: tuple[Refusal, ...]) -> bool:
    """Whether nothing but a want of confidence speaks against it, which another attempt, by another
    model, may mend. The rule itself bounds how often."""
    follows = {(one["rule"], one["says"]): str(one["on_fail"]) for one in read.findings}
    return trust.goes_back(
        job.policy.governance,
        [(one.gate, follows.get((one.gate, one.message), "")) for one in found],
    )


def _base_moved(job: Job) -> str | None:
    judged = job.history.verdict.binds.base if job.history.verdict else None
    tip = job.services.repository.tip(job.services.forge.default_branch())
    return (
        f"freshness: base was {judged:.7} when judged and is {tip:.7} now"
        if judged and judged != tip
        else None
    )


def _lateness(job: Job, read: GateReading) -> str:
    """What to add to the refusal where the checks have used up their time; empty where they have
    some left."""
    candidate, minutes = read.facts.candidate, job.policy.config.merge.wait_minutes
    if (
        not read.report.open
        or candidate is None
        or not ci.is_late(job.services, job.policy, job.history, candidate=candidate)
    ):
        return ""
    return f"; waited for {minutes} minutes, and `wait_minutes` under [merge] allows no more"


def _reasons(found: tuple[Refusal, ...]) -> str:
    return "; ".join(f"{refusal.gate}: {refusal.message}" for refusal in found)


def read_facts(job: Job) -> GateReading:
    """Read each fact from its own source, at this moment. What cannot be read is None, and None
    means no."""
    # Another program reads the judge's store, and starts for it; the rest is read meanwhile.
    with ThreadPoolExecutor(1, thread_name_prefix="journeys") as beside:
        sealed = beside.submit(job.services.validator.journeys, validator_request(job))
        return _facts(job, sealed)


def _facts(job: Job, sealed: Future[Journeys]) -> GateReading:
    services, history = job.services, job.history
    binds = history.verdict.binds if history.verdict else None
    base = services.repository.tip(services.forge.default_branch())
    candidate = binds.candidate if binds else None
    proposal = services.forge.pull_request(history.proposal.number) if history.proposal else None
    report = ci.check_report(
        services, job.policy, candidate if candidate and ci.is_shown(history, candidate) else None
    )
    decisions = _decisions(job, base, candidate, checks=report.facts)
    facts = MergeFacts(
        verdict=services.validator.verified(services.places.home / history.verdict.envelope)
        if history.verdict
        else None,
        trusted_key_ids=services.trusted_keys & frozenset(job.policy.config.seal.trusted_keys),
        issue=job.issue,
        base=base,
        head=proposal.head if proposal else CommitSha(""),
        pushed_head=history.pushed_head,
        proposed=_is_proposed(job, proposal),
        candidate=candidate,
        tree=services.repository.tree_of(candidate) if candidate else None,
        journeys=sealed.result().digest,
        governance=job.policy.digest,
        kind=history.triage.issue_kind if history.triage else None,
        in_sight=policy.in_sight(job, base, candidate) if candidate else None,
        policy=None
        if decisions is None
        else tuple(refusal for decision in decisions for refusal in decision.refusals),
        checks=report.against,
        sandbox_sealed=services.sandbox.form() != "unsealed",
        issue_body_unchanged=triage.is_unchanged(job),
        # Without a pull request nothing was reviewed, and nothing is proposed.
        reviews_read=proposal is None
        or services.forge.change_request_count(proposal.number) <= MOST_REVIEWS,
        stopped=is_stopped(job.services),
        frozen=is_held(services, history),
    )
    findings = [finding for decision in decisions or () for finding in decision.findings]
    return GateReading(facts, findings, report)


def is_held(services: Services, history: History) -> bool:
    """Whether merging is frozen: all of it, or for files that this change touches."""
    if is_frozen(services.ledger):
        return True
    held = held_files(services.ledger, issue=history.issue)
    if not held or history.verdict is None:
        return False
    binds = history.verdict.binds
    try:
        changed = services.repository.changed(binds.base, binds.candidate)
    except GitError:
        # Too many to look at: one of them may be frozen.
        return True
    return bool(held_back(held, changed))


def _is_proposed(job: Job, proposal: PullRequest | None) -> bool:
    """Whether the pull request still asks for what was judged. Whoever closes it, or turns it to
    another branch, withdraws it."""
    branch = job.services.forge.default_branch()
    return (
        proposal is not None
        and proposal.open
        and proposal.same_repository
        and proposal.base_branch == branch
    )


def _decisions(
    job: Job, base: CommitSha, candidate: CommitSha | None, *, checks: Maybe[tuple[CheckFact, ...]]
) -> tuple[policy.PolicyDecision, ...] | None:
    """What the rules decide: those that bind a proposal, and those that bind a merge. No model is
    asked at this step; the votes that the ledger has on exactly this change are counted again."""
    # The job has the rules and the tests' command of its own base. What those showed of another
    # base would be kept as if it were that base's own.
    if candidate is None or base != job.base:
        return None
    return tuple(
        policy.decide_change(job, base, candidate, applies=applies, asking=False, checks=checks)
        for applies in (Applies.PR, Applies.MERGE)
    )


def land(job: Job) -> NodeResult:
    """Land the judged candidate itself, by a fast-forward that git refuses when anything moved.

    Every fact is read again here, whatever a gate before found, because this step cannot be undone.
    A person gets what the forge refuses for good. Where the forge only could not be asked, nobody
    knows what happened, and the next tick looks again."""
    services, verdict = job.services, job.history.verdict
    if verdict is None:
        return refused("there is no verdict to land on", event=Event.REFUSED)
    binds, before = verdict.binds, job.history.landed
    # An earlier run landed it and could not confirm it.
    if before and before.verdict == job.history.verdicts[-1].key:
        return produced(f"landed as {before.commit:.7}", **before.result)
    raise_if_stopped(services)
    try:
        if found := _still_against(job, binds):
            return refused(_reasons(found), event=Event.REFUSED)
        landed = effect(
            services, Landed, job.key(LAND), lambda: _land(job, binds), issue=job.issue, run=job.run
        )
    except _Moved as moved:
        return refused(str(moved), event=Event.REFUSED)
    except _Refused as refusal:
        return refused(str(refusal), event=Event.FORGE_REFUSED)
    except PortError as error:
        return failed(
            str(error),
            retryable=error.retryable,
            event=None if error.retryable else Event.FORGE_REFUSED,
        )
    return produced(f"landed as {landed.commit:.7}", **landed.result)


def _still_against(job: Job, binds: Binding) -> tuple[Refusal, ...]:
    """What forbids to land now. Nothing is asked about a landing that a killed factory has made
    already."""
    return () if _is_there(job, binds) else tuple(refusals(read_facts(job).facts))


def _is_there(job: Job, binds: Binding) -> bool:
    """Whether the branch holds what an earlier try of ours landed: by push the candidate, by the
    forge's own merge the judged head."""
    repository, branch = job.services.repository, job.services.forge.default_branch()
    # The facts that are read next are compared with this tip.
    tip = repository.latest(branch)
    # A person may have pushed or merged the same, which the forge shows to all. It is ours only if
    # the gates were open and the ledger holds our intent, since this verdict.
    judged, intents = job.history.verdicts[-1].seq, job.history.of(EffectIntended)
    if not any(one.event.effect == LAND and one.seq > judged for one in intents):
        return False
    landed = binds.head if job.policy.config.merge.by == API else binds.candidate
    return repository.contains(tip, landed)


class _Moved(FactoryError):
    """The branch is not where it was when the change was judged."""


class _Refused(FactoryError):
    """The forge refuses the candidate, or the candidate is not what it must be."""


def _land(job: Job, binds: Binding) -> Landed:
    branch = job.services.forge.default_branch()
    by_api = job.policy.config.merge.by == API
    commit = _merged_by_the_forge(job, binds) if by_api else _pushed(job, binds, branch)
    return Landed(
        commit,
        tree=binds.tree,
        branch=branch,
        base=binds.base,
        verdict=job.history.verdicts[-1].key,
        by=job.policy.config.merge.by,
    )


def _pushed(job: Job, binds: Binding, branch: str) -> CommitSha:
    candidate = binds.candidate
    landing = job.services.candidates.land(
        candidate,
        branch,
        base=binds.base,
        head=binds.head,
        tree=binds.tree,
    )
    if landing.outcome == "landed":
        return candidate
    kind = _Moved if landing.outcome == "base-moved" else _Refused
    raise kind(f"not landed ({landing.outcome}): {landing.message}")


def _merged_by_the_forge(job: Job, binds: Binding) -> CommitSha:
    """The commit that the forge's merge made of the judged head. The forge does not compare the
    base, so `confirm` compares the result."""
    proposal = job.history.proposal
    if proposal is None:
        raise _Refused("not landed (refused): the factory has proposed no pull request")
    try:
        return job.services.writer.merge_pull_request(proposal.number, sha=binds.head)
    except ForgeError as error:
        # The forge may have merged before it went down, so nobody may call this refused.
        if error.retryable:
            raise
        raise _Refused(f"not landed (refused): {error}") from error


def confirm(job: Job) -> NodeResult:
    """Compare what landed with what was judged, and prepare a revert. A difference freezes all
    merging."""
    services, landed = job.services, job.output("land", Landed)
    services.repository.fetch(landed.branch)
    commit = CommitSha(landed.commit)
    found = services.repository.tree_of(commit)
    contains = services.repository.contains(services.repository.tip(landed.branch), commit)
    # The revert is made before the comparison: whoever meets a difference may need it.
    if contains:
        revert.make_ready(job, commit)
    if after_landing(judged=TreeSha(landed.tree), found=found, contained=contains) is Event.LANDED:
        return produced(f"tree {found:.7} landed as judged", event=Event.LANDED)
    what = f"{found:.7} landed" if contains else f"{landed.branch} does not hold {commit:.7}"
    message = f"tree {landed.tree:.7} was judged, {what}: merging is frozen"
    services.ledger.append(
        CommandGiven(FREEZE, why=f"#{job.issue}: {message}", commit=commit),
        job.key("freeze"),
        issue=job.issue,
        run=job.run,
    )
    return refused(message, event=Event.LANDED_TREE_DIFFERS)


def close(job: Job) -> NodeResult:
    """Close the issue as done. The sticky comment explains the rest."""
    effect(
        job.services,
        IssueClosed,
        job.key("close"),
        lambda: _close(job),
        issue=job.issue,
        run=job.run,
    )
    return produced("issue closed")


def _close(job: Job) -> IssueClosed:
    job.services.writer.close_issue(job.issue, completed=True)
    return IssueClosed(job.issue)
