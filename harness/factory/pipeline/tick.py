"""One tick: take in what people and the forge did, then move every issue as far as it will go.

The whole plot is on this screen. Policy lives in `decide_next`, which is pure; everything else acts
on its answer."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from harness.domain.errors import ConfigError, LedgerError
from harness.domain.lifecycle import ENDED, WAITING_FOR_A_PERSON, Event, State
from harness.factory.intake.expiry import close_expired_issues
from harness.factory.intake.issues import sync_issues
from harness.factory.intake.queue import Queue, queue_of
from harness.factory.pipeline.dispatch import Dispatch
from harness.factory.pipeline.schedule import urgency
from harness.factory.pipeline.worker_pool import WorkerPool
from harness.factory.policy_gate import ci
from harness.factory.policy_gate.policy_edits import show_edit_effects
from harness.factory.records.history import History, is_frozen
from harness.factory.reporting.dashboard import show_dashboard
from harness.factory.reporting.transitions import finish_projections, project, transition
from harness.factory.run.disk_space import raise_if_disk_full
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.pause import lift_pauses_below_raised_caps, pause_in_force, paused_issues
from harness.factory.run.policy_snapshot import PolicySnapshot, policy_at
from harness.factory.run.services import Services
from harness.factory.stages import after_landing

ON_BASE = frozenset({"validate", "merge"})  # what is good for one tip of the default branch alone
# more than any honest way through the table needs; a bound, so that a tick always ends
MOVES_PER_ISSUE = 24


@dataclass(frozen=True, slots=True)
class Next:
    """What an issue needs now: a workflow to run, or an event that needs no run."""

    workflow: str | None = None
    event: Event | None = None
    says: str = ""


def tick(
    services: Services,
    dispatch: Dispatch,
    *,
    only: Collection[int] | None = None,
    states: frozenset[State] | None = None,
    whole: bool = False,
    shows: bool = False,
) -> tuple[int, ...]:
    """Run until nothing is ready; with `only` or `states`, nothing that is elsewhere. Returns the
    issues that moved.

    A process that ticks again reads what is new since, of the ledger and of the forge; with
    `whole`, all of both. With `shows` the dashboard says afterwards how things stand."""
    if fault := services.issue_index.fault(whole=whole):
        raise LedgerError(
            f"{fault.says}; nothing is done on a ledger that is not the one that was signed"
        )
    raise_if_disk_full(services)
    policy = current_policy(services)
    sync_issues(services, policy, whole=whole)
    after_landing.watch(services, policy)
    ci.record_check_answers(services, policy)
    close_expired_issues(services, policy)
    lift_pauses_below_raised_caps(services, policy.config.caps)
    finish_projections(services)
    for issue in only or ():
        if services.ledger.find(f"issue/{issue}") is None:
            raise ConfigError(
                f"there is no open issue #{issue} on the forge; `factory status` lists those that"
                " are known"
            )
    moved, queue = Counter[int](), queue_of(services)
    with WorkerPool(policy.config.limits.parallel, halt=dispatch.halt) as worker_pool:
        while True:
            while worker_pool.has_free_worker and (
                ready := _next_ready(
                    services, policy, moved, worker_pool, queue, only=only, states=states
                )
            ):
                history, todo = ready
                raise_if_stopped(services)
                raise_if_disk_full(services)
                moved[history.issue] += 1
                if is_new_to_triage(history):
                    queue.begin(history)
                worker_pool.start(
                    history.issue,
                    todo.workflow or "",
                    partial(_move, services, dispatch, policy, history, todo),
                )
            if not worker_pool.under_way:
                after_landing.watch(services, policy)
                ci.remove_candidates(services)
                queue.tell(policy)
                show_edit_effects(services, policy)
                if shows:
                    show_dashboard(services, policy)
                return tuple(sorted(moved))
            worker_pool.wait_for_one()
            policy = current_policy(services)
            lift_pauses_below_raised_caps(services, policy.config.caps)


def current_policy(services: Services) -> PolicySnapshot:
    """The law, the configuration and the workflows at today's tip of the default branch."""
    branch = services.forge.default_branch()
    services.repository.fetch(branch)
    base = services.repository.tip(branch)
    services.worktrees.prepare(base)
    return policy_at(services, base)


