"""Implement: from an accepted issue to an open pull request. The harness itself puts every byte of
it there.

The agent works in a sandbox on a store of one commit. When the sandbox has ended, the harness walks
the files without git, makes the commit, asks the rules, and only then pushes. It believes nothing
that the agent reports."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from harness.domain.errors import BudgetExhausted, GitError
from harness.domain.events import ApproachChanged, ProposalPushed
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.judge_request import BrokerSession
from harness.domain.lifecycle import Event
from harness.domain.model_choice.roles import FallbackChain, Tier
from harness.domain.plain import plain
from harness.domain.shortened import count
from harness.domain.workflow import NodeResult, Outcome
from harness.factory.models import prompts
from harness.factory.models.attempts import approach_of, failed_attempts
from harness.factory.models.selection import (
    LATER_TIERS,
    record_failure,
    record_success,
    select_model,
)
from harness.factory.models.sessions import session
from harness.factory.policy_gate import policy
from harness.factory.project import tests as projecttests
from harness.factory.project.services import root_of, services_of
from harness.factory.records.gates import rules_hold
from harness.factory.records.regressions import is_another_wish, mends
from harness.factory.reporting import comments
from harness.factory.run.effects import effect, raise_if_stopped
from harness.factory.run.node import MACHINE, Job, failed, produced, refused
from harness.factory.run.outputs import Build, Snapshot, StartingPoint
from harness.factory.stages.validator_request import validator_request
from harness.ports.agent import AgentReport, Assignment
from harness.ports.git import Conflict

IMPLEMENTER = "implementer"
UNSPECIFIED = (
    "triage has decided nothing about the text of this issue, so there is nothing to build from;"
    " `/factory retry` has it triaged"
)
STEPS = 1000
"""Sessions for the steps of a split attempt are numbered from 1000 times the attempt's number on,
beside those of whole attempts."""


def prepare(job: Job) -> NodeResult:
    """Choose where this attempt starts: at the base, or at the change so far, merged with the base.
    Record how the attempt differs from those that failed, before anything is done. Without a
    decision of triage there is nothing to build, and the issue is refused."""
    if job.history.specification is None:
        return refused(UNSPECIFIED, event=Event.CANNOT_DO)
    start = _start(job)
    escalation = f"; {words}" if (words := _escalated(job)) else ""
    return produced(f"starts from {start:.7}{escalation}", StartingPoint(job.base, start))


def _escalated(job: Job) -> str:
    """What this attempt does otherwise than the one before, in words, and recorded; empty where
    nothing."""
    models, failed_so_far = job.policy.config.models, failed_attempts(job.history)
    now = approach_of(job.history, models)
    if not now.escalates:
        return ""
    means = (
        f"{models.implementer[now.tier].model} makes it" if now.tier else "",
        "somebody looks first at what went wrong" if now.diagnosed else "",
        "the work is done in steps" if now.split else "",
    )
    cause = f"because {count(len(failed_so_far), 'attempt')} failed"
    words = f"{', '.join(filter(None, means))}, {cause}"
    job.services.ledger.append(
        ApproachChanged(
            tier=now.tier,
            diagnosed=now.diagnosed,
            split=now.split,
            message=words,
            last=failed_so_far[-1].message[:500],
            failed=tuple(one.entry for one in failed_so_far),
            rules=job.policy.digest,
        ),
        job.key(ApproachChanged.kind),
        issue=job.issue,
        run=job.run,
    )
    return words


def _start(job: Job) -> CommitSha:
    """The commit to start from: the last proposal, merged with a base that has moved since. Where
    the two conflict it is the base, and all the work is done again."""
    proposal = job.history.proposal
    if proposal is None:
        return job.base
    head = CommitSha(proposal.head)
    # The base has not moved, so the proposal can be built on as it is.
    if proposal.base == job.base:
        return head
    message = comments.merge_message(
        issue=job.issue,
        title=prompts.title(job),
        run=job.run,
        rules=job.policy.digest,
        anchor=job.anchor,
    )
    merged = job.services.candidates.merge(job.base, head, message=message, at=job.began)
    return job.base if isinstance(merged, Conflict) else merged


NO_APP = (
    "factory.toml names no start command and no commands, so no journey can be performed; add"
    " `start` under `[app]`, or `commands` for a tool or a library, or, for what neither can judge,"
    " copy a workflow as docs/workflows.md shows"
)


OTHER_WISH = (
    "its text was edited after its change had landed and broken something. Only what it broke is to"
    " be mended here: file what is wished for now as a new issue, and put this text back, or mend"
    " or revert what landed"
)


def author(job: Job) -> NodeResult:
    """Have the journeys written and proved before any implementation exists. Without a journey the
    issue is refused; a chore may go on without one, if journeys of landed changes are there to
    judge it."""
    services = job.services
    if not job.policy.config.app.judged_by:
        return refused(NO_APP, event=Event.CANNOT_DO)
    if is_another_wish(job.history) and mends(services.ledger, job.issue):
        return refused(OTHER_WISH, event=Event.CANNOT_DO)
    request = validator_request(job)
    journeys = services.validator.journeys(request)
    if journeys.own:
        return produced("sealed journeys are already there", journeys=journeys.digest)
    if journeys.declined and _is_chore(job):
        return _guarded(journeys.guarding)
    with (
        session(job, "author", job.policy.config.models.author[0]) as line,
        ThreadPoolExecutor(1, thread_name_prefix="packages") as meanwhile,
    ):
        # The agent and the tests need them next. What goes wrong with them shows there.
        meanwhile.submit(projecttests.layer, job)
        broker = BrokerSession(str(line.socket), line.model)
        authored = services.validator.author(
            replace(request, broker=broker), services.places.run(job.run) / "author"
        )
    if authored.outcome == "no-journey" and _is_chore(job):
        return _guarded(authored.guarding)
    if authored.outcome != "sealed":
        return refused(f"no sealed journey: {authored.reason}", event=Event.CANNOT_DO)
    return produced(f"{authored.journeys} sealed: {authored.reason}", journeys=authored.digest)


def _is_chore(job: Job) -> bool:
    return job.history.triage is not None and job.history.triage.issue_kind == "chore"


def _guarded(standing: int) -> NodeResult:
    """A chore that changes nothing a person could see is judged by the journeys of landed changes,
    if there are any."""
    if not standing:
        return refused(
            "no journey of its own can be written, and no journey of a landed change stands guard"
            " yet: a person decides",
            event=Event.CANNOT_DO,
        )
    return produced(
        f"no journey of its own; {standing} that guard what has landed will judge it", journeys=None
    )


def build(job: Job) -> NodeResult:
    """Run the agent once in its sandbox, in a worktree of its own; or once for each step, where the
    work is split."""
    services = job.services
    fallbacks = job.policy.config.models.implementer
    now = approach_of(job.history, job.policy.config.models)
    tier = select_model(
        job,
        IMPLEMENTER,
        fallbacks,
        at_least=now.tier,
        why="what it made before failed" if now.tier else "",
    )
    worktree = services.worktrees.open(job.run, job.output("prepare", StartingPoint).start)
    steps = _steps(job) if now.split else ()
    try:
        result = _worked(job, tier, worktree, steps=steps)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    if result.outcome is Outcome.FAILED and result.output.get("fault") != MACHINE:
        record_failure(job, IMPLEMENTER, tier, result.message)
    # To give up honestly counts as success. Whether a change is one, `snapshot` finds out.
    elif result.event == Event.CANNOT_DO:
        record_success(job, IMPLEMENTER, tier)
    return result


def _steps(job: Job) -> tuple[str, ...]:
    """The steps that the plan splits the work into, each as JSON; none where the plan has fewer
    than two."""
    planned = job.outputs.get("plan", {}).get("plan") or {}
    steps = planned.get("steps", ())
    if len(steps) < 2:
        return ()
    return tuple(
        prompts.document({"step": number, "of": len(steps), **step})
        for number, step in enumerate(steps, start=1)
    )


def _worked(job: Job, tier: Tier, worktree: Path, *, steps: tuple[str, ...]) -> NodeResult:
    """The result of the agent: of several steps, of the last one, or of the first that did not
    finish."""
    reports: list[AgentReport] = []
    for number, step in enumerate(steps or ("",), start=1):
        attempt = STEPS * job.number + number if steps else job.number
        later = LATER_TIERS * job.policy.config.models.implementer.index(tier) if steps else 0
        with session(job, IMPLEMENTER, tier, attempt=attempt + later) as line:
            reports.append(
                job.services.agent.work(_assignment(job, worktree, tier, step=step), line)
            )
        # The next step would build on half of this one.
        if reports[-1].outcome != "finished":
            break
    return _built(reports, worktree, tier)


def _assignment(job: Job, worktree: Path, tier: Tier, *, step: str) -> Assignment:
    config = job.policy.config
    return Assignment(
        run=job.run,
        role=IMPLEMENTER,
        worktree=worktree,
        system=prompts.system_blocks(job.policy),
        task=prompts.implementer_task(job, step=step),
        max_turns=config.limits.turns,
        wall_seconds=config.limits.agent_seconds,
        layer=projecttests.layer(job),
        root=root_of(job),
        agent=config.agent(tier),
        services=services_of(job),
        env=config.tests.env,
    )


def _built(reports: Sequence[AgentReport], worktree: Path, tier: Tier) -> NodeResult:
    report, turns = reports[-1], sum(report.turns for report in reports)
    summary = "\n\n".join(report.summary for report in reports)
    made = Build(
        summary[:2000], turns, report.sandbox_form, str(worktree), tier.model, report.agent
    )
    output = plain(made)
    match report.outcome:
        case "finished":
            steps = f" in {len(reports)} steps" if len(reports) > 1 else ""
            return produced(f"the agent finished after {turns} turns{steps}", made)
        case "gave-up":
            shown = f" (shown by {'; '.join(report.evidence)[:300]})" if report.evidence else ""
            return refused(
                f"{report.reason}: {report.summary[:500]}{shown}", event=Event.CANNOT_DO, **output
            )
        case "budget":
            return refused("the agent's budget is spent", event=Event.BUDGET_EXHAUSTED, **output)
        case "stalled" | "out-of-turns":
            return failed(
                f"the agent ended as {report.outcome}: {report.summary[:500]}",
                event=Event.RUN_FAILED,
                **output,
            )
        case other:
            return failed(
                f"the agent ended as {other}: {report.summary[:500]}",
                event=Event.RUN_FAILED,
                fault=MACHINE,
                **output,
            )


def snapshot(job: Job) -> NodeResult:
    """Make a commit of the agent's files. Refuses files that must not be in a tree, and a change
    that changes nothing."""
    services, start = job.services, job.output("prepare", StartingPoint).start
    worktree = Path(job.output("build", Build).worktree)
    # A daemon on another machine may have taken over: its disk holds the ledger, not the worktree.
    if not worktree.exists():
        return failed(
            "the worktree was lost with its machine; the change is made again",
            event=Event.RUN_FAILED,
            fault=MACHINE,
        )
    try:
        tree = services.worktrees.snapshot(worktree, start)
    except GitError as error:
        return refused(str(error), event=Event.POLICY_REFUSED)
    if tree == services.repository.tree_of(start):
        return _nothing_done(job)
    for tier in _builder(job):
        record_success(job, IMPLEMENTER, tier)
    head = _commit(job, tree, start)
    files = len(services.repository.diff(job.base, head).files)
    return produced(f"{files} files changed, tree {tree:.7}", Snapshot(head, tree))


def _nothing_done(job: Job) -> NodeResult:
    """An agent that reports success and changed nothing: its model has failed."""
    message = "the agent finished without changing anything"
    for tier in _builder(job):
        record_failure(job, IMPLEMENTER, tier, message)
    return failed(message, event=Event.RUN_FAILED)


def _builder(job: Job) -> FallbackChain:
    """The model that worked in this run, as the fallback chain has it."""
    model = job.output("build", Build).model
    return tuple(tier for tier in job.policy.config.models.implementer if tier.model == model)


def _commit(job: Job, tree: TreeSha, start: CommitSha) -> CommitSha:
    message = comments.commit_message(
        issue=job.issue,
        title=prompts.title(job),
        run=job.run,
        rules=job.policy.digest,
        anchor=job.anchor,
    )
    return job.services.candidates.commit(tree, [start], message=message, at=job.began)


def policy_gate(job: Job) -> NodeResult:
    """Ask the rules at base about the raw difference between base and head."""
    head = job.output("snapshot", Snapshot).head
    try:
        decision = policy.decide_change(job, job.base, head)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    if decision.refusals:
        return decision.refused(decision.event)
    return produced(rules_hold(len(decision.findings)), findings=decision.findings)


def propose(job: Job) -> NodeResult:
    """Push the commit by compare-and-swap, then open the pull request or find it."""
    head = job.output("snapshot", Snapshot).head
    # The gate runs here again: that a workflow names it is no proof that it ran.
    if (gate := policy_gate(job)).outcome is not Outcome.PRODUCED:
        return gate
    pushed = effect(
        job.services,
        ProposalPushed,
        job.key("propose"),
        lambda: _propose(job, head),
        issue=job.issue,
        run=job.run,
    )
    job.services.worktrees.close(job.run)
    return produced(
        f"pull request #{pushed.number} at {head:.7}", event=Event.CHANGE_READY, **pushed.result
    )


def _propose(job: Job, head: CommitSha) -> ProposalPushed:
    services, branch = job.services, f"factory/issue-{job.issue}"
    services.candidates.push(head, branch, expected=job.history.pushed_head)
    # A stop that is set while the push runs holds back what follows it.
    raise_if_stopped(services)
    body = comments.pull_request_body(
        issue=job.issue,
        title=prompts.title(job),
        run=job.run,
        summary=job.output("build", Build).summary,
        rules=job.policy.digest,
    )
    opened = services.writer.open_pull_request(
        branch=branch,
        base=services.forge.default_branch(),
        body=body,
        title=comments.pull_request_title(issue=job.issue, title=prompts.title(job)),
    )
    return ProposalPushed(opened.number, branch, head, base=job.base)
