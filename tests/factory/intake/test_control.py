"""What a command that controls an issue means where the issue stands."""

import pytest

from harness.domain.errors import BudgetExhausted, ModelError
from harness.domain.issue import Permission
from harness.domain.lifecycle import Event, State, next_state
from harness.factory.intake.control import Unchanged, event_of
from harness.factory.records.history import history_of
from harness.factory.reporting.slash_commands import COMMANDS
from harness.factory.reporting.transitions import transition
from tests.events import event_of as ledger_event
from tests.factory.lives import Life
from tests.factory.world import ACCEPT, answers
from tests.fakes.people import FailingModel, FakeModel

E, S = Event, State


def moved(life: Life, *events: Event) -> Life:
    for event in events:
        before = history_of(life.ledger, life.issue).state
        life.move(event, before, next_state(before, event))
    return life


def decided(life: Life, event: Event) -> Life:
    return life.triaged(event, next_state(S.UNTRIAGED, event))


def events(history) -> list[Event]:
    return [one.event.event for one in history.transitions]


def meaning(life: Life, word: str, argument: str = "") -> Event | Unchanged:
    history = history_of(life.ledger, life.issue)
    assert history.state is S.NEEDS_HUMAN
    return event_of(COMMANDS[word], history, argument=argument, most_rounds=2)


NOTHING_DECIDED = {
    "its money was spent": lambda life: moved(life, E.BUDGET_EXHAUSTED),
    "no model answered": lambda life: moved(life, E.TRIAGE_UNSURE),
    "closed before it was read, then appealed": lambda life: moved(
        life, E.CLOSED_BY_PERSON, E.APPEALED, E.TRIAGE_UNSURE
    ),
    "edited since, and then the money was spent": lambda life: moved(
        decided(life, E.TRIAGE_ACCEPTED), E.ISSUE_EDITED, E.BUDGET_EXHAUSTED
    ),
    "answered since, and then no model answered": lambda life: moved(
        decided(life, E.TRIAGE_NEEDS_INFO), E.AUTHOR_REPLIED, E.TRIAGE_UNSURE
    ),
    "sent to triage before, in vain": lambda life: moved(
        life, E.BUDGET_EXHAUSTED, E.TRIAGE_AGAIN, E.BUDGET_EXHAUSTED
    ),
}
DECIDED = {
    "triage left it to a person": lambda life: decided(life, E.TRIAGE_UNSURE),
    "refused, then appealed": lambda life: moved(
        decided(life, E.TRIAGE_REJECTED), E.APPEALED, E.TRIAGE_UNSURE
    ),
    "given up": lambda life: moved(decided(life, E.TRIAGE_ACCEPTED), E.DISPATCHED, E.CANNOT_DO),
    "triaged again after an edit": lambda life: moved(
        decided(moved(decided(life, E.TRIAGE_ACCEPTED), E.ISSUE_EDITED), E.TRIAGE_ACCEPTED),
        E.DISPATCHED,
        E.CANNOT_DO,
    ),
}


@pytest.mark.parametrize("story", NOTHING_DECIDED.values(), ids=NOTHING_DECIDED)
def test_where_triage_has_decided_nothing_a_retry_goes_to_triage_and_nothing_is_revised(
    story,
) -> None:
    life = story(Life())
    assert meaning(life, "retry") is E.TRIAGE_AGAIN
    revised = meaning(life, "revise", "in blue")
    assert isinstance(revised, Unchanged)
    assert "`/factory retry` has the issue triaged first" in revised.answer


@pytest.mark.parametrize("story", DECIDED.values(), ids=DECIDED)
def test_where_triage_has_decided_a_person_may_overrule_it(story) -> None:
    life = story(Life())
    assert meaning(life, "retry") is E.RETRIED
    assert meaning(life, "revise", "in blue") is E.REVISED


def test_a_decision_on_a_text_without_words_is_none_to_build_from() -> None:
    life = Life()
    life.add("triage", "t", event=E.TRIAGE_UNSURE, title=" ", body="\n")
    assert meaning(moved(life, E.TRIAGE_UNSURE), "retry") is E.TRIAGE_AGAIN


@pytest.mark.parametrize(
    "error",
    [BudgetExhausted("the cap of $2 is reached"), ModelError("no answer came", retryable=False)],
    ids=["money", "failure"],
)
def test_retried_after_a_triage_that_failed_it_is_triaged_and_then_built(world, error) -> None:
    """Incident: it went on to be implemented, without one word of the issue."""
    world.model = FailingModel(error)
    issue, maya = world.file(), world.forge.person("maya", Permission.WRITE)
    world.tick()
    assert world.history(issue).state is S.NEEDS_HUMAN
    shown = world.forge.comments(issue)[-1].body
    assert "`/factory retry` has it triaged again" in shown
    assert "/factory revise" not in shown
    world.model = FakeModel({"": ACCEPT})
    world.forge.say(issue, "/factory revise in blue", author=maya)
    world.tick()
    assert "triage came to no decision here" in answers(world, issue)[-1]
    world.forge.say(issue, "/factory retry", author=maya)
    world.tick()
    history = world.history(issue)
    assert history.state is S.MERGED
    assert events(history)[1:3] == [E.TRIAGE_AGAIN, E.TRIAGE_ACCEPTED]
    assert "Cancelled bookings" in world.agent.assignments[0].task


def sent_on_by_an_older_version(world) -> int:
    """An issue that was retried after its triage failed, as it was done once."""
    issue = world.file()
    world.tick(states=frozenset())
    for event in (E.BUDGET_EXHAUSTED, E.RETRIED):
        transition(world.services(), issue, event, key=f"older/{event}")
    return issue


def test_what_was_sent_on_without_a_triage_is_triaged_first(world) -> None:
    issue = sent_on_by_an_older_version(world)
    world.tick()
    history = world.history(issue)
    assert history.state is S.MERGED
    assert events(history)[2:4] == [E.TRIAGE_AGAIN, E.TRIAGE_ACCEPTED]


def test_an_implementation_that_began_without_a_triage_is_refused(world) -> None:
    issue, run = sent_on_by_an_older_version(world), "implement-1-1"
    began = ledger_event("run", {"base": world.base})
    world.ledger.append(began, f"run/{run}", issue=issue, run=run)
    transition(world.services(), issue, E.DISPATCHED, key=f"{run}/dispatched", run=run)
    world.tick()
    last = world.history(issue).transitions[-1].event
    assert (last.event, last.after) == (E.CANNOT_DO, S.NEEDS_HUMAN)
    assert "so there is nothing to build from; `/factory retry` has it triaged" in last.reason
    assert world.agent.assignments == []