def decide_next(history: History, policy: PolicySnapshot) -> Next | None:
    """What an issue needs, by its state and its history alone; None while it waits for a person or
    is done."""
    limits = policy.config.limits
    if history.open_run is not None and history.has_last_steps:
        return Next(history.open_run.event.workflow)
    match history.state:
        case State.UNTRIAGED:
            return Next("triage")
        case State.ACCEPTED | State.CHANGES_REQUESTED if history.attempts >= limits.attempts:
            return Next(
                event=Event.ROUNDS_EXHAUSTED,
                says=f"{history.attempts} attempts failed, {limits.attempts} are allowed",
            )
        case State.CHANGES_REQUESTED if history.rounds > limits.rounds:
            return Next(
                event=Event.ROUNDS_EXHAUSTED,
                says=f"sent back {history.rounds} times, {limits.rounds} are allowed",
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
    """Whether this would be a new look at an issue, for which it has to stand in the queue."""
    return history.state is State.UNTRIAGED and history.open_run is None


def is_unconfirmed(history: History) -> bool:
    """Whether a landing was begun and nobody could say what became of it: it is looked at once in
    each pass."""
    return history.state is State.MERGING and history.last_event is Event.UNCONFIRMED


def may_ask_a_model(history: History, todo: Next) -> bool:
    """Whether what is to be done may need an answer of a model, so that a pause holds it up. A
    landing never does, nor what is left to do after an event."""
    has_its_event = history.has_last_steps and history.last_event is not Event.DISPATCHED
    return todo.workflow not in (None, "merge") and not has_its_event


def may_go_on(history: History) -> bool:
    """Whether it may be moved without standing in the queue."""
    return history.has_last_steps or (
        history.state not in ENDED | WAITING_FOR_A_PERSON and not is_new_to_triage(history)
    )


def _next_ready(
    services: Services,
    policy: PolicySnapshot,
    moved: Counter[int],
    worker_pool: WorkerPool,
    queue: Queue,
    *,
    only: Collection[int] | None,
    states: frozenset[State] | None,
) -> tuple[History, Next] | None:
    """The next issue with something to do: what a dead factory left, then landings, then triage by
    its queue, then the rest by urgency."""

    def is_free(history: History) -> bool:
        return (
            (only is None or history.issue in only)
            and (states is None or history.state in states)
            and moved[history.issue] < MOVES_PER_ISSUE
            and history.issue not in worker_pool.under_way
        )

    paused = pause_in_force(services.ledger, services.clock.now()) is not None
    waiting = paused_issues(services.ledger, services.clock.now())
    found = [
        (history, todo)
        for history in filter(is_free, services.issue_index.filter(may_go_on))
        if (todo := _next_of(services, history, policy))
        and not _must_wait(services, history, todo, worker_pool)
        and not (moved[history.issue] and is_unconfirmed(history))
        and not ((paused or history.issue in waiting) and may_ask_a_model(history, todo))
    ]
    new = [] if paused else list(filter(is_free, services.issue_index.filter(is_new_to_triage)))
    if queue.has_room(policy) and (chosen := queue.next(new, policy)):
        found.append((chosen, Next("triage")))
    now, days = services.clock.now(), policy.config.triage.aging_days
    return min(
        found,
        key=lambda item: _turn(item[0], item[1], urgency(item[0], now=now, days=days)),
        default=None,
    )


def _next_of(services: Services, history: History, policy: PolicySnapshot) -> Next | None:
    """What an issue needs, with an eye on the others: one that may be done already is a person's to
    judge."""
    if other := services.similar_issues.landed_meanwhile(history):
        return Next(
            event=Event.TWIN_LANDED, says=f"#{other.issue} says much the same, and has landed since"
        )
    return decide_next(history, policy)


def _must_wait(services: Services, history: History, todo: Next, worker_pool: WorkerPool) -> bool:
    """One judgement or landing at a time, as a verdict on a base that moves meanwhile is wasted; of
    issues that are alike, one at a time. While merging is frozen what is approved stays so, and
    goes on when a person has looked."""
    on_base = todo.workflow in ON_BASE and not ON_BASE.isdisjoint(worker_pool.under_way.values())
    if todo.workflow == "merge" and history.state is State.APPROVED and is_frozen(services.ledger):
        return True
    return on_base or (
        todo.workflow == "implement"
        and services.similar_issues.waits_for(history, under_way=worker_pool.under_way) is not None
    )


def _turn(history: History, todo: Next, urgent: int) -> tuple[bool, int, int, int]:
    return (
        history.open_run is None,
        {"merge": 0, "triage": 1}.get(todo.workflow or "", 2),
        urgent,
        history.issue,
    )


def _move(
    services: Services, dispatch: Dispatch, policy: PolicySnapshot, history: History, todo: Next
) -> None:
    if todo.event is not None:
        transition(
            services,
            history.issue,
            todo.event,
            key=f"event/{history.issue}/{len(history.transitions)}",
            reason=todo.says,
            rules=policy.digest,
        )
    elif todo.workflow is not None:
        dispatch.run(policy, history, todo.workflow)
    project(services, history.issue)
