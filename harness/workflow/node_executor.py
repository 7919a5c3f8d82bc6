"""The port through which a run has its nodes executed, and its adapter on the durable engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.domain.plain import JsonObject
from harness.domain.workflow import Node, NodeResult, node_result
from harness.ports.engine import Engine


@dataclass(frozen=True, slots=True)
class NodeCall:
    """One attempt at a node. `inputs` holds the output of every settled node that it follows, by
    id."""

    node: Node
    attempt: int
    inputs: Mapping[str, JsonObject]

    @property
    def key(self) -> str:
        return f"{self.node.id}/{self.attempt}"


class NodeExecutor(Protocol):
    """Executes calls. A key that was started before a restart is attached to, not started again."""

    def start(self, call: NodeCall) -> None:
        """Start the call and return at once."""
        ...

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, NodeResult] | None:
        """The first of `keys` that ends, with its result; None when the time is up. Without keys it
        only waits."""
        ...

    def cancel(self, key: str) -> None:
        """Cancel the call. `wait_any` soon returns it, as cancelled or with the result that it had
        just before."""
        ...


@dataclass(frozen=True, slots=True)
class EngineExecutor:
    """Executes on the durable engine: each call is the engine's work item `run/node/attempt`."""

    engine: Engine
    run: str
    work_of: Callable[[NodeCall], tuple[str, JsonObject]]
    """The registered action for a call, and its JSON input."""

    def start(self, call: NodeCall) -> None:
        action, payload = self.work_of(call)
        self.engine.start(f"{self.run}/{call.key}", action, payload)

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, NodeResult] | None:
        done = self.engine.wait_any(frozenset(f"{self.run}/{key}" for key in keys), seconds=seconds)
        return (done[0].removeprefix(f"{self.run}/"), node_result(done[1])) if done else None

    def cancel(self, key: str) -> None:
        self.engine.cancel(f"{self.run}/{key}")
