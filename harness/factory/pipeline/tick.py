"""One tick: read what people and the forge did since, then move every issue as far as it will go.

`tick` is the whole plot. `decide_next` holds the policy and is pure; everything else acts on its
answer."""

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from harness.domain.errors import ConfigError, ForgeError, LedgerError, Stopped
from harness.domain.lifecycle import ENDED, WAITING_FOR_A_PERSON, Event, State
from harness.factory.intake.error_issues import file_error_issues, trace_error_issues
from harness.factory.intake.expiry import close_expired_issues
from harness.factory.intake.issues import sync_issues
from harness.factory.intake.queue import Queue, queue_of
from harness.factory.pipeline.dispatch import Dispatch
from harness.factory.pipeline.schedule import urgency
from harness.factory.pipeline.worker_pool import WorkerPool
from harness.factory.policy_gate import ci
from harness.factory.policy_gate.policy_edits import show_edit_effects
from harness.factory.records.history import History
from harness.factory.releases.advance import advance, finish_rollback
from harness.factory.releases.meanwhile import release_watched
from harness.factory.reporting.dashboard import show_dashboard
from harness.factory.reporting.transitions import finish_projections, project, transition
from harness.factory.run.disk_space import raise_if_disk_full
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.pause import lift_pauses_below_raised_caps, pause_in_force, paused_issues
from harness.factory.run.policy_snapshot import PolicySnapshot, policy_at
from harness.factory.run.services import Services
from harness.factory.stages import after_landing
from harness.factory.stages.merge import is_held
from harness.factory.watch.following import follow_landings
from harness.factory.watch.tip import finish_answers, watch_tip
from harness.factory.workflows.runner import OwnWorkflowRunner
from harness.factory.workflows.start import begin_due

# A verdict holds for one tip of the default branch, so these two run for one issue at a time.
ON_BASE = frozenset({"validate", "merge"})

# No honest way through the lifecycle needs more moves. The bound makes sure that a tick ends.
MOVES_PER_ISSUE = 24


@dataclass(frozen=True, slots=True)
class Next:
    """What an issue needs now: a workflow to run, or an event that needs no run, with its
    reason."""

    workflow: str | None = None
    event: Event | None = None
    reason: str = ""


def tick(
    services: Services,
    dispatch: Dispatch,
    *,
    only: Collection[int] | None = None,
    states: frozenset[State] | None = None,
    whole: bool = False,
    shows: bool = False,
    hours: Mapping[str, datetime] | None = None,
) -> tuple[int, ...]:
    """Run until no issue is ready. Return the numbers of the issues that moved.

    `only` and `states` limit which issues may move. A process that ticks again reads only what is
    new in the ledger and on the forge; `whole` makes it read all of both. `shows` updates the
    dashboard issue at the end. Without a limit, or with `hours`, the project's own workflows run
    too: those that were asked for or are under way, and those whose hour came; and what has landed
    is watched.

    Raises LedgerError where the ledger is not what was signed, PortError where the disk is full,
    ConfigError where `only` names an unknown issue, Stopped at the owner's stop."""
    _check_ledger(services, whole=whole)
    # Before all else, and before the owner's stop: half a rollback is worse than all of it.
    finish_rollback(services)
    raise_if_disk_full(services)
    policy = current_policy(services)
    _take_in(services, policy, whole=whole)
    _check_known(services, only or ())
    # A daemon names the states of each tick, and gives `hours`, if only none.
    is_unlimited = only is None and (states is None or hours is not None)
    if is_unlimited:
        begin_due(services, policy, hours or {})
    moves = _Moves(
        services,
        dispatch,
        queue_of(services),
        only,
        states,
        shows=shows,
        own=dispatch.own_runner() if is_unlimited else None,
    )
    policy = moves.make_all(policy)
    after_landing.watch(services, policy)
    if is_unlimited:
        _watch_what_landed(services, policy)
    ci.remove_candidates(services)
    moves.queue.notify_waiting(policy)
    show_edit_effects(services, policy)
    if shows:
        show_dashboard(services, policy)
    return tuple(sorted(moves.made))


def drive_own_runs(services: Services, dispatch: Dispatch) -> None:
    """Run the project's own workflows that were asked for or are under way, and no issue. Raises
    as `tick` does."""
    _check_ledger(services, whole=False)
    raise_if_disk_full(services)
    policy = current_policy(services)
    begin_due(services, policy, {})
    own = dispatch.own_runner()
    moves = _Moves(services, dispatch, queue_of(services), only=(), states=None, own=own)
    moves.make_all(policy)


def _take_in(services: Services, policy: PolicySnapshot, *, whole: bool) -> None:
    """Record what people, the forge and the running app did since, and finish what a killed
    factory left half done."""
    file_error_issues(services, policy)
    sync_issues(services, policy, whole=whole)
    trace_error_issues(services)
    after_landing.watch(services, policy)
    ci.record_check_answers(services, policy)
    close_expired_issues(services, policy)
    lift_pauses_below_raised_caps(services, policy.config.caps)
    finish_projections(services)
    # Before anything is built: the mend of a killed watch's answer is judged by what is red.
    finish_answers(services, policy)


