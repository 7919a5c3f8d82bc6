"""The lifecycle, walked exhaustively: finite things are enumerated."""

import pytest

from harness.domain.errors import IllegalTransition
from harness.domain.lifecycle import (
    ENDED,
    HOLDABLE,
    TABLE,
    Event,
    State,
    events_from,
    fold,
    next_state,
)


@pytest.mark.parametrize("state", list(State))
def test_every_pair_is_in_the_table_or_refused_by_name(state) -> None:
    for event in Event:
        if (state, event) in TABLE or (event is Event.OWNER_HOLD and state in HOLDABLE):
            assert isinstance(next_state(state, event), State)
        else:
            with pytest.raises(IllegalTransition, match=f"{state}.*{event}"):
                next_state(state, event)


def reachable(
    start: State, without: frozenset[State] = frozenset(), never: frozenset[Event] = frozenset()
) -> set[State]:
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for (state, event), there in TABLE.items():
            if event not in never and state is here and there not in seen and there not in without:
                seen.add(there)
                waiting.append(there)
    return seen


@pytest.mark.parametrize("state", list(State))
def test_every_state_can_end(state) -> None:
    start = State.UNTRIAGED if state is State.PAUSED else state
    assert reachable(start) & ENDED


def test_every_state_is_reached() -> None:
    assert reachable(State.UNTRIAGED) == set(State) - {State.PAUSED}


def test_only_merging_reaches_merged_and_a_person_who_merges_by_hand() -> None:
    assert {key for key, there in TABLE.items() if there is State.MERGED} == {
        (State.MERGING, Event.LANDED),
        (State.NEEDS_HUMAN, Event.LANDED_BY_PERSON),
    }


def test_only_open_gates_reach_merging_and_only_from_approved() -> None:
    assert [
        key for key, there in TABLE.items() if there is State.MERGING and key[0] is not there
    ] == [(State.APPROVED, Event.GATES_OPEN)]


def test_a_landing_that_nobody_could_confirm_stays_one_until_somebody_can() -> None:
    assert next_state(State.MERGING, Event.UNCONFIRMED) is State.MERGING


def test_what_was_taken_back_goes_on_only_by_a_persons_word() -> None:
    assert next_state(State.MERGED, Event.REVERTED) is State.NEEDS_HUMAN


def test_only_a_passed_verdict_approves() -> None:
    assert [
        key for key, there in TABLE.items() if there is State.APPROVED and key[0] is not there
    ] == [(State.VALIDATING, Event.VERDICT_PASSED)]


BY_HAND = frozenset({Event.LANDED_BY_PERSON})


def test_without_a_verdict_the_factory_never_merges() -> None:
    assert State.MERGED not in reachable(
        State.UNTRIAGED, without=frozenset({State.APPROVED}), never=BY_HAND
    )


def test_a_change_that_was_sent_back_is_judged_again_before_it_lands() -> None:
    assert State.MERGED not in reachable(
        State.CHANGES_REQUESTED, without=frozenset({State.VALIDATING}), never=BY_HAND
    )


@pytest.mark.parametrize("state", sorted(HOLDABLE))
def test_a_hold_gives_back_what_it_held(state) -> None:
    assert fold([Event.OWNER_HOLD, Event.RESUMED], start=state) is state


@pytest.mark.parametrize("state", list(State))
def test_events_from_a_state_are_those_that_it_takes(state) -> None:
    for event in Event:
        taken = event in events_from(state)
        if event is Event.RESUMED:
            assert taken == (state is State.PAUSED)
            continue
        try:
            next_state(state, event)
            assert taken
        except IllegalTransition:
            assert not taken


@pytest.mark.parametrize("state", sorted(HOLDABLE))
def test_what_is_held_takes_nothing_but_its_resumption_and_then_goes_on(state) -> None:
    for event in set(Event) - {Event.RESUMED}:
        with pytest.raises(IllegalTransition):
            fold([Event.OWNER_HOLD, event], start=state)
    with pytest.raises(IllegalTransition):
        fold([Event.RESUMED], start=state)
    for event in events_from(state) - {Event.RESUMED}:
        assert fold([Event.OWNER_HOLD, Event.RESUMED, event], start=state) is next_state(
            state, event
        )


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (State.PAUSED, "resumed"),
        (State.REJECTED, ", ".join(sorted(events_from(State.REJECTED)))),
        (State.UNTRIAGED, ", ".join(sorted(events_from(State.UNTRIAGED)))),
    ],
)
def test_a_refused_event_is_named_with_those_that_are_taken(state, allowed) -> None:
    with pytest.raises(IllegalTransition) as refused:
        next_state(state, Event.LANDED)
    assert (
        str(refused.value)
        == f"an issue that is {state} cannot take landed; from there: {allowed or 'nothing'}"
    )
