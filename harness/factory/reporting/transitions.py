"""Moving an issue: one entry in the ledger, then its projection on the forge."""

from typing import Any

from harness.domain.lifecycle import Event, State, next_state
from harness.factory.records.history import History, history
from harness.factory.reporting.chain_page import write_page
from harness.factory.reporting.comments import ALL_LABELS, ISSUE_MARKER, issue_comment, label_of
from harness.factory.reporting.pull_request import show_change
from harness.factory.run.effects import say
from harness.factory.run.services import Plant


def transition(
    plant: Plant,
    issue: int,
    event: Event,
    *,
    key: str,
    run: str | None = None,
    says: str = "",
    rules: str = "",
    **more: Any,
) -> None:
    """Record `event` once under `key`. Raises IllegalTransition where the table has no such
    edge."""
    if plant.ledger.find(key):
        return
    before = history(plant.ledger, issue)
    after = (
        before.held
        if event is Event.RESUMED and before.state is State.PAUSED
        else next_state(before.state, event)
    )
    plant.ledger.append(
        "transition",
        key,
        issue=issue,
        run=run,
        data={
            "event": event.value,
            "from": before.state.value,
            "to": after.value,
            "says": says,
            "rules": rules,
            **more,
        },
    )


PROJECTED = "projected"


def project(plant: Plant, issue: int) -> None:
    """Make the page, the label and the sticky comment say what the ledger says. Nothing is done
    where they already do."""
    told = history(plant.ledger, issue)
    say(plant, lambda: write_page(plant, told))
    say(plant, lambda: plant.writer.set_state_label(issue, label_of(told), among=ALL_LABELS))
    say(
        plant,
        lambda: plant.writer.upsert_comment(issue, ISSUE_MARKER, issue_comment(told, plant.link)),
    )
    show_change(plant, told)
    plant.ledger.append(PROJECTED, _mark(told), issue=issue)


def project_what_was_cut_off(plant: Plant) -> None:
    """Say what a killed factory had decided and not yet said: what has ended is not moved again, so
    nobody else would."""
    for told in plant.known.those(is_unsaid):
        project(plant, told.issue)


def is_unsaid(told: History) -> bool:
    """Whether there is something to tell that the forge does not say yet."""
    return bool(told.tellings) and _mark(told) not in {
        entry.key for entry in told.entries if entry.kind == PROJECTED
    }


def leave_unsaid(plant: Plant, issue: int) -> None:
    """Say nothing of an issue that the forge no longer has."""
    plant.ledger.append(
        PROJECTED, _mark(history(plant.ledger, issue)), issue=issue, data={"gone": True}
    )


def _mark(told: History) -> str:
    return f"projected/{told.issue}/{told.tellings}"