def _watch_what_landed(services: Services, policy: PolicySnapshot) -> None:
    with release_watched(services):
        follow_landings(services, policy)
        watch_tip(services, policy)
    advance(services, policy)


def _check_ledger(services: Services, *, whole: bool) -> None:
    if fault := services.issue_index.fault(whole=whole):
        raise LedgerError(
            f"{fault.message}; the factory does not run on a ledger whose signature does not match"
        )


def _check_known(services: Services, only: Collection[int]) -> None:
    for issue in only:
        if services.ledger.find(f"issue/{issue}") is None:
            raise ConfigError(
                f"there is no open issue #{issue} on the forge; `factory status` lists the known"
                " ones"
            )


def current_policy(services: Services) -> PolicySnapshot:
    """The governance, configuration and workflows at the default branch's tip, fetched now."""
    branch = services.forge.default_branch()
    base = services.repository.latest(branch)
    services.worktrees.prepare(base)
    return policy_at(services, base)


def decide_next(history: History, policy: PolicySnapshot) -> Next | None:
    """What an issue needs, by its state and history alone. None while it waits for a person or is
    done."""
    limits = policy.config.limits
    # A run that recorded its event may still have steps to do, such as closing the issue.
    if history.open_run is not None and history.has_last_steps:
        return Next(history.open_run.event.workflow)
    match history.state:
        case State.UNTRIAGED:
            return Next("triage")
        # By way of a landing that was taken up again, or a ledger of an older version.
        case State.ACCEPTED | State.CHANGES_REQUESTED if history.specification is None:
            return Next(
                event=Event.TRIAGE_AGAIN,
                reason="triage has decided nothing about its text, and nothing is built"
                " without that",
            )
        case State.ACCEPTED | State.CHANGES_REQUESTED if history.attempts >= limits.attempts:
            return Next(
                event=Event.ROUNDS_EXHAUSTED,
                reason=f"{history.attempts} attempts failed, {limits.attempts} are allowed",
            )
        case State.ACCEPTED | State.CHANGES_REQUESTED if history.fix_runs >= (
            most := policy.config.watch.fix_runs
        ):
            return Next(
                event=Event.ROUNDS_EXHAUSTED,
                reason=f"{history.fix_runs} runs did not mend what its landing broke, {most} may",
            )
        # What people and the project's checks ask for is bounded where it is asked.
        case State.CHANGES_REQUESTED if (
            history.rounds > limits.rounds
            and history.last_event not in (Event.REVISED, Event.CHECKS_FAILED, Event.LOW_CONFIDENCE)
        ):
            return Next(
                event=Event.ROUNDS_EXHAUSTED,
                reason=f"sent back {history.rounds} times, {limits.rounds} are allowed",
            )
        case State.ACCEPTED | State.CHANGES_REQUESTED | State.IMPLEMENTING:
            return Next("implement")
        case State.VALIDATING:
            return Next("validate")
        case State.APPROVED if ci.waits_for_checks(history):
            return None
        case State.APPROVED | State.MERGING:
            return Next("merge")
        case _:
            return None


def is_new_to_triage(history: History) -> bool:
    """Whether a new triage would begin, so that the issue has to stand in the queue."""
    return history.state is State.UNTRIAGED and history.open_run is None


def is_unconfirmed(history: History) -> bool:
    """Whether a landing began and nobody could confirm it. Each tick looks at it once more."""
    return history.state is State.MERGING and history.last_event is Event.UNCONFIRMED


def may_ask_a_model(history: History, todo: Next) -> bool:
    """Whether the step may ask a model, so that a pause delays it. A landing never does, nor do the
    steps of a run after its event."""
    has_its_event = history.has_last_steps and history.last_event is not Event.DISPATCHED
    return todo.workflow not in (None, "merge") and not has_its_event


def may_go_on(history: History) -> bool:
    """Whether the issue may move without standing in the queue."""
    return history.has_last_steps or (
        history.state not in ENDED | WAITING_FOR_A_PERSON and not is_new_to_triage(history)
    )


