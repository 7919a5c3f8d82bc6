"""What a command that controls an issue means where it stands: an event, or an answer. Pure."""

from dataclasses import dataclass

from harness.domain.lifecycle import Event, State, events_from
from harness.domain.shown_states import CONFIRMED, SUSPECTED
from harness.factory.records.history import History
from harness.factory.reporting.comments import replies
from harness.factory.reporting.shown import shown
from harness.factory.reporting.slash_commands import Command


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing moves: the answer to the author. With `refused` the command is not carried out; else
    it is kept, and only has no effect now."""

    answer: str
    refused: bool = True


def event_of(
    command: Command, history: History, *, argument: str, most_rounds: int
) -> Event | Unchanged:
    """The event that the command means now. `most_rounds` is how often people may have one change
    made again."""
    event = command.event
    assert event is not None, "what controls is an event"
    # The same text may attack again, at the same price: nobody repeats that by habit.
    starts_again = event is Event.REVISED or (
        event is Event.RETRIED and argument.casefold() != CONFIRMED
    )
    if starts_again and shown(history) is SUSPECTED:
        return Unchanged(replies.confirm_retry(history))
    if event is Event.REVISED and (not argument or history.rounds_by(event) >= most_rounds):
        return Unchanged(replies.not_revised(most_rounds if argument else 0))
    if event not in events_from(history.state):
        return Unchanged(_kept(command, history), refused=False)
    # There is nothing to build from, so triage comes first; it does not read a wish to revise.
    if history.state is State.NEEDS_HUMAN and history.specification is None:
        if event is Event.REVISED:
            return Unchanged(replies.not_triaged())
        return Event.TRIAGE_AGAIN if event is Event.RETRIED else event
    return event


def _kept(command: Command, history: History) -> str:
    """The answer to a command that comes too late or too early."""
    if command.event is Event.APPEALED:
        return replies.already_with_a_person(history)
    return replies.not_now(command, history)
