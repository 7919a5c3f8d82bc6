"""An issue's life: one table of (state, event) → state, and nothing else.

Read it aloud: what is not in the table cannot happen. The page docs/lifecycle.md is generated from
it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from harness.domain.errors import IllegalTransition


class State(StrEnum):
    """Where an issue stands. The value is what the ledger and the labels say."""

    UNTRIAGED = "untriaged"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NEEDS_INFO = "needs-info"
    NEEDS_HUMAN = "needs-human"
    IMPLEMENTING = "implementing"
    VALIDATING = "validating"
    CHANGES_REQUESTED = "changes-requested"
    APPROVED = "approved"
    MERGING = "merging"
    MERGED = "merged"
    PAUSED = "paused"


class Event(StrEnum):
    """What may happen to an issue. A stranger's words are never an event; an API fact is."""

    TRIAGE_ACCEPTED = "triage-accepted"
    TRIAGE_REJECTED = "triage-rejected"
    TRIAGE_NEEDS_INFO = "triage-needs-info"
    TRIAGE_DUPLICATE = "triage-duplicate"
    TRIAGE_UNSURE = "triage-unsure"
    ISSUE_EDITED = "issue-edited"
    TRIAGE_AGAIN = "triage-again"
    APPEALED = "appealed"
    RETRIED = "retried"
    REVISED = "revised"
    APPROVED_BY_PERSON = "approved-by-person"
    CLOSED_BY_PERSON = "closed-by-person"
    AUTHOR_REPLIED = "author-replied"
    NO_REPLY = "no-reply"
    DUPLICATE_LANDED = "twin-landed"
    DISPATCHED = "dispatched"
    CHANGE_READY = "change-ready"
    RUN_FAILED = "run-failed"
    POLICY_REFUSED = "law-refused"
    ATTACK_SUSPECTED = "attack-suspected"
    SPLIT = "split"
    CANNOT_DO = "cannot-do"
    BUDGET_EXHAUSTED = "budget-exhausted"
    VERDICT_PASSED = "verdict-passed"
    CHANGES_REQUESTED = "changes-requested"
    MERGE_CONFLICT = "merge-conflict"
    VERDICT_REJECTED = "verdict-rejected"
    JUDGE_AGAIN = "judge-again"
    INCONCLUSIVE = "inconclusive"
    HANDED_OVER = "handed-over"
    LANDED_BY_PERSON = "landed-by-person"
    HEAD_OR_BASE_MOVED = "head-or-base-moved"
    ROUNDS_EXHAUSTED = "rounds-exhausted"
    GATES_OPEN = "gates-open"
    GATE_REFUSED = "gate-refused"
    CHECKS_AWAITED = "checks-awaited"
    CHECKS_FAILED = "checks-failed"
    LOW_CONFIDENCE = "low-confidence"
    LANDED = "landed"
    LANDED_TREE_DIFFERS = "landed-tree-differs"
    REFUSED = "refused"
    FORGE_REFUSED = "forge-refused"
    UNCONFIRMED = "unconfirmed"
    REGRESSED = "regressed"
    ERROR_RETURNED = "error-returned"
    REVERTED = "reverted"
    OWNER_HOLD = "owner-hold"
    RESUMED = "resumed"


_S, _E = State, Event

