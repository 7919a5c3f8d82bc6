"""One tick: take in what people and the forge did, then move every issue as far as it will go.

The whole plot is on this screen. Policy lives in `decide_next`, which is pure; everything else acts
on its answer."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from harness.domain.errors import ConfigError, LedgerError
from harness.domain.lifecycle import ENDED, WAITING_FOR_A_PERSON, Event, State
from harness.factory.intake.expiry import close_what_ran_out
from harness.factory.intake.issues import take_in
from harness.factory.intake.queue import Queue, queue_of
from harness.factory.pipeline.dispatch import Dispatch
from harness.factory.pipeline.schedule import urgency
from harness.factory.pipeline.worker_pool import Crew
from harness.factory.policy_gate import ci
from harness.factory.policy_gate.policy_edits import show_consequences
from harness.factory.records.history import History, is_frozen
from harness.factory.reporting.dashboard import show_dashboard
from harness.factory.reporting.transitions import project, project_what_was_cut_off, transition
from harness.factory.run.disk_space import refuse_when_full
from harness.factory.run.effects import stop_if_told
from harness.factory.run.pause import lift_what_a_raised_cap_ends, pause_in_force, paused_issues
from harness.factory.run.policy_snapshot import Steering, steering_at
from harness.factory.run.services import Plant
from harness.factory.stages import after_landing

ON_BASE = frozenset({"validate", "merge"})  # what is good for one tip of the default branch alone
MOVES_PER_ISSUE = (
    24  # more than any honest way through the table needs; a bound, so that a tick always ends
)


@dataclass(frozen=True, slots=True)
class Next:
    """What an issue needs now: a workflow to run, or an event that needs no run."""

    workflow: str | None = None
    event: Event | None = None
    says: str = ""


def tick(
    plant: Plant,
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
    if fault := plant.known.fault(whole=whole):
        raise LedgerError(
            f"{fault.says}; nothing is done on a ledger that is not the one that was signed"
        )
    refuse_when_full(plant)
    steering = current_steering(plant)
    take_in(plant, steering, whole=whole)
    after_landing.watch(plant, steering)
    ci.take_in_answers(plant, steering)
    close_what_ran_out(plant, steering)
    lift_what_a_raised_cap_ends(plant, steering.config.caps)
    project_what_was_cut_off(plant)
    for issue in only or ():
        if plant.ledger.find(f"issue/{issue}") is None:
            raise ConfigError(
                f"there is no open issue #{issue} on the forge; `factory status` lists those that"
                " are known"
            )
    moved, queue = Counter[int](), queue_of(plant)
    with Crew(steering.config.limits.parallel, halt=dispatch.halt) as crew:
        while True:
            while crew.has_a_free_hand and (
                ready := _next_ready(plant, steering, moved, crew, queue, only=only, states=states)
            ):
                told, todo = ready
                stop_if_told(plant)
                refuse_when_full(plant)
                moved[told.issue] += 1
                if is_new_to_triage(told):
                    queue.begin(told)
                crew.start(
                    told.issue,
                    todo.workflow or "",
                    partial(_move, plant, dispatch, steering, told, todo),
                )
            if not crew.under_way:
                after_landing.watch(plant, steering)
                ci.take_back(plant)
                queue.tell(steering)
                show_consequences(plant, steering)
                if shows:
                    show_dashboard(plant, steering)
                return tuple(sorted(moved))
            crew.wait_for_one()
            steering = current_steering(plant)
            lift_what_a_raised_cap_ends(plant, steering.config.caps)


def current_steering(plant: Plant) -> Steering:
    """The law, the configuration and the workflows at today's tip of the default branch."""
    branch = plant.forge.default_branch()
    plant.repository.fetch(branch)
    base = plant.repository.tip(branch)
    plant.worktrees.prepare(base)
    return steering_at(plant, base)


def decide_next(told: History, steering: Steering) -> Next | None:
    """What an issue needs, by its state and its history alone; None while it waits for a person or
    is done."""
    limits = steering.config.limits
    if told.open_run is not None and told.has_last_steps:
        return Next(str(told.open_run.data["workflow"]))
    match told.state:
        case State.UNTRIAGED:
            return Next("triage")
        case State.ACCEPTED | State.CHANGES_REQUESTED if told.attempts >= limits.attempts:
            return Next(
                event=Event.ROUNDS_EXHAUSTED,
                says=f"{told.attempts} attempts failed, {limits.attempts} are allowed",
            )
        case State.CHANGES_REQUESTED if told.rounds > limits.rounds:
            return Next(
                event=Event.ROUNDS_EXHAUSTED,
                says=f"sent back {told.rounds} times, {limits.rounds} are allowed",
            )
        case State.ACCEPTED | State.CHANGES_REQUESTED | State.IMPLEMENTING:
            return Next("implement")
        case State.VALIDATING:
            return Next("validate")
        case State.APPROVED if ci.waits_for_checks(told):
            return None
        case State.APPROVED | State.MERGING:
            return Next("merge")
        case _:
            return None