@dataclass(frozen=True, slots=True)
class _Moves:
    """The moves of one tick. `made` counts them by issue."""

    services: Services
    dispatch: Dispatch
    queue: Queue
    only: Collection[int] | None
    states: frozenset[State] | None
    shows: bool = False
    own: OwnWorkflowRunner | None = None
    made: Counter[int] = field(default_factory=Counter)

    def make_all(self, policy: PolicySnapshot) -> PolicySnapshot:
        """Move issues until none is ready. Return the policy that is in force then."""
        with WorkerPool(policy.config.limits.parallel, halt=self.dispatch.halt) as pool:
            while True:
                while pool.has_free_worker and (ready := self._next_ready(policy, pool)):
                    self._start(pool, policy, *ready)
                # Issues first: a workflow of the project's own may take long.
                while pool.has_free_worker and self._start_own_run(pool):
                    continue
                if pool.is_idle:
                    return policy
                pool.wait_for_one(partial(self._keep_watch, policy))
                # A landing moves the branch, and with it the policy for every later step.
                policy = current_policy(self.services)
                lift_pauses_below_raised_caps(self.services, policy.config.caps)

    def _start_own_run(self, pool: WorkerPool) -> bool:
        name = self.own.next_run(pool.runs_under_way) if self.own else None
        if self.own is None or name is None:
            return False
        raise_if_stopped(self.services)
        raise_if_disk_full(self.services)
        pool.start(None, name, partial(self.own.drive, name))
        return True

    def _keep_watch(self, policy: PolicySnapshot) -> None:
        """A step may take an hour: a release that turns red meanwhile is taken back, and an old
        dashboard looks like a dead factory's."""
        if self.own is not None:
            with suppress(ForgeError, Stopped):
                advance(self.services, policy, begins=False)
        if self.shows and self.services.signs.is_dashboard_due():
            # What stops it here stops the step as well, which then raises it.
            with suppress(ForgeError, Stopped):
                show_dashboard(self.services, policy)

    def _start(
        self, pool: WorkerPool, policy: PolicySnapshot, history: History, todo: Next
    ) -> None:
        raise_if_stopped(self.services)
        raise_if_disk_full(self.services)
        self.made[history.issue] += 1
        if is_new_to_triage(history):
            self.queue.begin(history)
        move = partial(_move, self.services, self.dispatch, policy, history, todo)
        pool.start(history.issue, todo.workflow or "", move)

    def _next_ready(self, policy: PolicySnapshot, pool: WorkerPool) -> tuple[History, Next] | None:
        """The issue to move next and its step: first what a killed factory left open, then
        landings, then triage in the queue's order, then the rest by urgency."""
        services, now = self.services, self.services.clock.now()
        paused = pause_in_force(services.ledger, now) is not None
        paused_alone = paused_issues(services.ledger, now)
        index = services.issue_index
        ready = [
            (history, todo)
            for history in index.filter(may_go_on)
            if self._is_free(history, pool)
            and (todo := _next_of(services, history, policy))
            and not _must_wait(services, history, todo, pool)
            # A landing that nobody can confirm would be looked at again and again in one tick.
            and not (self.made[history.issue] and is_unconfirmed(history))
            and not ((paused or history.issue in paused_alone) and may_ask_a_model(history, todo))
        ]
        if not paused and self.queue.has_room(policy):
            new = [one for one in index.filter(is_new_to_triage) if self._is_free(one, pool)]
            if chosen := self.queue.next(new, policy):
                ready.append((chosen, Next("triage")))
        days = policy.config.triage.aging_days
        return min(
            ready,
            key=lambda step: _order(*step, urgency=urgency(step[0], now=now, days=days)),
            default=None,
        )

    def _is_free(self, history: History, pool: WorkerPool) -> bool:
        return (
            (self.only is None or history.issue in self.only)
            and (self.states is None or history.state in self.states)
            and self.made[history.issue] < MOVES_PER_ISSUE
            and history.issue not in pool.under_way
        )


def _next_of(services: Services, history: History, policy: PolicySnapshot) -> Next | None:
    """What an issue needs, in view of the others: where a similar one has landed since, this one
    may be done already, and a person decides."""
    if other := services.similar_issues.landed_meanwhile(history):
        reason = f"#{other.issue} asks for much the same, and has landed since"
        return Next(event=Event.DUPLICATE_LANDED, reason=reason)
    return decide_next(history, policy)


def _must_wait(services: Services, history: History, todo: Next, pool: WorkerPool) -> bool:
    """Whether another issue, or a freeze, holds this step back."""
    # While merging is frozen, an approved issue stays approved until a person lifts the freeze, or
    # until what is broken there works again.
    if todo.workflow == "merge" and history.state is State.APPROVED and is_held(services, history):
        return True
    # A verdict on a base that moves meanwhile is wasted, so one issue at a time is judged or lands.
    if todo.workflow in ON_BASE and not ON_BASE.isdisjoint(pool.under_way.values()):
        return True
    similar = services.similar_issues
    return (
        todo.workflow == "implement"
        and similar.waits_for(history, under_way=pool.under_way) is not None
    )


def _order(history: History, todo: Next, *, urgency: int) -> tuple[bool, int, int, int]:
    """The sort key of a step, the smallest first."""
    by_workflow = {"merge": 0, "triage": 1}.get(todo.workflow or "", 2)
    return history.open_run is None, by_workflow, urgency, history.issue


def _move(
    services: Services, dispatch: Dispatch, policy: PolicySnapshot, history: History, todo: Next
) -> None:
    """One step of one issue, and then its projection on the forge."""
    if todo.event is not None:
        transition(
            services,
            history.issue,
            todo.event,
            key=f"event/{history.issue}/{len(history.transitions)}",
            reason=todo.reason,
            rules=policy.digest,
        )
    elif todo.workflow is not None:
        dispatch.run(policy, history, todo.workflow)
    project(services, history.issue)