TABLE: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (_S.UNTRIAGED, _E.TRIAGE_ACCEPTED): _S.ACCEPTED,
        (_S.UNTRIAGED, _E.TRIAGE_REJECTED): _S.REJECTED,
        (_S.UNTRIAGED, _E.TRIAGE_NEEDS_INFO): _S.NEEDS_INFO,
        (_S.UNTRIAGED, _E.TRIAGE_DUPLICATE): _S.REJECTED,
        (_S.UNTRIAGED, _E.TRIAGE_UNSURE): _S.NEEDS_HUMAN,
        (_S.UNTRIAGED, _E.RUN_FAILED): _S.NEEDS_HUMAN,
        (_S.UNTRIAGED, _E.BUDGET_EXHAUSTED): _S.NEEDS_HUMAN,
        (_S.UNTRIAGED, _E.CLOSED_BY_PERSON): _S.REJECTED,
        (_S.ACCEPTED, _E.ISSUE_EDITED): _S.UNTRIAGED,
        (_S.ACCEPTED, _E.TRIAGE_AGAIN): _S.UNTRIAGED,
        (_S.ACCEPTED, _E.DISPATCHED): _S.IMPLEMENTING,
        (_S.ACCEPTED, _E.ROUNDS_EXHAUSTED): _S.NEEDS_HUMAN,
        (_S.ACCEPTED, _E.CLOSED_BY_PERSON): _S.REJECTED,
        (_S.ACCEPTED, _E.DUPLICATE_LANDED): _S.NEEDS_HUMAN,
        (_S.REJECTED, _E.APPEALED): _S.UNTRIAGED,
        (_S.REJECTED, _E.AUTHOR_REPLIED): _S.UNTRIAGED,
        (_S.NEEDS_HUMAN, _E.RETRIED): _S.ACCEPTED,
        (_S.NEEDS_HUMAN, _E.TRIAGE_AGAIN): _S.UNTRIAGED,
        (_S.NEEDS_HUMAN, _E.REVISED): _S.CHANGES_REQUESTED,
        (_S.NEEDS_HUMAN, _E.APPROVED_BY_PERSON): _S.VALIDATING,
        (_S.NEEDS_HUMAN, _E.LANDED_BY_PERSON): _S.MERGED,
        (_S.NEEDS_HUMAN, _E.CLOSED_BY_PERSON): _S.REJECTED,
        (_S.NEEDS_INFO, _E.AUTHOR_REPLIED): _S.UNTRIAGED,
        (_S.NEEDS_INFO, _E.ISSUE_EDITED): _S.UNTRIAGED,
        (_S.NEEDS_INFO, _E.NO_REPLY): _S.REJECTED,
        (_S.NEEDS_INFO, _E.CLOSED_BY_PERSON): _S.REJECTED,
        (_S.IMPLEMENTING, _E.CHANGE_READY): _S.VALIDATING,
        (_S.IMPLEMENTING, _E.RUN_FAILED): _S.ACCEPTED,
        (_S.IMPLEMENTING, _E.POLICY_REFUSED): _S.NEEDS_HUMAN,
        (_S.IMPLEMENTING, _E.ATTACK_SUSPECTED): _S.NEEDS_HUMAN,
        (_S.IMPLEMENTING, _E.SPLIT): _S.NEEDS_HUMAN,
        (_S.IMPLEMENTING, _E.CANNOT_DO): _S.NEEDS_HUMAN,
        (_S.IMPLEMENTING, _E.BUDGET_EXHAUSTED): _S.NEEDS_HUMAN,
        (_S.IMPLEMENTING, _E.ISSUE_EDITED): _S.UNTRIAGED,
        (_S.IMPLEMENTING, _E.CLOSED_BY_PERSON): _S.REJECTED,
        (_S.VALIDATING, _E.VERDICT_PASSED): _S.APPROVED,
        (_S.VALIDATING, _E.CHANGES_REQUESTED): _S.CHANGES_REQUESTED,
        (_S.VALIDATING, _E.MERGE_CONFLICT): _S.CHANGES_REQUESTED,
        (_S.VALIDATING, _E.REVISED): _S.CHANGES_REQUESTED,
        (_S.VALIDATING, _E.VERDICT_REJECTED): _S.REJECTED,
        (_S.VALIDATING, _E.JUDGE_AGAIN): _S.VALIDATING,
        (_S.VALIDATING, _E.INCONCLUSIVE): _S.NEEDS_HUMAN,
        (_S.VALIDATING, _E.HANDED_OVER): _S.NEEDS_HUMAN,
        (_S.VALIDATING, _E.HEAD_OR_BASE_MOVED): _S.VALIDATING,
        (_S.VALIDATING, _E.POLICY_REFUSED): _S.NEEDS_HUMAN,
        (_S.VALIDATING, _E.ATTACK_SUSPECTED): _S.NEEDS_HUMAN,
        (_S.VALIDATING, _E.BUDGET_EXHAUSTED): _S.NEEDS_HUMAN,
        (_S.VALIDATING, _E.ISSUE_EDITED): _S.UNTRIAGED,
        (_S.VALIDATING, _E.CLOSED_BY_PERSON): _S.REJECTED,
        (_S.CHANGES_REQUESTED, _E.DISPATCHED): _S.IMPLEMENTING,
        (_S.CHANGES_REQUESTED, _E.ROUNDS_EXHAUSTED): _S.NEEDS_HUMAN,
        (_S.CHANGES_REQUESTED, _E.ISSUE_EDITED): _S.UNTRIAGED,
        (_S.CHANGES_REQUESTED, _E.TRIAGE_AGAIN): _S.UNTRIAGED,
        (_S.CHANGES_REQUESTED, _E.CLOSED_BY_PERSON): _S.REJECTED,
        (_S.APPROVED, _E.GATES_OPEN): _S.MERGING,
        (_S.APPROVED, _E.GATE_REFUSED): _S.NEEDS_HUMAN,
        (_S.APPROVED, _E.CHECKS_AWAITED): _S.APPROVED,
        (_S.APPROVED, _E.CHECKS_FAILED): _S.CHANGES_REQUESTED,
        (_S.APPROVED, _E.LOW_CONFIDENCE): _S.CHANGES_REQUESTED,
        (_S.APPROVED, _E.REVISED): _S.CHANGES_REQUESTED,
        (_S.APPROVED, _E.HEAD_OR_BASE_MOVED): _S.VALIDATING,
        (_S.APPROVED, _E.ISSUE_EDITED): _S.UNTRIAGED,
        (_S.APPROVED, _E.CLOSED_BY_PERSON): _S.REJECTED,
        (_S.MERGING, _E.LANDED): _S.MERGED,
        (_S.MERGING, _E.LANDED_TREE_DIFFERS): _S.NEEDS_HUMAN,
        (_S.MERGING, _E.REFUSED): _S.VALIDATING,
        (_S.MERGING, _E.FORGE_REFUSED): _S.NEEDS_HUMAN,
        (_S.MERGING, _E.UNCONFIRMED): _S.MERGING,
        (_S.MERGED, _E.REGRESSED): _S.ACCEPTED,
        (_S.MERGED, _E.ERROR_RETURNED): _S.UNTRIAGED,
        (_S.MERGED, _E.REVERTED): _S.NEEDS_HUMAN,
    }
)