def is_new_to_triage(told: History) -> bool:
    """Whether this would be a new look at an issue, for which it has to stand in the queue."""
    return told.state is State.UNTRIAGED and told.open_run is None


def is_unconfirmed(told: History) -> bool:
    """Whether a landing was begun and nobody could say what became of it: it is looked at once in
    each pass."""
    return told.state is State.MERGING and told.transitions[-1].data["event"] == Event.UNCONFIRMED


def may_ask_a_model(told: History, todo: Next) -> bool:
    """Whether what is to be done may need an answer of a model, so that a pause holds it up. A
    landing never does, nor what is left to do after an event."""
    has_its_event = told.has_last_steps and told.transitions[-1].data["event"] != Event.DISPATCHED
    return todo.workflow not in (None, "merge") and not has_its_event


def may_go_on(told: History) -> bool:
    """Whether it may be moved without standing in the queue."""
    return told.has_last_steps or (
        told.state not in ENDED | WAITING_FOR_A_PERSON and not is_new_to_triage(told)
    )


def _next_ready(
    plant: Plant,
    steering: Steering,
    moved: Counter[int],
    crew: Crew,
    queue: Queue,
    *,
    only: Collection[int] | None,
    states: frozenset[State] | None,
) -> tuple[History, Next] | None:
    """The next issue with something to do: what a dead factory left, then landings, then triage by
    its queue, then the rest by urgency."""

    def is_free(told: History) -> bool:
        return (
            (only is None or told.issue in only)
            and (states is None or told.state in states)
            and moved[told.issue] < MOVES_PER_ISSUE
            and told.issue not in crew.under_way
        )

    paused = pause_in_force(plant.ledger, plant.clock.now()) is not None
    waiting = paused_issues(plant.ledger, plant.clock.now())
    found = [
        (told, todo)
        for told in filter(is_free, plant.known.those(may_go_on))
        if (todo := _next_of(plant, told, steering))
        and not _must_wait(plant, told, todo, crew)
        and not (moved[told.issue] and is_unconfirmed(told))
        and not ((paused or told.issue in waiting) and may_ask_a_model(told, todo))
    ]
    new = [] if paused else list(filter(is_free, plant.known.those(is_new_to_triage)))
    if queue.has_room(steering) and (chosen := queue.next(new, steering)):
        found.append((chosen, Next("triage")))
    now, days = plant.clock.now(), steering.config.triage.aging_days
    return min(
        found,
        key=lambda item: _turn(item[0], item[1], urgency(item[0], now=now, days=days)),
        default=None,
    )


def _next_of(plant: Plant, told: History, steering: Steering) -> Next | None:
    """What an issue needs, with an eye on the others: one that may be done already is a person's to
    judge."""
    if other := plant.twins.landed_meanwhile(told):
        return Next(
            event=Event.TWIN_LANDED, says=f"#{other.issue} says much the same, and has landed since"
        )
    return decide_next(told, steering)


def _must_wait(plant: Plant, told: History, todo: Next, crew: Crew) -> bool:
    """One judgement or landing at a time, as a verdict on a base that moves meanwhile is wasted; of
    issues that are alike, one at a time. While merging is frozen what is approved stays so, and
    goes on when a person has looked."""
    on_base = todo.workflow in ON_BASE and not ON_BASE.isdisjoint(crew.under_way.values())
    if todo.workflow == "merge" and told.state is State.APPROVED and is_frozen(plant.ledger):
        return True
    return on_base or (
        todo.workflow == "implement"
        and plant.twins.waits_for(told, under_way=crew.under_way) is not None
    )


def _turn(told: History, todo: Next, urgent: int) -> tuple[bool, int, int, int]:
    return (
        told.open_run is None,
        {"merge": 0, "triage": 1}.get(todo.workflow or "", 2),
        urgent,
        told.issue,
    )


def _move(plant: Plant, dispatch: Dispatch, steering: Steering, told: History, todo: Next) -> None:
    if todo.event is not None:
        transition(
            plant,
            told.issue,
            todo.event,
            key=f"event/{told.issue}/{len(told.transitions)}",
            says=todo.says,
            rules=steering.digest,
        )
    elif todo.workflow is not None:
        dispatch.run(steering, told, todo.workflow)
    project(plant, told.issue)
