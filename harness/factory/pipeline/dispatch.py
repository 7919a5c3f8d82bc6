"""One run of one workflow for one issue: started, or resumed where a killed factory left it.

Properties:
- a run keeps the base it started with; its id, base and rules are in the ledger before its first
  node starts;
- an attempt is in the ledger before anything follows from it, and so is its event; an attempt that
  only missed the forge is not recorded;
- the engine keeps what a node did under `run/node/attempt`, so a kill never loses or doubles a
  result; only a resume opens a new generation of a run's keys, because a stopped attempt has to be
  made again."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from harness.domain.errors import FactoryError, FactoryStop, GitError, Interrupted, Stopped
from harness.domain.events import NodeEnded, RunEnded, RunStarted, Suspicion
from harness.domain.issue import CommitSha
from harness.domain.ledger import Recorded, as_of
from harness.domain.lifecycle import Event, State
from harness.domain.plain import JsonDict, JsonObject, valued
from harness.domain.workflow import NodeResult, Outcome
from harness.domain.workflow_run import Attempt, Run, RunStatus
from harness.factory.pipeline.actions import action_for
from harness.factory.records.history import History, history_of
from harness.factory.records.rule_texts import keep_rule_texts
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.disk_space import raise_if_failed_on_full_disk
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.forge_outage import is_unavailable, reopen_after_outage, result_of
from harness.factory.run.node import Job
from harness.factory.run.pause import record_pause
from harness.factory.run.policy_snapshot import PolicySnapshot, policy_at
from harness.factory.run.resumes import generation_of
from harness.factory.run.services import Services
from harness.factory.workflows.runner import OWN, OwnWorkflowRunner, own_action
from harness.log import NODE_ENDED, NODE_STARTED
from harness.ports.engine import Action, Engine
from harness.workflow import EngineExecutor, NodeCall, run

ACTION = "node"
CONCURRENCY = 2

FALLBACK_EVENTS: Mapping[str, Event] = {
    "triage": Event.TRIAGE_UNSURE,
    "implement": Event.RUN_FAILED,
    "validate": Event.INCONCLUSIVE,
    "merge": Event.GATE_REFUSED,
}
"""What it means when a run ends without an event. Unknown means no, and a person sees that no."""


def fallback_event(workflow: str, state: State, *, message: str) -> Event:
    """The event of a run that ended without one. Where a landing had begun it may have happened, so
    the next tick looks at it again."""
    if state is State.MERGING:
        return Event.UNCONFIRMED
    return Event.BUDGET_EXHAUSTED if "budget" in message else FALLBACK_EVENTS[workflow]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Runs workflows on the engine. When `halt` is set, every run stops where the ledger has it."""

    services: Services
    engine: Engine
    halt: threading.Event = field(default_factory=threading.Event)

    def own_runner(self) -> OwnWorkflowRunner:
        """What drives the project's own workflows, for one tick."""
        return OwnWorkflowRunner(self.services, self.engine, ACTION, self.heartbeat)

    def run(self, policy: PolicySnapshot, history: History, workflow: str) -> Run:
        """Drive one run to its end. A stop or a pause leaves it open, and a later tick resumes
        it."""
        started = self._open(policy, history, workflow)
        # The run keeps its own base, also where the branch has moved since.
        at = policy_at(self.services, CommitSha(started.event.base))
        name, issue = str(started.run), history.issue
        finished = _attempts(history, name)
        # A kill between an attempt and its event leaves the event to be recorded now.
        for attempt in finished:
            self._record(attempt, issue=issue, run=name, rules=at.digest)
        generation = generation_of(self.services, name)
        executor = EngineExecutor(
            self.engine,
            f"{name}@{generation}",
            lambda call: (ACTION, _payload(started, call, generation)),
        )
        # Results that decide nothing: the forge was down, or no model could be asked.
        missed: dict[str, NodeResult] = {}

        def record(attempt: Attempt) -> None:
            if is_unavailable(attempt.result):
                missed[attempt.node] = attempt.result
            else:
                missed.pop(attempt.node, None)
                self._record(attempt, issue=issue, run=name, rules=at.digest)

        ended = run(
            at.workflows[workflow],
            executor,
            concurrency=CONCURRENCY,
            finished=finished,
            record=record,
            cancelled=self.heartbeat,
        )
        # This holds for the steps after the event too: the issue has still to be closed.
        if ended.status is RunStatus.FAILED:
            if record_pause(self.services, policy.config.caps, issue, name, missed.values()):
                return ended
            reopen_after_outage(self.services, name, missed.values())
        self._close(ended, started, at.digest)
        return ended

    def _open(
        self, policy: PolicySnapshot, history: History, workflow: str
    ) -> Recorded[RunStarted]:
        """The run to drive: the one that a killed factory left, or a new one. Either way its issue
        is marked as dispatched."""
        services, left = self.services, history.open_run
        is_left_open = left is not None and left.event.workflow == workflow
        started = left if left and is_left_open else self._start(policy, history, workflow)
        waits_for_dispatch = history.state in (State.ACCEPTED, State.CHANGES_REQUESTED)
        if waits_for_dispatch and not history.has_last_steps:
            transition(
                services,
                history.issue,
                Event.DISPATCHED,
                key=f"{started.run}/dispatched",
                run=started.run,
                rules=started.event.rules,
            )
            project(services, history.issue)
        return started

    def _start(
        self, policy: PolicySnapshot, history: History, workflow: str
    ) -> Recorded[RunStarted]:
        """Record a new run, with the texts of the rules at its base."""
        number = history.runs_of(workflow) + 1
        name = f"{workflow}-{history.issue}-{number}"
        # The texts come first, so that every run in the ledger can show the rules that it ran
        # under.
        keep_rule_texts(
            self.services.ledger, policy.governance, base=policy.base, digest=policy.digest
        )
        began = self.services.ledger.append(
            RunStarted(
                workflow=workflow,
                number=number,
                base=policy.base,
                rules=policy.digest,
                anchor=self.services.ledger.anchor(name),
            ),
            f"run/{name}",
            issue=history.issue,
            run=name,
        )
        return as_of(began, RunStarted)

    def _record(self, attempt: Attempt, *, issue: int, run: str, rules: str) -> None:
        """Record the attempt, then its event: each once, whatever was killed in between."""
        result = attempt.result
        if result.outcome is Outcome.STOPPED:
            # The owner's stop is not a result: after `factory resume` the attempt is made again.
            return
        raise_if_failed_on_full_disk(
            self.services, f"{run}/{attempt.node}/{attempt.number}", result, run=run
        )
        self.services.log.write(
            NODE_ENDED,
            result.message,
            run=run,
            issue=issue,
            node=attempt.node,
            outcome=result.outcome.value,
        )
        self.services.ledger.append(
            NodeEnded(attempt.node, attempt.number, result),
            f"{run}/{attempt.node}/{attempt.number}",
            issue=issue,
            run=run,
        )
        if result.event:
            transition(
                self.services,
                issue,
                Event(result.event),
                key=f"{run}/{attempt.node}/event",
                run=run,
                reason=result.message,
                rules=rules,
                cites=tuple(result.output.get("cites") or ()),
                duplicate_of=result.output.get("duplicate_of"),
                suspicion=valued(Suspicion | None, result.output.get("suspicion")),
            )

    def _close(self, ended: Run, started: Recorded[RunStarted], rules: str) -> None:
        """Record that the run ended; where it gave no event, record the fallback. Raises Stopped
        where the owner stopped it."""
        if ended.status is RunStatus.STOPPED:
            raise Stopped(ended.message or "the run was stopped")
        issue, name, workflow = int(started.issue or 0), str(started.run), started.event.workflow
        state = history_of(self.services.ledger, issue).state
        # A run may end at MERGING with an event, but the landing has still to be confirmed.
        if state is State.MERGING or not ended.event:
            event = fallback_event(workflow, state, message=ended.message)
            transition(
                self.services,
                issue,
                event,
                key=f"{name}/undecided",
                run=name,
                reason=ended.message,
                rules=rules,
            )
        self._close_worktree(name, issue, workflow)
        self.services.ledger.append(
            RunEnded(ended.status, ended.message), f"run/{name}/ended", issue=issue, run=name
        )

    def _close_worktree(self, run: str, issue: int, workflow: str) -> None:
        """Close the run's worktree, before the run counts as ended: a kill in between closes it
        again. What an agent left is kept for a person who is asked now; `factory gc` deletes it."""
        state = history_of(self.services.ledger, issue).state
        if workflow == "implement" and state is State.NEEDS_HUMAN:
            return
        # A disk that fails is no reason to drive the run again; gc comes by.
        with suppress(GitError):
            self.services.worktrees.close(run, looked=workflow == "triage")

    def heartbeat(self) -> None:
        """Called at least once a second while a run is driven. Raises Stopped at the owner's stop,
        Interrupted once `halt` is set."""
        raise_if_stopped(self.services)
        if self.halt.is_set():
            raise Interrupted("the factory is shutting down; the next tick goes on from here")