ENDED: frozenset[State] = frozenset({State.MERGED, State.REJECTED})
WAITING_FOR_A_PERSON: frozenset[State] = frozenset(
    {State.NEEDS_HUMAN, State.NEEDS_INFO, State.PAUSED}
)
HOLDABLE: frozenset[State] = frozenset(State) - ENDED - {State.PAUSED, State.MERGING}
"""A merge that has begun is finished before a hold takes effect: half a merge is worse than one
more."""


def next_state(state: State, event: Event) -> State:
    """The state after `event`. Raises IllegalTransition, naming both and what would have been
    allowed."""
    # A hold is not in the table: it would double every state.
    if event is Event.OWNER_HOLD and state in HOLDABLE:
        return State.PAUSED
    found = TABLE.get((state, event))
    if found is None:
        allowed = ", ".join(sorted(events_from(state))) or "nothing"
        raise IllegalTransition(
            f"an issue that is {state} cannot take {event}; from there: {allowed}"
        )
    return found


def events_from(state: State) -> frozenset[Event]:
    """Every event the table knows for `state`."""
    hold = {Event.OWNER_HOLD} if state in HOLDABLE else set()
    back = {Event.RESUMED} if state is State.PAUSED else set()
    return frozenset({event for (known, event) in TABLE if known is state} | hold | back)


def fold(events: Iterable[Event], start: State = State.UNTRIAGED) -> State:
    """The state that a whole history leads to. A hold is a bracket: what was held is what comes
    back."""
    state = held = start
    for event in events:
        # What a hold interrupts is remembered until the next event.
        state, held = state_after(state, event, held=held), state
    return state


def state_after(state: State, event: Event, *, held: State) -> State:
    """The state after an event; `held` is the one before, which comes back when a hold is lifted.
    Raises IllegalTransition."""
    is_back = event is Event.RESUMED and state is State.PAUSED
    return held if is_back else next_state(state, event)


def page() -> str:
    """docs/lifecycle.md, whole. A test compares the file with this."""
    events: dict[tuple[State, State], list[Event]] = {}
    for (state, event), there in TABLE.items():
        events.setdefault((state, there), []).append(event)
    ways: dict[State, list[str]] = {}
    for (state, there), found in events.items():
        ways.setdefault(state, []).append(f"{there}: {', '.join(found)}")
    rows = [f"| {state} | {'; '.join(found)} |" for state, found in ways.items()]
    return "\n".join(
        (
            "# An issue's life",
            "",
            (
                "Generated from `harness/domain/lifecycle.py` by `make docs`; what is not in this"
                " table cannot happen."
            ),
            "",
            "| state | next state: events that lead there |",
            "|---|---|",
            *rows,
            "",
            (
                f"`{Event.OWNER_HOLD}` takes any of {', '.join(sorted(HOLDABLE))} to"
                f" `{State.PAUSED}`, and `{Event.RESUMED}` gives back what was held."
            ),
            f"An issue has ended when it is {' or '.join(sorted(ENDED))}.",
            "",
        )
    )
