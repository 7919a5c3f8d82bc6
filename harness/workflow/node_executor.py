"""What a run needs of whoever does the work: start a call, wait for one to be done, give one up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.domain.workflow import Node, NodeResult, node_result
from harness.ports.engine import Engine


@dataclass(frozen=True, slots=True)
class NodeCall:
    """One attempt at a node. `inputs` holds the output of every settled node that it follows, by
    id."""

    node: Node
    attempt: int
    inputs: Mapping[str, Mapping[str, Any]]

    @property
    def key(self) -> str:
        return f"{self.node.id}/{self.attempt}"


class NodeExecutor(Protocol):
    """The doer. A key that was started before a restart is attached to, not started again."""

    def start(self, call: NodeCall) -> None:
        """Begin the call, and return at once."""
        ...

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, NodeResult] | None:
        """The first of `keys` to be done, and its result; None when the time is up. Without keys it
        only waits."""
        ...

    def cancel(self, key: str) -> None:
        """Give the call up. `wait_any` then soon gives it, as cancelled, or as what it became just
        before."""
        ...


@dataclass(frozen=True, slots=True)
class EngineExecutor:
    """Hands on the durable engine: each call is the engine's work `run/node/attempt`."""

    engine: Engine
    run: str
    work_of: Callable[[NodeCall], tuple[str, Mapping[str, Any]]]
    """The registered action that does a call, and the JSON it is given."""

    def start(self, call: NodeCall) -> None:
        action, payload = self.work_of(call)
        self.engine.start(f"{self.run}/{call.key}", action, payload)

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, NodeResult] | None:
        done = self.engine.wait_any(frozenset(f"{self.run}/{key}" for key in keys), seconds=seconds)
        return (done[0].removeprefix(f"{self.run}/"), node_result(done[1])) if done else None

    def cancel(self, key: str) -> None:
        self.engine.cancel(f"{self.run}/{key}")