def _payload(started: Recorded[RunStarted], call: NodeCall, generation: int) -> JsonDict:
    return {
        "issue": started.issue,
        "run": started.run,
        "number": started.event.number,
        "generation": generation,
        "workflow": started.event.workflow,
        "base": started.event.base,
        "node": call.node.id,
        "inputs": {name: dict(output) for name, output in call.inputs.items()},
    }


def _attempts(history: History, run: str) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(entry.event.node, entry.event.attempt, entry.event.result)
        for entry in history.nodes
        if entry.run == run
    )


def node_action(services: Services) -> Action:
    """What the engine calls by name, also when it recovers: it runs one node and returns its result
    as JSON. A stop becomes a result, because a `BaseException` must not leave the engine."""

    def act(payload: JsonObject) -> JsonObject:
        if OWN in payload:
            return own_action(services, payload)
        # The engine recovers a call of an older generation, and the resumed run makes it anew.
        if payload["generation"] != generation_of(services, payload["run"]):
            message = "made again after a resume"
            return NodeResult(Outcome.STOPPED, message=message, retryable=False).as_json()
        policy = policy_at(services, CommitSha(payload["base"]))
        node = policy.workflows[payload["workflow"]].node(payload["node"])
        job = Job(
            services,
            policy,
            payload["issue"],
            payload["run"],
            payload["number"],
            node,
            payload["inputs"],
        )
        services.log.write(NODE_STARTED, run=job.run, issue=job.issue, node=node.id)
        try:
            result = action_for(node)(job)
        except FactoryError as error:
            result = result_of(error)
        except FactoryStop as stop:
            result = NodeResult(Outcome.STOPPED, message=str(stop), retryable=False)
        return result.as_json()

    return act
