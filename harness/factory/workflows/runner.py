"""Drives runs of the project's own workflows: begun, or resumed where a killed factory left them.

Properties:
- a run keeps the base it began with, and with it its document and its rules;
- an attempt is in the ledger before anything follows from it;
- the engine keeps what a node did under `run/node/attempt`, so a kill never loses or doubles it;
- a run whose nodes only wait takes no worker: it is left, and looked at again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.domain.errors import FactoryError, FactoryStop, PortError, Stopped
from harness.domain.events import NodeEnded, RunEnded
from harness.domain.issue import CommitSha
from harness.domain.plain import JsonDict, JsonObject
from harness.domain.workflow import (
    INPUT,
    ApproveNode,
    NodeResult,
    Outcome,
    RunNode,
    UseNode,
    Workflow,
)
from harness.domain.workflow_run import REVISION, Attempt, Run, RunStatus, made_again
from harness.factory.records.own_runs import OwnRun
from harness.factory.run.disk_space import raise_if_failed_on_full_disk
from harness.factory.run.forge_outage import is_unavailable, reopen_after_outage, result_of
from harness.factory.run.node import Job, refused
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.run.resumes import generation_of
from harness.factory.run.services import Services
from harness.factory.workflows import commands, effects
from harness.factory.workflows.waiting import Patience
from harness.log import NODE_ENDED, NODE_STARTED, WARNING
from harness.ports.engine import Engine
from harness.workflow import EngineExecutor, NodeCall, run

OWN = "free"
"""The key of an engine's payload that is of a workflow of your own. Engines have stored it."""
CONCURRENCY = 2


@dataclass(frozen=True, slots=True)
class OwnWorkflowRunner:
    """Drives open runs, one at a time for each. `heartbeat` raises where the factory has to stop;
    `action` is what the engine calls for a node."""

    services: Services
    engine: Engine
    action: str
    heartbeat: Callable[[], None]
    # How many called runs had ended when a run was driven last.
    driven: dict[str, int] = field(default_factory=dict)

    def next_run(self, under_way: frozenset[str]) -> str | None:
        """An open run that was not driven yet, or whose called runs have ended since."""
        for one in self.services.own_runs.open_runs():
            if one.name not in under_way and self.driven.get(one.name, -1) < one.children:
                return one.name
        return None

    def drive(self, name: str) -> None:
        """Drive one run until it has ended, or only waits. Raises what stops the factory, and
        PortError where trying again may help; any other fault is the end of the run."""
        one = self.services.own_runs.of(name)
        self.driven[name] = one.children
        try:
            self._drive(one)
        except FactoryError as error:
            # One broken workflow must not hold up the factory at each tick.
            if isinstance(error, PortError) and error.retryable:
                raise
            self.services.log.write("workflow-failed", str(error), run=name, level=WARNING)
            self._end(one, RunStatus.FAILED, str(error))

    def _drive(self, one: OwnRun) -> None:
        services, name = self.services, one.name
        policy = policy_at(services, CommitSha(one.started.event.base))
        workflow = policy.own_workflows[one.workflow]
        generation = generation_of(services, name)
        executor = EngineExecutor(
            self.engine,
            f"{name}@{generation}",
            # Looked up each time: what was recorded a moment ago belongs to it.
            lambda call: (
                self.action,
                _payload(services.own_runs.of(name), workflow, call, generation),
            ),
        )
        missed: dict[str, NodeResult] = {}

        def record(attempt: Attempt) -> None:
            if is_unavailable(attempt.result):
                missed[attempt.node] = attempt.result
            else:
                missed.pop(attempt.node, None)
                self._record(name, attempt)

        ended = run(
            workflow,
            executor,
            concurrency=CONCURRENCY,
            finished=tuple(one.attempts),
            record=record,
            cancelled=self.heartbeat,
            ask=Patience(services, policy, one).ask,
        )
        if ended.status is RunStatus.FAILED:
            reopen_after_outage(services, name, missed.values())
        self._close(one, ended)

    def _record(self, name: str, attempt: Attempt) -> None:
        result = attempt.result
        # The owner's stop is no result: after `factory resume` the attempt is made again.
        if result.outcome is Outcome.STOPPED:
            return
        key = f"{name}/{attempt.node}/{attempt.number}"
        raise_if_failed_on_full_disk(self.services, key, result, run=name)
        self.services.log.write(
            NODE_ENDED, result.message, run=name, node=attempt.node, outcome=result.outcome.value
        )
        self.services.ledger.append(NodeEnded(attempt.node, attempt.number, result), key, run=name)

    def _close(self, one: OwnRun, ended: Run) -> None:
        if ended.status is RunStatus.STOPPED:
            raise Stopped(ended.message or "the run was stopped")
        # A failure beside a wait: the run ends once everything in it has.
        if len(ended.results) == len(ended.workflow.nodes):
            self._end(one, ended.status, ended.message)

    def _end(self, one: OwnRun, status: RunStatus, message: str) -> None:
        self.services.ledger.append(
            RunEnded(status, message), f"run/{one.name}/ended", run=one.name
        )


def own_action(services: Services, payload: JsonObject) -> JsonObject:
    """What the engine calls for a node of a workflow of your own; its result as JSON."""
    # The engine recovers a call of an older generation, and the resumed run makes it anew.
    if payload["generation"] != generation_of(services, payload["run"]):
        message = "made again after a resume"
        return NodeResult(Outcome.STOPPED, message=message, retryable=False).as_json()
    policy = policy_at(services, CommitSha(payload["base"]))
    node = policy.own_workflows[payload["workflow"]].node(payload["node"])
    inputs = payload["inputs"]
    job = Job(services, policy, effects.NO_ISSUE, payload["run"], 1, node, inputs, inputs)
    services.log.write(NODE_STARTED, run=job.run, node=node.id)
    try:
        result = _done(job, payload[REVISION])
    except FactoryError as error:
        result = result_of(error)
    except FactoryStop as stop:
        result = NodeResult(Outcome.STOPPED, message=str(stop), retryable=False)
    return result.as_json()


def _done(job: Job, revision: str) -> NodeResult:
    match job.node:
        case RunNode():
            return commands.command(job, revision)
        case UseNode():
            return effects.act(job)
        case _:
            return refused("is no part of a workflow of your own")


def _payload(one: OwnRun, workflow: Workflow, call: NodeCall, generation: int) -> JsonDict:
    inputs: Mapping[str, JsonObject] = {**call.inputs, INPUT: one.started.event.input}
    return {
        OWN: True,
        "run": one.name,
        "generation": generation,
        "workflow": one.workflow,
        "base": one.started.event.base,
        "node": call.node.id,
        "inputs": {name: dict(output) for name, output in inputs.items()},
        REVISION: _revision(one, workflow, call.node.id),
    }


def _revision(one: OwnRun, workflow: Workflow, node: str) -> str:
    """The words of whoever sent this node's work back last; empty where nobody did."""
    for attempt in reversed(one.attempts):
        asked = workflow.node(attempt.node)
        words = attempt.result.output.get(REVISION)
        if isinstance(asked, ApproveNode) and words and node in made_again(workflow, asked):
            return str(words)
    return ""
