"""A workflow, its nodes, and a run of it, as values.

A workflow is a graph of nodes. A run is a fold over the attempts recorded for it: nothing here
remembers a status. Absent, empty, skipped, timed out and unknown all mean no, so a node counts as
succeeded only by PRODUCED or NO_CHANGE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Any, TypeAlias

from harness.domain.plain import JsonDict, JsonObject

Scalar: TypeAlias = bool | int | float | str | None
NOTHING: JsonObject = MappingProxyType({})


class Outcome(StrEnum):
    """How an attempt at a node ended. STOPPED is a budget or the owner; CANCELLED is whoever drives
    the run."""

    PRODUCED = "produced"
    NO_CHANGE = "no-change"
    BLOCKED = "blocked"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    STOPPED = "stopped"

    @property
    def succeeded(self) -> bool:
        return self in (Outcome.PRODUCED, Outcome.NO_CHANGE)

    @property
    def failed(self) -> bool:
        return self in (Outcome.FAILED, Outcome.BLOCKED)


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What one attempt gave. `event` names an event of the lifecycle; `retryable`: another
    attempt could help."""

    outcome: Outcome
    output: JsonObject = field(default_factory=lambda: NOTHING)
    message: str = ""
    event: str | None = None
    retryable: bool = True

    def as_json(self) -> JsonDict:
        return {
            "outcome": self.outcome.value,
            "output": dict(self.output),
            "message": self.message,
            "event": self.event,
            "retryable": self.retryable,
        }


def node_result(document: JsonObject) -> NodeResult:
    """The result that `as_json` wrote. Raises ValueError when the document is not one."""
    output, event = document.get("output"), document.get("event")
    if not isinstance(output, Mapping) or not (event is None or isinstance(event, str)):
        raise ValueError(f"not a node's result: output={output!r}, event={event!r}")
    return NodeResult(
        Outcome(str(document.get("outcome"))),
        output,
        str(document.get("message", "")),
        event,
        document.get("retryable") is True,
    )


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `attempts` in all; the n-th retry waits `wait_seconds * factor ** (n - 1)`."""

    attempts: int = 1
    wait_seconds: float = 0.0
    factor: float = 2.0

    def allows_after(self, attempt: Attempt) -> bool:
        result = attempt.result
        return (
            result.outcome is Outcome.FAILED and result.retryable and attempt.number < self.attempts
        )

    def seconds_after(self, number: int) -> float:
        return self.wait_seconds * self.factor ** (number - 1)


class Comparison(StrEnum):
    EQUAL = "=="
    DIFFERENT = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


_COMPARE: Mapping[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQUAL: eq,
    Comparison.DIFFERENT: ne,
    Comparison.LESS: lt,
    Comparison.AT_MOST: le,
    Comparison.MORE: gt,
    Comparison.AT_LEAST: ge,
}


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field of a node's output: `node.path[0].path[1]…`."""

    node: str
    path: tuple[str, ...]

    def value_in(self, outputs: Mapping[str, JsonObject]) -> Any:
        """Raises KeyError when the node gave no such field."""
        value: Any = outputs[self.node]
        for name in self.path:
            if not isinstance(value, Mapping):
                raise KeyError(name)
            value = value[name]
        return value

    def __str__(self) -> str:
        return ".".join((self.node, *self.path))


@dataclass(frozen=True, slots=True)
class WhenEnded:
    """`node.succeeded` or `node.failed`. Failed is FAILED or BLOCKED; a skipped node neither
    succeeded nor failed."""

    node: str
    succeeded: bool

    def holds(self, results: Mapping[str, NodeResult]) -> bool:
        outcome = results[self.node].outcome
        return outcome.succeeded if self.succeeded else outcome.failed


@dataclass(frozen=True, slots=True)
class WhenField:
    """`node.field <comparison> <scalar>`. A node that did not succeed, or values of two types, make
    it false."""

    field: FieldOf
    comparison: Comparison
    value: Scalar

    @property
    def node(self) -> str:
        return self.field.node

    def holds(self, results: Mapping[str, NodeResult]) -> bool:
        result = results[self.node]
        try:
            found = self.field.value_in({self.node: result.output})
        except KeyError:
            return False
        # A failed node's output is unchecked, so no condition may rest on it.
        if not result.outcome.succeeded or not _comparable(found, self.value, self.comparison):
            return False
        return _COMPARE[self.comparison](found, self.value)


When: TypeAlias = WhenEnded | WhenField


def _comparable(found: Any, value: Scalar, comparison: Comparison) -> bool:
    kinds = {_kind(found), _kind(value)}
    if comparison in (Comparison.EQUAL, Comparison.DIFFERENT):
        # Null may be compared with anything, so that a missing value can be asked for.
        return len(kinds) == 1 or "null" in kinds
    return kinds in ({"number"}, {"text"})


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        # before numbers, because in Python a boolean is one
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case _:
            return "compound"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one attempt at a node may spend on models. None leaves it to the run's cap."""

    calls: int | None = None
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    id: str
    needs: tuple[str, ...] = ()
    when: When | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout_seconds: float | None = None
    output: JsonObject | None = None
    """The JSON schema (draft 2020-12) of an object that the node's output must satisfy, where one
    is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseNode(_Node):
    """A named action in code."""

    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNode(_Node):
    """A command in a sandbox: an argv, or the name of one whose arguments are in the project's own
    `factory.toml`.

    Values reach it by `env` alone, literal or a field of an earlier node; nothing is spliced into a
    shell."""

    command: str | tuple[str, ...]
    env: Mapping[str, str | FieldOf] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNode(_Node):
    """A prompt put to the model that plays `role`, with these tools and no others."""

    role: str
    prompt: str
    tools: tuple[str, ...] = ()
    budget: Allowance = field(default_factory=Allowance)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateNode(_Node):
    """Named checks, all of which must pass."""

    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateNode(_Node):
    """The sealed judge, over the journeys of this kind."""

    journeys: str
    budget: Allowance = field(default_factory=Allowance)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveNode(_Node):
    """A wait for a person who holds this permission. It is BLOCKED until the run is taken up again
    with an answer."""

    permission: str


Node: TypeAlias = UseNode | RunNode | AgentNode | GateNode | ValidateNode | ApproveNode


@dataclass(frozen=True, slots=True)
class Triggers:
    """When a workflow starts by itself: a five-field cron line, and events of the forge by name."""

    schedule: str | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workflow:
    """Nodes in an order in which each follows what it needs (the reader sees to that, and to unique
    ids)."""

    name: str
    nodes: tuple[Node, ...]
    triggers: Triggers = field(default_factory=Triggers)

    def node(self, node_id: str) -> Node:
        """Raises KeyError for an unknown id."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)


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
    last = {attempt.node: attempt for attempt in attempts}
    results: dict[str, NodeResult] = {}
    for node in workflow.nodes:
        attempt = last.get(node.id)
        if attempt is not None and not node.retry.allows_after(attempt):
            results[node.id] = attempt.result
        # A node that was tried once is never skipped afterwards.
        elif attempt is None and (reason := skipped_because(node, results)):
            results[node.id] = NodeResult(Outcome.SKIPPED, message=reason)
    return results


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
