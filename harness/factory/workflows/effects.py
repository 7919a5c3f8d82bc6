"""What a workflow of your own does to the world, each effect granted by a rule that names it.

Properties:
- the grant is read again, at the default branch's tip, right before the effect: one that was taken
  back holds for runs that began before;
- each effect passes where every other of the factory does: stop, intent, act, confirmation;
- text of a command is data: escaped, bounded, and withheld where it looks like a credential;
- so many effects happen within a day, over all workflows, and no more;
- a proposed change is asked of the rules, and a person merges it: nothing here lands."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from harness.domain.events import (
    EffectIntended,
    WorkflowCommented,
    WorkflowFiled,
    WorkflowNotice,
    WorkflowProposed,
)
from harness.domain.governance import Applies
from harness.domain.issue import CommitSha
from harness.domain.workflow import NodeResult, RunNode, UseNode
from harness.factory.policy_gate.policy import change_facts
from harness.factory.records.own_runs import OwnRun
from harness.factory.reporting.comments.inert import quoted, words_only
from harness.factory.reporting.comments.replies import OURS
from harness.factory.run.effects import effect, raise_if_stopped
from harness.factory.run.node import Job, produced, refused
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.workflows.waiting import value_of
from harness.governance.decide import decide
from harness.governance.facts.secrets import secrets_in
from harness.ports.ledger import recorded

NO_ISSUE = 0
"""The issue of a job that is about none."""
MOST_TITLE, MOST_TEXT = 120, 20_000
MOST_A_DAY = 100
"""How many effects all workflows of your own may have within a day."""
_COUNTED = tuple(one.effect for one in (WorkflowFiled, WorkflowCommented, WorkflowProposed))


def act(job: Job) -> NodeResult:
    """Do what the node names, if a rule grants it now."""
    assert isinstance(job.node, UseNode)
    workflow, action = _workflow(job), job.node.action
    branch = job.services.forge.default_branch()
    tip = policy_at(job.services, job.services.repository.latest(branch))
    if (workflow, action) not in tip.governance.grants:
        return refused(f"no rule at {tip.base:.7} grants `{action}` to `{workflow}`")
    given = {name: str(value_of(one, job.by_node)) for name, one in job.node.given.items()}
    if _may_hold_a_secret(given):
        return refused("what it would write looks like a credential, or could not be looked at")
    if _had_today(job) >= MOST_A_DAY:
        return refused(f"{MOST_A_DAY} effects of workflows happened within a day; try tomorrow")
    return _ACTS[action](job, given)


def _file(job: Job, given: Mapping[str, str]) -> NodeResult:
    """Keep one open issue with this text: the same find changes nothing, another one edits it."""
    services, workflow = job.services, _workflow(job)
    marker = f"{OURS}workflow:{workflow}/{job.node.id} -->"
    title = words_only(given["title"])[:MOST_TITLE] or f"A finding of {workflow}"
    # Without the run's name: an issue whose text changed is triaged again.
    body = f"{marker}\nThe workflow `{workflow}` found:\n\n{quoted(given['text'], MOST_TEXT)}"
    done = effect(
        services,
        WorkflowFiled,
        job.key(f"{job.node.id}/file"),
        lambda: WorkflowFiled(services.writer.upsert_issue(marker, title=title, body=body)),
        issue=None,
        run=job.run,
    )
    return produced(f"issue #{done.number}")


def _comment(job: Job, given: Mapping[str, str]) -> NodeResult:
    services, text = job.services, given["issue"]
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) < 10**9):
        return refused(f"expected the number of an issue, found `{words_only(text)[:40]}`")
    number = int(text)
    marker = f"{OURS}workflow:{job.run}/{job.node.id} -->"
    body = f"{marker}\nThe workflow `{_workflow(job)}`:\n\n{quoted(given['text'], MOST_TEXT)}"

    def write() -> WorkflowCommented:
        services.writer.upsert_comment(number, marker, body)
        return WorkflowCommented(number)

    key = job.key(f"{job.node.id}/comment")
    effect(services, WorkflowCommented, key, write, issue=None, run=job.run)
    return produced(f"commented on #{number}")


def _notice(job: Job, given: Mapping[str, str]) -> NodeResult:
    raise_if_stopped(job.services)
    text = " ".join(given["text"].split())[:MOST_TITLE]
    job.services.ledger.append(
        WorkflowNotice(_workflow(job), text), job.key(f"{job.node.id}/notice"), run=job.run
    )
    return produced("people are notified where notices are on")


def _propose(job: Job, given: Mapping[str, str]) -> NodeResult:
    """Propose the commit of an earlier command of this run, if the rules have nothing against
    it."""
    head = CommitSha(given["head"])
    if not head or head not in _own_commits(job):
        return refused(
            "`head` is no commit that a command of this run, or of one that belongs to it, made"
        )
    decision = decide(job.policy.governance, change_facts(job, job.base, head), applies=Applies.PR)
    if not decision.allowed:
        return refused("; ".join(decision.why) or "no rule speaks of this change")
    done = effect(
        job.services,
        WorkflowProposed,
        job.key(f"{job.node.id}/propose"),
        lambda: _opened(job, head, given),
        issue=None,
        run=job.run,
    )
    return produced(f"pull request #{done.number} at {head:.7}; a person merges it")


def _opened(job: Job, head: CommitSha, given: Mapping[str, str]) -> WorkflowProposed:
    services, workflow = job.services, _workflow(job)
    # A branch for each run: a person may still be at work on the last one.
    branch = f"factory/{job.run}-{job.node.id}"
    services.candidates.push(head, branch, expected=None)
    # A stop that is set while the push runs holds back what follows it.
    raise_if_stopped(services)
    opened = services.writer.open_pull_request(
        branch=branch,
        base=services.forge.default_branch(),
        title=words_only(given["title"])[:MOST_TITLE] or f"A change by {workflow}",
        body=f"The workflow `{workflow}` proposes this, in its run `{job.run}`. A person merges"
        f" it.\n\n{quoted(given['text'], MOST_TEXT)}",
    )
    return WorkflowProposed(opened.number, branch, head)


_ACTS: Mapping[str, Callable[[Job, Mapping[str, str]], NodeResult]] = {
    "issue.file": _file,
    "issue.comment": _comment,
    "change.propose": _propose,
    "notice.send": _notice,
}


def _workflow(job: Job) -> str:
    return job.services.own_runs.of(job.run).workflow


def _own_commits(job: Job) -> frozenset[str]:
    """The commits that commands of this run made, or of a run that belongs to it, by the ledger."""
    return frozenset(
        str(one.result.output["head"])
        for run in job.services.own_runs.tree_of(job.run)
        for one in run.attempts
        if one.node in _makers(job, run) and one.result.output.get("head")
    )


def _makers(job: Job, run: OwnRun) -> frozenset[str]:
    """The nodes of a run whose `head` code has set. Runs that belong together share their base."""
    nodes = job.policy.own_workflows[run.workflow].nodes
    return frozenset(one.id for one in nodes if isinstance(one, RunNode) and one.files)


def _may_hold_a_secret(given: Mapping[str, str]) -> bool:
    content = {name.encode(): text.encode("utf-8", "replace") for name, text in given.items()}
    # What could not be looked at is unknown, which is no empty answer either.
    return secrets_in(content) != ()


def _had_today(job: Job) -> int:
    since = job.services.clock.now() - timedelta(days=1)
    intents = (
        entry
        for entry in recorded(job.services.ledger, EffectIntended)
        if entry.event.effect in _COUNTED and entry.run != job.run
    )
    return sum(entry.moment > since for entry in intents)
