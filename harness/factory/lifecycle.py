"""Moving an issue: one entry in the ledger, then its projection on the forge."""

from typing import Any

from harness.domain.lifecycle import Event, State, next_state
from harness.factory.chain_page import write_page
from harness.factory.comments import ALL_LABELS, ISSUE_MARKER, issue_comment, label_of
from harness.factory.effects import say
from harness.factory.history import History, histories, history
from harness.factory.plant import Plant


def transition(plant: Plant, issue: int, event: Event, *, key: str, run: str | None = None, says: str = "",
               rules: str = "", **more: Any) -> None:
    """Record `event` once under `key`. Raises IllegalTransition where the table has no such edge."""
    if plant.ledger.find(key):
        return
    before = history(plant.ledger, issue)
    after = before.held if event is Event.RESUMED and before.state is State.PAUSED else next_state(before.state, event)
    plant.ledger.append("transition", key, issue=issue, run=run, data={
        "event": event.value, "from": before.state.value, "to": after.value, "says": says, "rules": rules, **more})


PROJECTED = "projected"


def project(plant: Plant, issue: int) -> None:
    """Make the page, the label and the sticky comment say what the ledger says. Nothing is done where they already do."""
    told = history(plant.ledger, issue)
    say(plant, lambda: write_page(plant, told))
    say(plant, lambda: plant.writer.set_state_label(issue, label_of(told), among=ALL_LABELS))
    say(plant, lambda: plant.writer.upsert_comment(issue, ISSUE_MARKER, issue_comment(told, plant.link)))
    plant.ledger.append(PROJECTED, _mark(told), issue=issue)


def project_what_was_cut_off(plant: Plant) -> None:
    """Say what a killed factory had decided and not yet said: what has ended is not moved again, so nobody else would."""
    said = {entry.key for entry in plant.ledger.entries(kind=PROJECTED)}
    for told in histories(plant.ledger.entries()):
        if told.tellings and _mark(told) not in said:
            project(plant, told.issue)


def _mark(told: History) -> str:
    return f"projected/{told.issue}/{told.tellings}"
