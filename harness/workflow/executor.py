"""Drives a run: a ready queue over the graph, with retries, timeouts and cancellation.

Properties kept:
- a node starts as soon as what it needs is settled; it waits for an unrelated one only where no
  worker is free;
- every decision is a function of the attempts recorded so far, so a run is taken up again, after
  any kill, by giving those attempts as `finished`: what was recorded is not done again, what was
  started is attached to by its key;
- an attempt is recorded before anything follows from it;
- a node that nobody works on (a wait, a question to a person, another workflow) takes no worker: it
  is asked whether it has ended, and while it has not, the run returns unfinished;
- after a stop or a cancellation nothing new starts. What still runs honours a stop by itself,
  before its next effect, and a cancellation gives it up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from harness.domain.errors import ConfigError
from harness.domain.workflow import PATIENT, Node, NodeResult, Outcome, Workflow
from harness.domain.workflow_run import Attempt, Run, is_ready, settled
from harness.workflow.node_executor import NodeCall, NodeExecutor
from harness.workflow.outputs import misfit

LOOK_UP_SECONDS = 1.0
"""How long a wait may last before the caller is asked again whether to go on."""


def run(
    workflow: Workflow,
    executor: NodeExecutor,
    *,
    concurrency: int,
    finished: Iterable[Attempt] = (),
    record: Callable[[Attempt], None] = lambda attempt: None,
    cancelled: Callable[[], str | None] = lambda: None,
    ask: Callable[[NodeCall], NodeResult | None] = lambda call: None,
    now: Callable[[], float] = time.monotonic,
) -> Run:
    """Drive `workflow` until nothing more can happen, and return the run.

    `record` gets each attempt as it ends. `cancelled` gives the reason once the run is to be
    given up. `ask` gives the result of a node that nobody works on, None while it has not ended. A
    FactoryStop out of any of them leaves the run as recorded, and the same call
    with those attempts goes on from there. Raises ConfigError when `finished` speaks of nodes that
    this workflow does not have."""
    state = _RunState(
        workflow,
        executor,
        concurrency,
        record,
        ask,
        now,
        _known(workflow, finished),
        _before(workflow),
    )
    while True:
        # Asked in each round, also while calls are under way: a cancelled run must not wait for
        # them.
        if (reason := cancelled()) is not None:
            state.give_up(reason)
        state.start_what_is_ready()
        if not state.busy:
            return state.run
        state.take_what_is_done()


@dataclass(slots=True)
class _RunState:
    """The one place in a run that changes: what is recorded, what is under way, and what waits for
    its next attempt."""

    workflow: Workflow
    executor: NodeExecutor
    concurrency: int
    record: Callable[[Attempt], None]
    ask: Callable[[NodeCall], NodeResult | None]
    now: Callable[[], float]
    run: Run
    before: Mapping[str, tuple[str, ...]]
    running: dict[str, tuple[NodeCall, float | None]] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)
    results: Mapping[str, NodeResult] = field(default_factory=dict)
    halted: bool = False

    def __post_init__(self) -> None:
        self._settle()

    @property
    def busy(self) -> bool:
        return bool(self.running or (self.due and not self.halted))

    def start_what_is_ready(self) -> None:
        if self.halted:
            return None
        under_way = {call.node.id for call, _ in self.running.values()}
        for node in self.workflow.nodes:
            if len(self.running) >= self.concurrency:
                return None
            if self.halted or node.id in self.results or node.id in under_way:
                continue
            if isinstance(node, PATIENT) and is_ready(node, self.results):
                # An answer may have earlier nodes made again, so what is ready is looked for anew.
                if self._asked(node):
                    return self.start_what_is_ready()
            elif self._may_start(node):
                self._start(node)
        return None

    def take_what_is_done(self) -> None:
        """Wait for the next thing to happen: a call that is done, out of time, or due for another
        attempt."""
        done = self.executor.wait_any(
            frozenset(self.running), seconds=max(0.0, self._seconds_to_wait())
        )
        if done is not None:
            key, result = done
            call, _ = self.running.pop(key)
            self._ended(call, _fitting(call.node, result))
        self._end_what_is_late()

    def give_up(self, reason: str) -> None:
        """End everything under way as cancelled, for good; a run with nothing under way loses its
        next node."""
        calls = [call for call, _ in self.running.values()] or self._next_calls()[:1]
        # Cleared before the cancellation: a result that still comes in is no longer waited for.
        self.running.clear()
        self.halted = True
        for call in calls:
            self._ended(call, NodeResult(Outcome.CANCELLED, message=reason, retryable=False))
            self.executor.cancel(call.key)

    def _next_calls(self) -> list[NodeCall]:
        waiting = (node for node in self.workflow.nodes if node.id not in self.results)
        return (
            []
            if self.halted
            else [self._call(node) for node in waiting if is_ready(node, self.results)]
        )

    def _may_start(self, node: Node) -> bool:
        return is_ready(node, self.results) and self.due.get(node.id, 0.0) <= self.now()

    def _asked(self, node: Node) -> bool:
        call = self._call(node)
        if (result := self.ask(call)) is None:
            return False
        self._ended(call, _fitting(node, result))
        return True

    def _start(self, node: Node) -> None:
        call = self._call(node)
        self.due.pop(node.id, None)
        self.executor.start(call)
        self.running[call.key] = (
            call,
            self.now() + node.timeout_seconds if node.timeout_seconds else None,
        )

    def _call(self, node: Node) -> NodeCall:
        number = 1 + sum(attempt.node == node.id for attempt in self.run.attempts)
        return NodeCall(
            node,
            number,
            {earlier: self.results[earlier].output for earlier in self.before[node.id]},
        )

    def _ended(self, call: NodeCall, result: NodeResult) -> None:
        # Recorded before anything follows from it, so that a restart decides the same.
        attempt = Attempt(call.node.id, call.attempt, result)
        self.record(attempt)
        self.run = replace(self.run, attempts=(*self.run.attempts, attempt))
        if call.node.retry.allows_after(attempt):
            self.due[call.node.id] = self.now() + call.node.retry.seconds_after(attempt.number)
        self._settle()

    def _settle(self) -> None:
        self.results = settled(self.workflow, self.run.attempts)
        outcomes = {result.outcome for result in self.results.values()}
        # A person gave the run up: what still runs is work for nothing.
        if Outcome.CANCELLED in outcomes and not self.halted:
            for key in self.running:
                self.executor.cancel(key)
        self.halted = self.halted or not outcomes.isdisjoint((Outcome.CANCELLED, Outcome.STOPPED))

    def _end_what_is_late(self) -> None:
        for key, (call, deadline) in tuple(self.running.items()):
            if deadline is not None and deadline <= self.now():
                del self.running[key]
                # Recorded before it is cancelled: after a kill the attempt counts as late, not as
                # unknown.
                late = f"took longer than {call.node.timeout_seconds:g} s"
                self._ended(call, NodeResult(Outcome.FAILED, message=late))
                self.executor.cancel(key)

    def _seconds_to_wait(self) -> float:
        moments = [deadline for _, deadline in self.running.values() if deadline is not None]
        moments += [] if self.halted else list(self.due.values())
        return min([LOOK_UP_SECONDS, *(moment - self.now() for moment in moments)])


def _known(workflow: Workflow, finished: Iterable[Attempt]) -> Run:
    """The run as it was recorded; an attempt that was recorded twice counts once, as it was
    first."""
    ids = {node.id for node in workflow.nodes}
    first: dict[tuple[str, int], Attempt] = {}
    for attempt in finished:
        # The workflow at the base changed under a recorded run: going on would guess.
        if attempt.node not in ids:
            raise ConfigError(
                f"workflow `{workflow.name}` has no node `{attempt.node}`, yet the run recorded one"
            )
        # A kill between the record and its confirmation can leave an attempt twice.
        first.setdefault((attempt.node, attempt.number), attempt)
    return Run(workflow, tuple(first.values()))


def _before(workflow: Workflow) -> Mapping[str, tuple[str, ...]]:
    """For each node, those it follows, near and far. When it is ready they are settled: a restart
    finds the same."""
    found: dict[str, dict[str, None]] = {}
    for node in workflow.nodes:
        found[node.id] = {}
        # Nodes come in the order of the graph, so those of `needed` are complete already.
        for needed in node.needs:
            found[node.id].update({**found[needed], needed: None})
    return {node_id: tuple(before) for node_id, before in found.items()}


def _fitting(node: Node, result: NodeResult) -> NodeResult:
    """`result`, unless it claims success with an output that is not the declared one."""
    if node.output is None or not result.outcome.succeeded:
        return result
    fault = misfit(node.output, result.output)
    return (
        NodeResult(Outcome.FAILED, message=f"its output is not what it declares: {fault}")
        if fault
        else result
    )
