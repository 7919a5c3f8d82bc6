"""The owner's brakes, as the ledger has them: the stop of everything, and the freeze of merging."""

from harness.domain.events import CommandGiven
from harness.ports.ledger import Ledger, recorded

FREEZE = "freeze"
THAW = "thaw"
RESUME = "resume"
STOP = "stop"


def is_stop_requested(ledger: Ledger) -> bool:
    """Whether the owner's stop is in the ledger: there it reaches a factory on whichever machine
    works on it now."""
    marks = [
        entry.event.command
        for entry in recorded(ledger, CommandGiven)
        if entry.run is None and entry.event.command in (STOP, RESUME)
    ]
    return marks[-1:] == [STOP]


def is_frozen(ledger: Ledger) -> bool:
    """Whether a landing that differed, or a red main, has stopped all merging until a person thaws
    it."""
    return bool(why_frozen(ledger))


def why_frozen(ledger: Ledger) -> str:
    """Why merging is frozen, in words that may hold text from outside; empty where it is not."""
    marks = [
        entry.event
        for entry in recorded(ledger, CommandGiven)
        if entry.event.command in (FREEZE, THAW)
    ]
    is_on = bool(marks) and marks[-1].command == FREEZE
    return (marks[-1].why or "what landed was not what was judged") if is_on else ""
