"""A workflow and its nodes, as values.

A workflow is a graph of nodes. Absent, empty, skipped, timed out and unknown all mean no, so a node
counts as succeeded only by PRODUCED or NO_CHANGE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.domain.plain import JsonDict, JsonObject

if TYPE_CHECKING:
    from harness.domain.workflow_run import Attempt

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


Given: TypeAlias = str | FieldOf
"""A value in a document: literal, or a field of an earlier node."""
INPUT = "input"
"""The name under which nodes read what their workflow was given."""


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
    """A named action in code, with what it is given: literal, or a field of an earlier node."""

    action: str
    given: Mapping[str, Given] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNode(_Node):
    """A command in a sandbox: an argv, or the name of one whose arguments are in the project's own
    `factory.toml`.

    Values reach it by `env` alone, literal or a field of an earlier node; nothing is spliced into a
    shell. `files` are the paths whose new content is kept, as a commit."""

    command: str | tuple[str, ...]
    env: Mapping[str, Given] = field(default_factory=dict)
    files: tuple[str, ...] = ()


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
    """A wait for a person who holds this permission, until it expires. `shows` is what the person
    is shown; `revises` the node that is made again, with all that follows it, where the person
    sends it back. Empty: nobody can send it back."""

    permission: str
    shows: Given
    expires_seconds: int
    revises: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitNode(_Node):
    """A wait: so many seconds, or until a cron line is due next."""

    seconds: int | None = None
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNode(_Node):
    """Another workflow, run to its end with this input."""

    workflow: str
    given: Mapping[str, Given] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EachNode(_Node):
    """Another workflow, run once for each item of a list; more items than `limit` are a failure."""

    items: FieldOf
    workflow: str
    limit: int


Node: TypeAlias = (
    UseNode
    | RunNode
    | AgentNode
    | GateNode
    | ValidateNode
    | ApproveNode
    | WaitNode
    | CallNode
    | EachNode
)
PATIENT = (ApproveNode, WaitNode, CallNode, EachNode)
"""Nodes that are work for nobody: code asks from time to time whether they have ended."""


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
    # The JSON schema of what a caller has to give; None: it takes nothing.
    input: JsonObject | None = None

    def node(self, node_id: str) -> Node:
        """Raises KeyError for an unknown id."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)
