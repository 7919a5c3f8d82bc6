"""A run of a workflow: a fold over the attempts recorded for it. Nothing here remembers a
status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.domain.workflow import ApproveNode, Node, NodeResult, Outcome, Workflow

REVISION = "revision"
"""The key in an approval's output that has the words of whoever sent it back."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One recorded try at a node, counted from 1."""

    node: str
    number: int
    result: NodeResult


class RunStatus(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


_GRAVEST_FIRST = (
    (Outcome.STOPPED, RunStatus.STOPPED),
    (Outcome.CANCELLED, RunStatus.CANCELLED),
    (Outcome.BLOCKED, RunStatus.BLOCKED),
    (Outcome.FAILED, RunStatus.FAILED),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow and the attempts recorded for it, in the order in which they were recorded."""

    workflow: Workflow
    attempts: tuple[Attempt, ...] = ()

    @property
    def results(self) -> Mapping[str, NodeResult]:
        """The settled nodes, skipped ones among them, in the workflow's order."""
        return settled(self.workflow, self.attempts)

    @property
    def status(self) -> RunStatus:
        """A failure stays a failure although a later node was there to clean up after it."""
        results = self.results
        outcomes = {result.outcome for result in results.values()}
        for outcome, status in _GRAVEST_FIRST:
            if outcome in outcomes:
                return status
        return (
            RunStatus.SUCCEEDED if len(results) == len(self.workflow.nodes) else RunStatus.RUNNING
        )

    @property
    def event(self) -> str | None:
        """The lifecycle event of the last node, in the workflow's order, that gave one."""
        events = [result.event for result in self.results.values() if result.event]
        return events[-1] if events else None

    @property
    def message(self) -> str:
        """The words of the first node that kept the run from succeeding; else of the last one that
        had any."""
        results = self.results.values()
        # What kept the run from succeeding is worth more than the words of a success.
        against = [
            result.message for result in results if not result.outcome.succeeded and result.message
        ]
        words = [result.message for result in results if result.message]
        return (against[:1] or words[-1:] or [""])[0]


def settled(workflow: Workflow, attempts: Iterable[Attempt]) -> Mapping[str, NodeResult]:
    """The results that no retry will replace, with the nodes that those results skip."""
    last = {attempt.node: attempt for attempt in in_force(workflow, attempts)}
    results: dict[str, NodeResult] = {}
    for node in workflow.nodes:
        attempt = last.get(node.id)
        if attempt is not None and not node.retry.allows_after(attempt):
            results[node.id] = attempt.result
        # A node that was tried once is never skipped afterwards.
        elif attempt is None and (reason := skipped_because(node, results)):
            results[node.id] = NodeResult(Outcome.SKIPPED, message=reason)
    return results


def in_force(workflow: Workflow, attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """The attempts without those that a person sent back: they are made again."""
    approvals = {node.id: node for node in workflow.nodes if isinstance(node, ApproveNode)}
    kept: list[Attempt] = []
    for attempt in attempts:
        if attempt.node in approvals and REVISION in attempt.result.output:
            again = made_again(workflow, approvals[attempt.node])
            kept = [one for one in kept if one.node not in again]
        else:
            kept.append(attempt)
    return tuple(kept)


def made_again(workflow: Workflow, node: ApproveNode) -> frozenset[str]:
    """The nodes that are made again where a person sends this approval back."""
    return followers(workflow, node.revises)


def followers(workflow: Workflow, first: str) -> frozenset[str]:
    """The node of this id and all that need it, near and far."""
    found = {first}
    for node in workflow.nodes:
        if not found.isdisjoint(node.needs):
            found.add(node.id)
    return frozenset(found)


def is_ready(node: Node, results: Mapping[str, NodeResult]) -> bool:
    """Everything the node needs is settled, and none of it prevents the node."""
    return all(needed in results for needed in node.needs) and not skipped_because(node, results)


def skipped_because(node: Node, results: Mapping[str, NodeResult]) -> str | None:
    """Why the node will never run, given what is settled so far; None while it may, or must
    wait."""
    condition = node.when
    for needed in node.needs:
        # A condition on a needed node decides alone: it may ask for exactly its failure.
        governed = condition is not None and condition.node == needed
        if needed in results and not governed and not results[needed].outcome.succeeded:
            return f"{needed} was {results[needed].outcome.value}"
    if condition is not None and condition.node in results and not condition.holds(results):
        return "its condition does not hold"
    return None
