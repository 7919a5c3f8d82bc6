"""One node's work, as an action sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.domain.issue import CommitSha
from harness.domain.workflow import Node, NodeResult, Outcome, Workflow
from harness.factory.records.history import History, history_of

if TYPE_CHECKING:
    from harness.factory.run.policy_snapshot import PolicySnapshot
    from harness.factory.run.services import Services


@dataclass(frozen=True, slots=True)
class Job:
    """Which issue, in which run, against which base, and what the nodes before it produced."""

    services: Services
    policy: PolicySnapshot
    issue: int
    run: str
    number: int  # the n-th run of this workflow for this issue
    node: Node
    outputs: Mapping[
        str, Mapping[str, Any]
    ]  # of what ran before: an action sees them by the part that gave them,
    by_node: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict
    )  # and here by the id of the node

    @property
    def base(self) -> CommitSha:
        return self.policy.base

    @property
    def workflow(self) -> Workflow:
        """The workflow that this node is of."""
        return next(
            one
            for one in self.policy.workflows.values()
            if any(node is self.node for node in one.nodes)
        )

    @property
    def history(self) -> History:
        """Read again from the ledger each time it is asked."""
        return history_of(self.services.ledger, self.issue)

    @property
    def began(self) -> str:
        """When this run began, as the ledger has it: a commit made again after a kill is then the
        same commit."""
        return next(entry.at for entry in self.history.runs if entry.run == self.run)

    @property
    def anchor(self) -> str:
        """Where the ledger stood when this run began, signed; empty for one that was begun
        without."""
        return next(entry.event.anchor for entry in self.history.runs if entry.run == self.run)

    @property
    def last_own_entry(self) -> int:
        """The number of the entry in which this run last noted a step. What other issues write
        while a node is at work, a replay would have at another moment: the node is not told."""
        own = (entry for entry in self.history.entries if entry.run == self.run)
        return max(entry.seq for entry in own if entry.kind in ("run", "node"))

    def other_issues(self, is_so: Callable[[History], bool]) -> tuple[History, ...]:
        """The other issues of which `is_so` holds, as far as this run is told of them."""
        found = self.services.issue_index.filter_at(self.last_own_entry, is_so)
        return tuple(history for history in found if history.issue != self.issue)

    def key(self, name: str) -> str:
        """The idempotency key of an effect in this run."""
        return f"{self.run}/{name}"


Action = Callable[[Job], NodeResult]

MACHINE = "machine"
"""What an output says under `fault` where something other than a model kept a node from doing what
it is for."""


def produced(message: str = "", *, event: str | None = None, **output: Any) -> NodeResult:
    """The node did what it is for."""
    return NodeResult(Outcome.PRODUCED, output, message, event)


def idle(message: str) -> NodeResult:
    """There was nothing for the node to do, and that is well."""
    return NodeResult(Outcome.NO_CHANGE, {}, message)


def refused(message: str, *, event: str | None = None, **output: Any) -> NodeResult:
    """A decision against going on. Trying again changes nothing."""
    return NodeResult(Outcome.BLOCKED, output, message, event, retryable=False)


def failed(
    message: str, *, event: str | None = None, retryable: bool = False, **output: Any
) -> NodeResult:
    """The node could not do what it is for."""
    return NodeResult(Outcome.FAILED, output, message, event, retryable)
