"""Begins runs: what a person asked for, what a schedule named, what another run called.

Properties:
- a request, an hour or a call begins one run, however often it is looked at;
- a workflow has one run at a time that nobody called: a slow one does not pile up."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from harness.domain.events import WorkflowRefused, WorkflowStarted
from harness.domain.plain import JsonObject
from harness.factory.records.own_runs import REFUSED, STARTED, under_way
from harness.factory.records.rule_texts import keep_rule_texts
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.workflow.outputs import misfit

HAND, SCHEDULE, CALL = "hand", "schedule", "call"


def begin_due(services: Services, policy: PolicySnapshot, hours: Mapping[str, datetime]) -> None:
    """Begin what people asked for, and the workflows whose hour has come."""
    for request in services.own_runs.requests():
        asked = request.event
        _begin_or_refuse(services, policy, asked.workflow, HAND, request.key, asked.input)
    for name, at in hours.items():
        if name in policy.own_workflows:
            _begin_or_refuse(services, policy, name, SCHEDULE, f"{name}/{at.isoformat()}", {})


def _begin_or_refuse(
    services: Services,
    policy: PolicySnapshot,
    workflow: str,
    cause: str,
    key: str,
    given: JsonObject,
) -> None:
    if services.ledger.find(f"{STARTED}{key}") or services.ledger.find(f"{REFUSED}{key}"):
        return
    if why := _refusal(services, policy, workflow, given):
        services.ledger.append(WorkflowRefused(workflow, why), f"{REFUSED}{key}")
        services.log.write("workflow-refused", f"{workflow} did not start: {why}")
        return
    number = 1 + sum(
        run.workflow == workflow and not run.started.event.parent for run in services.own_runs.all()
    )
    name = f"workflow-{workflow}-{number}"
    started = WorkflowStarted(workflow, policy.base, policy.digest, cause, given)
    begin(services, policy, started, name, key)


def _refusal(
    services: Services, policy: PolicySnapshot, workflow: str, given: JsonObject
) -> str | None:
    if workflow not in policy.own_workflows:
        return f"there is no workflow `{workflow}` at {policy.base:.7}"
    if other := under_way(services.own_runs.all(), workflow):
        return f"{other.name} is still under way"
    return misfit_of(policy, workflow, given)


def misfit_of(policy: PolicySnapshot, workflow: str, given: JsonObject) -> str | None:
    """Why the workflow cannot be given this; None where it can."""
    schema = policy.own_workflows[workflow].input
    if schema is None:
        return f"`{workflow}` takes no input" if given else None
    fault = misfit(schema, given)
    return f"its input is not what `{workflow}` declares: {fault}" if fault else None


def begin(
    services: Services, policy: PolicySnapshot, started: WorkflowStarted, name: str, key: str
) -> None:
    """Record that this run began. The texts of the rules come first, so that every run can show
    under which it ran."""
    keep_rule_texts(services.ledger, policy.governance, base=policy.base, digest=policy.digest)
    services.ledger.append(started, f"{STARTED}{key}", run=name)


def called_name(workflow: str, key: str) -> str:
    """The name of a run that another run calls under this key."""
    return f"workflow-{workflow}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
