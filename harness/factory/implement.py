"""Implement: from an accepted issue to an open pull request whose every byte the harness itself put there.

The agent works in a box on a store of one commit. When the box is dead, the harness walks the files without git,
makes the commit, asks the law, and only then pushes. Nothing that the agent says is believed.
"""

from pathlib import Path
from typing import Any

from harness.domain.errors import BudgetExhausted, GitError
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.lifecycle import Event
from harness.domain.workflow import NodeResult, Outcome
from harness.factory import comments, context, law
from harness.factory.effects import effect, stop_if_told
from harness.factory.job import Job, failed, produced, refused
from harness.factory.models import session
from harness.factory.requests import validator_request
from harness.ports.agent import AgentReport, Assignment
from harness.ports.git import Conflict


def prepare(job: Job) -> NodeResult:
    """Where this attempt starts: at the base, or at the change so far, brought onto it."""
    start = _start(job)
    return produced(f"starts from {start:.7}", base=job.base, start=start)


def _start(job: Job) -> CommitSha:
    """The last proposal, merged with a base that has moved since; where they conflict, the base, and all is done again."""
    proposal = job.history.proposal
    if proposal is None:
        return job.base
    head = CommitSha(proposal["head"])
    if proposal["base"] == job.base:
        return head
    message = comments.merge_message(issue=job.issue, title=context.title(job), run=job.run, rules=job.steering.digest)
    merged = job.plant.candidates.merge(job.base, head, message=message, at=job.began)
    return job.base if isinstance(merged, Conflict) else merged


NO_APP = ("factory.toml names no start command, so no journey can be performed; add `start` under `[app]`, or, for what no "
          "browser can judge, copy a workflow as docs/workflows.md shows")


def author(job: Job) -> NodeResult:
    """Have the journeys written and proved, before any implementation exists. No journey is a no, by name; but for a chore
    for which none can be written, and then those that guard what has landed must be there to judge it."""
    plant = job.plant
    if not job.steering.config.app.start:
        return refused(NO_APP, event=Event.CANNOT_DO)
    request = validator_request(job)
    known = plant.validator.journeys(request)
    if known.own:
        return produced("sealed journeys are already there", journeys=known.digest)
    if known.declined and _is_chore(job):
        return _guarded(known.standing)
    with session(job, "author", job.steering.config.models.author) as line:
        request["broker"] = {"socket": str(line.socket), "model": line.model}
        authored = plant.validator.author(request, plant.places.run(job.run) / "author")
    if authored.outcome == "no-journey" and _is_chore(job):
        return _guarded(authored.standing)
    if authored.outcome != "sealed":
        return refused(f"no sealed journey: {authored.reason}", event=Event.CANNOT_DO)
    return produced(f"{authored.journeys} sealed: {authored.reason}", journeys=authored.digest)


def _is_chore(job: Job) -> bool:
    return (job.history.triage or {}).get("kind") == "chore"


def _guarded(standing: int) -> NodeResult:
    """A chore that changes nothing a person could see: the journeys of what has landed judge it, if there are any."""
    if not standing:
        return refused("no journey of its own can be written, and no journey of a landed change stands guard yet: a person "
                       "decides", event=Event.CANNOT_DO)
    return produced(f"no journey of its own; {standing} that guard what has landed will judge it", journeys=None)


def build(job: Job) -> NodeResult:
    """One agent run in its box, on a worktree that is its own."""
    plant, prepared = job.plant, job.outputs["prepare"]
    start = CommitSha(prepared["start"])
    worktree = plant.worktrees.open(job.run, start)
    try:
        with session(job, "implementer", job.steering.config.models.implementer) as line:
            report = plant.agent.work(_assignment(job, worktree), line)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    return _built(job, report, worktree)


def _assignment(job: Job, worktree: Path) -> Assignment:
    config, plant = job.steering.config, job.plant
    lock = plant.repository.read(job.base, config.dependencies.tests or config.dependencies.lock)
    return Assignment(
        run=job.run, role="implementer", worktree=worktree, system=context.system_blocks(job.steering),
        task=context.implementer_task(job), max_turns=config.limits.turns, wall_seconds=config.limits.agent_seconds,
        layer=plant.sandbox.layer(lock, wheels=plant.wheels) if lock else None,
    )


