"""Which code runs which node. A workflow may name these and nothing else.

`settings/workflow_promises.py` lists where in a workflow each may stand."""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha
from harness.domain.plain import JsonObject
from harness.domain.workflow import (
    AgentNode,
    ApproveNode,
    CallNode,
    EachNode,
    GateNode,
    Node,
    NodeResult,
    RunNode,
    UseNode,
    ValidateNode,
    WaitNode,
)
from harness.factory.project import commands
from harness.factory.run.node import Action, Job, produced, refused
from harness.factory.run.outputs import MergeCandidate
from harness.factory.settings.workflow_promises import PARTS, TESTS, parts_of
from harness.factory.stages import diagnose, implement, merge, plan, review, triage, validate
from harness.log import WARNING

# The names in these tables are part of the workflow language: a workflow file may contain them.
USES: Mapping[str, Action] = {
    "triage.intake": triage.intake,
    "triage.decide": triage.decide,
    "implement.prepare": implement.prepare,
    "seal.author": implement.author,
    "implement.snapshot": implement.snapshot,
    "implement.propose": implement.propose,
    "validate.candidate": validate.candidate,
    "validate.conclude": validate.conclude,
    "validate.hand_over": validate.hand_over,
    "merge.land": merge.land,
    "merge.confirm": merge.confirm,
    "merge.close": merge.close,
}
AGENTS: Mapping[str, Action] = {
    "triage": triage.classify,
    "diagnoser": diagnose.diagnose,
    "planner": plan.plan,
    "implementer": implement.build,
    "reviewer": review.review,
}
GATES: Mapping[str, Action] = {
    "law": implement.policy_gate,
    "candidate-law": validate.policy_gate,
    "merge": merge.gates,
}
COMMANDS: Mapping[str, Action] = {TESTS: commands.tests}


def action_for(node: Node) -> Action:
    """The code for a node. It finds earlier outputs by the part that produced them, whatever the
    workflow calls that node; and its run has a worktree."""

    def act(job: Job) -> NodeResult:
        found = replace(job, outputs=_by_part(job), by_node=job.outputs)
        _ensure_worktree(found)
        return _code(node)(found)

    return act


def _ensure_worktree(job: Job) -> None:
    """Asked before each node: another machine may have begun the run, and kept its worktree."""
    commit = worktree_commit(job)
    if commit is None:
        return
    try:
        job.services.worktrees.ensure(job.run, commit)
    except GitError as error:
        # Nothing is decided by these files: a link that leaves the tree must not stop a triage.
        job.services.log.write(
            "worktree-failed",
            str(error),
            run=job.run,
            issue=job.issue,
            node=job.node.id,
            level=WARNING,
        )


def worktree_commit(job: Job) -> CommitSha | None:
    """The commit that the run's worktree shows: the base of a triage, the candidate of a
    validation, as soon as there is one. None where the run opens its worktree itself
    (`implement.build`, for an agent), and for a landing, which has no files to look at."""
    if job.workflow.name == "triage":
        return job.base
    if job.workflow.name == "validate" and "candidate" in job.outputs:
        return job.output("candidate", MergeCandidate).candidate
    return None


def _code(node: Node) -> Action:
    """The code of a node by its type: a type without code does not type-check. The workflow reader
    has refused every name that is not in the tables above."""
    match node:
        case UseNode():
            return USES[node.action]
        case AgentNode():
            return AGENTS[node.role]
        case GateNode():
            return lambda job: _gates(job, node.checks)
        case RunNode():
            return COMMANDS[node.command] if isinstance(node.command, str) else commands.command
        case ValidateNode():
            return validate.judge
        case ApproveNode() | WaitNode() | CallNode() | EachNode():
            return lambda job: refused("is no part of this workflow")
        case _:
            assert_never(node)


def _by_part(job: Job) -> Mapping[str, JsonObject]:
    """The outputs by the part that produced them. A node cannot pass for a part by taking the id
    that the part has in our workflow."""
    gives = {str(part): part.output for part in PARTS[job.workflow.name] if part.output}
    return {
        gives[part]: job.outputs[node.id]
        for node in job.workflow.nodes
        if node.id in job.outputs
        for part in parts_of(node)
        if part in gives
    }


def _gates(job: Job, checks: tuple[str, ...]) -> NodeResult:
    """Run each check in turn. Return the first result that does not pass, or else the last one."""
    result = produced()
    for check in checks:
        result = GATES[check](job)
        if not result.outcome.succeeded:
            break
    return result
