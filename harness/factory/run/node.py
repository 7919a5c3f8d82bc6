"""A node's job and its results, as the stages see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from harness.domain.issue import CommitSha
from harness.domain.plain import JsonObject, plain, valued
from harness.domain.workflow import Node, NodeResult, Outcome, Workflow
from harness.factory.records.history import History, history_of

if TYPE_CHECKING:
    from harness.factory.run.policy_snapshot import PolicySnapshot
    from harness.factory.run.services import Services

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """What one node works on: which issue, in which run, against which base, after which outputs.

    `number` counts the runs of this workflow for this issue, from 1. `outputs` has what ran before
    by the part that produced it, `by_node` by the id of the node."""

    services: Services
    policy: PolicySnapshot
    issue: int
    run: str
    number: int
    node: Node
    outputs: Mapping[str, JsonObject]
    by_node: Mapping[str, JsonObject] = field(default_factory=dict)

    @property
    def base(self) -> CommitSha:
        return self.policy.base

    @property
    def workflow(self) -> Workflow:
        """The workflow that this node belongs to."""
        return next(
            one
            for one in self.policy.workflows.values()
            if any(node is self.node for node in one.nodes)
        )

    @property
    def history(self) -> History:
        """The issue's history, read again from the ledger each time."""
        return history_of(self.services.ledger, self.issue)

    @property
    def began(self) -> str:
        """When this run began, by the ledger. A commit that is made again after a kill is then the
        same commit."""
        return next(entry.at for entry in self.history.runs if entry.run == self.run)

    @property
    def anchor(self) -> str:
        """The signed state of the ledger when this run began; empty for a run that began without
        one."""
        return next(entry.event.anchor for entry in self.history.runs if entry.run == self.run)

    @property
    def last_own_entry(self) -> int:
        """The number of the last entry in which this run recorded a step. A replay would meet later
        entries of other issues at another moment, so the node must not see them."""
        own = (entry for entry in self.history.entries if entry.run == self.run)
        return max(entry.seq for entry in own if entry.kind in ("run", "node"))

    def other_issues(self, is_so: Callable[[History], bool]) -> tuple[History, ...]:
        """The other issues for which `is_so` holds, as of this run's last own entry."""
        found = self.services.issue_index.filter_at(self.last_own_entry, is_so)
        return tuple(history for history in found if history.issue != self.issue)

    def key(self, name: str) -> str:
        """The idempotency key of an effect in this run."""
        return f"{self.run}/{name}"

    def output(self, part: str, kind: type[T]) -> T:
        """What a part handed on. Raises Misfit where it is not of this type."""
        return cast(T, valued(kind, self.outputs[part]))


Action = Callable[[Job], NodeResult]

MACHINE = "machine"
"""The value of `fault` in an output, where something other than a model kept the node from its
work."""


def produced(
    message: str = "", made: object = None, *, event: str | None = None, **output: Any
) -> NodeResult:
    """The node did its work. `made` is what it hands on, one of `harness.factory.run.outputs`."""
    document = {} if made is None else plain(made)
    return NodeResult(Outcome.PRODUCED, {**document, **output}, message, event)


def idle(message: str) -> NodeResult:
    """Nothing to do (success)."""
    return NodeResult(Outcome.NO_CHANGE, {}, message)


def refused(message: str, *, event: str | None = None, **output: Any) -> NodeResult:
    """A decision against going on. Trying again changes nothing."""
    return NodeResult(Outcome.BLOCKED, output, message, event, retryable=False)


def failed(
    message: str, *, event: str | None = None, retryable: bool = False, **output: Any
) -> NodeResult:
    """The node could not do its work."""
    return NodeResult(Outcome.FAILED, output, message, event, retryable)