def _built(job: Job, report: AgentReport, worktree: Path) -> NodeResult:
    said: dict[str, Any] = {"summary": report.summary[:2000], "turns": report.turns, "box": report.box_form,
                            "worktree": str(worktree)}
    match report.outcome:
        case "finished":
            return produced(f"the agent finished after {report.turns} turns", **said)
        case "gave-up":
            return refused(f"{report.reason}: {report.summary[:500]}", event=Event.CANNOT_DO, **said)
        case "budget":
            return refused("the agent's budget is spent", event=Event.BUDGET_EXHAUSTED, **said)
        case other:
            return failed(f"the agent ended as {other}: {report.summary[:500]}", event=Event.RUN_FAILED, **said)


def snapshot(job: Job) -> NodeResult:
    """The agent's files as a commit of ours. Refuses what must not be in a tree, and a change that changes nothing."""
    plant, start, worktree = job.plant, CommitSha(job.outputs["prepare"]["start"]), Path(job.outputs["build"]["worktree"])
    if not worktree.exists():
        return failed("the worktree went with the machine that it was on; the change is made again", event=Event.RUN_FAILED)
    try:
        tree = plant.worktrees.snapshot(worktree, start)
    except GitError as error:
        return refused(str(error), event=Event.LAW_REFUSED)
    if tree == plant.repository.tree_of(start):
        return failed("the agent finished without changing anything", event=Event.RUN_FAILED)
    head = _commit(job, tree, start)
    files = len(plant.repository.diff(job.base, head).files)
    return produced(f"{files} files changed, tree {tree:.7}", head=head, tree=tree)


def _commit(job: Job, tree: TreeSha, start: CommitSha) -> CommitSha:
    message = comments.commit_message(issue=job.issue, title=context.title(job), run=job.run, rules=job.steering.digest)
    return job.plant.candidates.commit(tree, [start], message=message, at=job.began)


def law_gate(job: Job) -> NodeResult:
    """The rules at base, over the raw difference between base and head."""
    head = CommitSha(job.outputs["snapshot"]["head"])
    try:
        decision = law.decide_change(job, job.base, head)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    if decision.refusals:
        says = "; ".join(f"{refusal.gate}: {refusal.says}" for refusal in decision.refusals)
        return refused(says, event=decision.event, cites=[refusal.gate for refusal in decision.refusals],
                       findings=decision.findings)
    return produced(f"{len(decision.findings)} rules hold", findings=decision.findings)


def propose(job: Job) -> NodeResult:
    """Push the commit by compare-and-swap, open the pull request or find it, read it back."""
    head = CommitSha(job.outputs["snapshot"]["head"])
    if (asked := law_gate(job)).outcome is not Outcome.PRODUCED:   # again: a workflow's words are no proof that it was asked
        return asked
    pushed = effect(job.plant, "propose", job.key("propose"), lambda: _propose(job, head), issue=job.issue, run=job.run)
    job.plant.worktrees.close(job.run)
    return produced(f"pull request #{pushed['number']} at {head:.7}", event=Event.CHANGE_READY, **pushed)


def _propose(job: Job, head: CommitSha) -> dict[str, Any]:
    plant, branch = job.plant, f"factory/issue-{job.issue}"
    plant.candidates.push(head, branch, expected=job.history.pushed_head)
    stop_if_told(plant)     # a stop that is set while the push runs holds back what follows it
    body = comments.pull_request_body(issue=job.issue, title=context.title(job), run=job.run,
                                      summary=str(job.outputs["build"].get("summary", "")), rules=job.steering.digest)
    opened = plant.writer.open_pull_request(
        branch=branch, base=plant.forge.default_branch(), title=f"#{job.issue}: {context.title(job)}"[:120], body=body)
    return {"number": opened.number, "branch": branch, "head": head, "base": job.base}
