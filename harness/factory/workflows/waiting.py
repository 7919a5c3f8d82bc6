"""Nodes that nobody works on: each is asked from time to time whether it has ended.

Properties:
- until when a node waits is in the ledger before it waits, so a restart changes nothing;
- a called run is begun once, under a key of the node, and its end is read from the ledger;
- the runs that belong together are bounded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from harness.domain.events import WaitBegan, WorkflowStarted
from harness.domain.ledger import as_of
from harness.domain.plain import JsonObject
from harness.domain.workflow import (
    INPUT,
    ApproveNode,
    CallNode,
    EachNode,
    FieldOf,
    Given,
    NodeResult,
    Outcome,
    WaitNode,
)
from harness.domain.workflow_run import RunStatus
from harness.factory.records.own_runs import STARTED, OwnRun
from harness.factory.run.node import failed, produced
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.workflows import approvals, start
from harness.workflow import NodeCall
from harness.workflow.cron import first_after, local_zone

MOST_RUNS = 200
"""How many runs may belong together: those that one run called, near and far, and itself."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Answers for one drive of one run. People are asked once a drive, not once a second."""

    services: Services
    policy: PolicySnapshot
    run: OwnRun
    asked: set[str] = field(default_factory=set)

    def ask(self, call: NodeCall) -> NodeResult | None:
        """The result of a node that has ended; None while it has not."""
        node = call.node
        match node:
            case WaitNode():
                return self._waited(node, call)
            case ApproveNode() if call.key not in self.asked:
                self.asked.add(call.key)
                shown = str(value_of(node.shows, self._inputs(call)))
                return approvals.answer(self.services, self.run, call, shown)
            case CallNode():
                given = {
                    name: value_of(one, self._inputs(call)) for name, one in node.given.items()
                }
                return self._called(call, node.workflow, [given])
            case EachNode():
                return self._fanned_out(call, node)
            case _:
                return None

    def _inputs(self, call: NodeCall) -> Mapping[str, JsonObject]:
        return {**call.inputs, INPUT: self.run.started.event.input}

    def _waited(self, node: WaitNode, call: NodeCall) -> NodeResult | None:
        now, key = self.services.clock.now(), f"{self.run.name}/{call.key}/wait"
        began = self.services.ledger.find(key)
        if began is None:
            until = (
                now + timedelta(seconds=node.seconds)
                if node.seconds
                else first_after(node.until, now.astimezone(local_zone()))
            )
            began = self.services.ledger.append(
                WaitBegan(node.id, until.isoformat()), key, run=self.run.name
            )
        until = datetime.fromisoformat(as_of(began, WaitBegan).event.until)
        return produced(f"waited until {until.isoformat()}") if now >= until else None

    def _fanned_out(self, call: NodeCall, node: EachNode) -> NodeResult | None:
        items = value_of(node.items, self._inputs(call))
        if not isinstance(items, list):
            return failed(f"`{node.items}` is no list")
        if len(items) > node.limit:
            return failed(f"found {len(items)} items; the limit is {node.limit}")
        given = [one if isinstance(one, dict) else {"item": one} for one in items]
        return self._called(call, node.workflow, given)

    def _called(
        self, call: NodeCall, workflow: str, given: list[dict[str, Any]]
    ) -> NodeResult | None:
        """Begin what is not begun, and join what is: the result once all of it has ended."""
        for number, one in enumerate(given, start=1):
            if fault := start.misfit_of(self.policy, workflow, one):
                return failed(f"item {number}: {fault}" if len(given) > 1 else fault)
        keys = [f"{self.run.name}/{call.key}/{number}" for number in range(1, len(given) + 1)]
        names = [start.called_name(workflow, key) for key in keys]
        with self.services.own_runs.beginning:
            new = [key for key in keys if self.services.ledger.find(f"{STARTED}{key}") is None]
            together = len(self.services.own_runs.tree_of(self.run.name)) + len(new)
            if new and together > MOST_RUNS:
                return failed(f"{together} runs would belong together; at most {MOST_RUNS} may")
            for key, name, one in zip(keys, names, given, strict=True):
                if key in new:
                    self._begin(workflow, name, key, one, call.node.id)
        return _joined(call, [self.services.own_runs.of(name) for name in names])

    def _begin(self, workflow: str, name: str, key: str, given: JsonObject, node: str) -> None:
        # On the same base and under the same rules as the run that calls.
        started = WorkflowStarted(
            workflow,
            self.policy.base,
            self.policy.digest,
            start.CALL,
            given,
            parent=self.run.name,
            node=node,
        )
        start.begin(self.services, self.policy, started, name, key)


def _joined(call: NodeCall, runs: list[OwnRun]) -> NodeResult | None:
    if any(run.ended is None for run in runs):
        return None
    lost = [run for run in runs if run.ended and run.ended.status is not RunStatus.SUCCEEDED]
    if lost:
        words = "; ".join(f"{one.name}: {one.ended.reason}" for one in lost[:3] if one.ended)
        return failed(f"{len(lost)} of {len(runs)} did not succeed: {words[:500]}")
    if isinstance(call.node, EachNode):
        return produced(f"{len(runs)} runs succeeded", count=len(runs))
    # The last success is what a caller asked for, where it declares an output.
    outputs = [one.result for one in runs[0].attempts if one.result.outcome is Outcome.PRODUCED]
    given = dict(outputs[-1].output) if outputs and call.node.output is not None else {}
    return NodeResult(Outcome.PRODUCED, given, f"{runs[0].name} succeeded")


def value_of(given: Given, inputs: Mapping[str, JsonObject]) -> Any:
    """A literal, or the field of an earlier node. A field that may be absent, and is, is empty
    text."""
    if not isinstance(given, FieldOf):
        return given
    try:
        value = given.value_in(inputs)
    except KeyError:
        return ""
    return "" if value is None else value
