"""One run of one workflow for one issue: started, or taken up where a killed factory left it.

Properties kept:
- a run keeps the base it started with; its id, base and rules are in the ledger before its first
  node starts;
- an attempt is in the ledger before anything follows from it, and so is the event it gave; one that
  only missed the forge is none;
- what a node did is kept by the engine under `run/node/attempt`, so a kill never loses or doubles a
  result; only the owner's resume opens a new generation of a run's keys, because a stopped attempt
  has to be made again."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.domain.errors import FactoryError, FactoryStop, Interrupted, Stopped
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry
from harness.domain.lifecycle import Event, State
from harness.domain.workflow import (
    Attempt,
    NodeResult,
    Outcome,
    Run,
    RunStatus,
    node_result,
)
from harness.factory.pipeline.actions import action_for
from harness.factory.records.history import RESUME, History, history
from harness.factory.records.rule_texts import keep_law
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.disk_space import refuse_no_when_full
from harness.factory.run.effects import stop_if_told
from harness.factory.run.forge_outage import is_away, result_of, wait_for_forge
from harness.factory.run.node import Job
from harness.factory.run.pause import pause_where_told
from harness.factory.run.policy_snapshot import Steering, steering_at
from harness.factory.run.services import Plant
from harness.ports.engine import Engine
from harness.workflow import Call, EngineHands, run

ACTION = "node"
CONCURRENCY = 2

UNDECIDED: Mapping[str, Event] = {
    "triage": Event.TRIAGE_UNSURE,
    "implement": Event.RUN_FAILED,
    "validate": Event.INCONCLUSIVE,
    "merge": Event.GATE_REFUSED,
}
"""What a run means that ended without saying so. Unknown is no, and a no that a person sees."""


def undecided(workflow: str, state: State, *, says: str) -> Event:
    """The event of a run that ended without one. Where a landing had begun, it may have happened:
    it is looked at again."""
    if state is State.MERGING:
        return Event.UNCONFIRMED
    return Event.BUDGET_EXHAUSTED if "budget" in says else UNDECIDED[workflow]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Runs workflows on the engine."""

    plant: Plant
    engine: Engine
    halt: threading.Event = field(
        default_factory=threading.Event
    )  # set: every run is left as it is recorded

    def run(self, steering: Steering, told: History, workflow: str) -> Run:
        """Drive one run to its end, or until a stop; a stop, and a pause, leave it to be taken up
        again."""
        started = self._open(steering, told, workflow)
        at = steering_at(self.plant, CommitSha(started.data["base"]))
        name, issue = str(started.run), told.issue
        finished = _attempts(told, name)
        for attempt in (
            finished
        ):  # a kill between an attempt and its event leaves the event to be recorded now
            self._record(attempt, issue=issue, run=name, rules=at.digest)
        turn = _generation(self.plant, name)
        hands = EngineHands(
            self.engine, f"{name}@{turn}", lambda call: (ACTION, _payload(started, call, turn))
        )
        missed: dict[str, NodeResult] = {}

        def record(attempt: Attempt) -> None:
            if is_away(attempt.result):
                missed[attempt.node] = attempt.result
            else:
                missed.pop(attempt.node, None)
                self._record(attempt, issue=issue, run=name, rules=at.digest)

        ended = run(
            at.workflows[workflow],
            hands,
            concurrency=CONCURRENCY,
            finished=finished,
            record=record,
            cancelled=lambda: self._pulse(),
        )
        if (
            ended.status is RunStatus.FAILED
        ):  # also of what comes after its event: an issue has still to be closed
            if pause_where_told(self.plant, steering.config.caps, issue, name, missed.values()):
                return ended
            wait_for_forge(self.plant, name, missed.values())
        self._close(ended, started, at.digest)
        return ended

    def _open(self, steering: Steering, told: History, workflow: str) -> Entry:
        """The run to drive: the one that a killed factory left, or a new one. Its issue is on its
        way either way."""
        plant, left = self.plant, told.open_run
        started = (
            left
            if left and left.data["workflow"] == workflow
            else self._begun(steering, told, workflow)
        )
        if told.state in (State.ACCEPTED, State.CHANGES_REQUESTED) and not told.has_last_steps:
            transition(
                plant,
                told.issue,
                Event.DISPATCHED,
                key=f"{started.run}/dispatched",
                run=started.run,
                rules=started.data["rules"],
            )
            project(plant, told.issue)
        return started

    def _begun(self, steering: Steering, told: History, workflow: str) -> Entry:
        number = told.runs_of(workflow) + 1
        name = f"{workflow}-{told.issue}-{number}"
        keep_law(self.plant, steering)
        return self.plant.ledger.append(
            "run",
            f"run/{name}",
            issue=told.issue,
            run=name,
            data={
                "workflow": workflow,
                "number": number,
                "base": steering.base,
                "rules": steering.digest,
                "anchor": self.plant.ledger.anchor(name),
            },
        )

    def _record(self, attempt: Attempt, *, issue: int, run: str, rules: str) -> None:
        """The attempt, then its event: each once, whatever was killed in between."""
        result = attempt.result
        if result.outcome is Outcome.STOPPED:
            # the owner's stop is not a result: after `factory resume` this attempt is made again
            return
        refuse_no_when_full(self.plant, f"{run}/{attempt.node}/{attempt.number}", result, run=run)
        self.plant.tell(run, attempt.node, f"{result.outcome.value}: {result.message}")
        self.plant.ledger.append(
            "node",
            f"{run}/{attempt.node}/{attempt.number}",
            issue=issue,
            run=run,
            data={"node": attempt.node, "attempt": attempt.number, "result": result.as_json()},
        )
        if result.event:
            transition(
                self.plant,
                issue,
                Event(result.event),
                key=f"{run}/{attempt.node}/event",
                run=run,
                says=result.message,
                rules=rules,
                cites=result.output.get("cites") or [],
                duplicate_of=result.output.get("duplicate_of"),
            )

    def _close(self, ended: Run, started: Entry, rules: str) -> None:
        if ended.status is RunStatus.STOPPED:
            raise _stop(ended)
        issue, name, workflow = int(started.issue or 0), str(started.run), started.data["workflow"]
        state = history(self.plant.ledger, issue).state
        if state is State.MERGING or not ended.event:
            event = undecided(workflow, state, says=ended.message)
            transition(
                self.plant,
                issue,
                event,
                key=f"{name}/undecided",
                run=name,
                says=ended.message,
                rules=rules,
            )
        self.plant.ledger.append(
            "run-ended",
            f"run/{name}/ended",
            issue=issue,
            run=name,
            data={"status": ended.status.value, "says": ended.message},
        )

    def _pulse(self) -> None:
        """Called at least once a second while a run is driven: the owner's stop is honoured between
        two nodes, and so is whoever halts this dispatch."""
        stop_if_told(self.plant)
        if self.halt.is_set():
            raise Interrupted("the factory is leaving; the next tick goes on from here")


