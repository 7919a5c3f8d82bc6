"""Hands that need no world: work is a function and a duration on a clock that only moves when
somebody waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.domain.workflow import NodeResult, Outcome, RetryPolicy, UseNode, Workflow
from harness.workflow import NodeCall

Work = Callable[[NodeCall], NodeResult]


def produced(**output: object) -> NodeResult:
    return NodeResult(Outcome.PRODUCED, output)


def failed(message: str = "it broke", *, retryable: bool = True) -> NodeResult:
    return NodeResult(Outcome.FAILED, message=message, retryable=retryable)


def nodes(*arrows: str, retry: Mapping[str, RetryPolicy] | None = None) -> Workflow:
    """`nodes("a", "b < a", "c < a b")`: c needs a and b."""
    found = []
    for arrow in arrows:
        name, _, needs = arrow.partition(" < ")
        policy = (retry or {}).get(name, RetryPolicy())
        found.append(
            UseNode(id=name, needs=tuple(needs.split()), action=f"test.{name}", retry=policy)
        )
    return Workflow("test", tuple(found))


@dataclass
class Simulated:
    """Runs each call's work when it starts, and gives it out when its duration has passed."""

    work: Mapping[str, Work] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    time: float = 0.0
    began: list[tuple[float, str]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _due: dict[str, tuple[float, NodeResult]] = field(default_factory=dict)

    def now(self) -> float:
        return self.time

    def start(self, call: NodeCall) -> None:
        assert call.key not in self._due, f"{call.key} was started twice"
        self.began.append((self.time, call.key))
        result = self.work.get(call.node.id, lambda call: produced(by=call.node.id))(call)
        self._due[call.key] = (self.time + self.seconds.get(call.node.id, 1.0), result)
        self.most_at_once = max(self.most_at_once, len(self._due))

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, NodeResult] | None:
        at, key = min(((self._due[key][0], key) for key in keys), default=(float("inf"), ""))
        if at > self.time + seconds:
            self.time += seconds
            return None
        self.time = max(self.time, at)
        return key, self._due.pop(key)[1]

    def cancel(self, key: str) -> None:
        self.cancelled.append(key)
        if key in self._due:
            self._due[key] = (self.time, NodeResult(Outcome.CANCELLED))

    @property
    def order(self) -> list[str]:
        return [key for _, key in self.began]
