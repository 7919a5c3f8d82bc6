"""Which code runs which node. A workflow may name these and nothing else.

`settings/workflow_promises.py` lists where in a workflow each may stand."""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from harness.domain.plain import JsonObject
from harness.domain.workflow import (
    AgentNode,
    ApproveNode,
    GateNode,
    Node,
    NodeResult,
    RunNode,
    UseNode,
    ValidateNode,
)
from harness.factory.project import commands
from harness.factory.run.node import Action, Job, produced, refused
from harness.factory.settings.workflow_promises import PARTS, TESTS, parts_of
from harness.factory.stages import diagnose, implement, merge, plan, review, triage, validate

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
    workflow calls that node."""
    return lambda job: _code(node)(replace(job, outputs=_by_part(job), by_node=job.outputs))


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
        case ApproveNode():
            return lambda job: refused(f"waits for a person with {node.permission} permission")
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