def _stop(ended: Run) -> FactoryStop:
    return Stopped(ended.message or "the run was stopped")


def _generation(plant: Plant, run: str) -> int:
    """How often this run was told to make again what it had stopped at: by the owner's resume, or
    by itself."""
    return sum(
        entry.data["command"] == RESUME and entry.run in (None, run)
        for entry in plant.ledger.entries(kind="command")
    )


def _payload(started: Entry, call: Call, generation: int) -> dict[str, Any]:
    return {
        "issue": started.issue,
        "run": started.run,
        "number": started.data["number"],
        "generation": generation,
        "workflow": started.data["workflow"],
        "base": started.data["base"],
        "node": call.node.id,
        "inputs": {name: dict(output) for name, output in call.inputs.items()},
    }


def _attempts(told: History, run: str) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(entry.data["node"], entry.data["attempt"], node_result(entry.data["result"]))
        for entry in told.entries
        if entry.kind == "node" and entry.run == run
    )


def node_action(plant: Plant) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """What the engine calls by name, also when it recovers: one node, its result as JSON. A stop
    becomes a result."""

    def act(payload: Mapping[str, Any]) -> Mapping[str, Any]:
        if payload["generation"] != _generation(
            plant, payload["run"]
        ):  # killed while stopped: it is made anew already
            return NodeResult(
                Outcome.STOPPED, message="made again after a resume", retryable=False
            ).as_json()
        steering = steering_at(plant, CommitSha(payload["base"]))
        node = steering.workflows[payload["workflow"]].node(payload["node"])
        job = Job(
            plant,
            steering,
            payload["issue"],
            payload["run"],
            payload["number"],
            node,
            payload["inputs"],
        )
        plant.tell(job.run, node.id, "")
        try:
            result = action_for(node)(job)
        except FactoryError as error:
            result = result_of(error)
        except FactoryStop as stop:
            result = NodeResult(Outcome.STOPPED, message=str(stop), retryable=False)
        return result.as_json()

    return act
