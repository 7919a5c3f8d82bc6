"""When which workflow works."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from harness.domain.events import TriageDecided
from harness.domain.lifecycle import ENDED, WAITING_FOR_A_PERSON, Event, State
from harness.domain.workflow import Triggers, Workflow
from harness.factory.pipeline.schedule import (
    SCHEDULE,
    START_STATES,
    active_states,
    last_passes,
    schedules,
)
from harness.factory.pipeline.tick import decide_next
from tests.events import event_of

NIGHTLY = "17 2 * * *"


def workflows(**triggers):
    return {name: Workflow(name, (), triggers.get(name, Triggers())) for name in START_STATES}


def test_a_workflow_without_an_hour_works_at_any() -> None:
    assert active_states(workflows(), ()) == frozenset(State)


def test_one_with_events_and_an_hour_works_at_any() -> None:
    assert active_states(workflows(triage=Triggers(NIGHTLY, ("issue_opened",))), ()) == frozenset(
        State
    )


@pytest.mark.parametrize("name", START_STATES)
def test_one_with_an_hour_alone_waits_for_it(name) -> None:
    found = workflows(**{name: Triggers(NIGHTLY)})
    assert frozenset(State) - active_states(found, ()) == START_STATES[name]
    assert active_states(found, [name]) == frozenset(State)


def test_what_was_begun_is_finished_whatever_the_hour() -> None:
    asleep = frozenset(State) - active_states(
        workflows(**dict.fromkeys(START_STATES, Triggers(NIGHTLY))), ()
    )
    assert not asleep & {State.IMPLEMENTING, State.MERGING}


def test_each_state_begins_the_workflow_that_the_tick_would_run(world) -> None:
    """The table here and the tick's own decision are one thing said twice; this ties them."""
    from harness.factory.records.history import History
    from harness.factory.run.policy_snapshot import policy_at

    policy = policy_at(world.services(), world.base)
    accepted = TriageDecided(Event.TRIAGE_ACCEPTED)

    @dataclass(frozen=True)
    class At(History):
        """In a state, whatever led there."""

        state: State = State.UNTRIAGED  # type: ignore[assignment]
        specification: TriageDecided = accepted  # type: ignore[assignment]

    for state in (
        frozenset(State) - ENDED - WAITING_FOR_A_PERSON - {State.IMPLEMENTING, State.MERGING}
    ):
        decided = decide_next(At(1, (), state), policy)
        assert decided is not None
        assert state in START_STATES[decided.workflow]


def test_the_hours_are_those_of_the_workflows_that_name_one() -> None:
    assert schedules(workflows(triage=Triggers(NIGHTLY), merge=Triggers(None, ("push",)))) == {
        "triage": NIGHTLY
    }


def test_an_hour_was_served_when_the_ledger_has_it(world) -> None:
    for number in (1, 2):
        entry = world.ledger.append(
            event_of(SCHEDULE, {"workflow": "triage", "due": ""}), f"schedule/triage/{number}"
        )
    assert last_passes(world.ledger.entries()) == {"triage": datetime.fromisoformat(entry.at)}
