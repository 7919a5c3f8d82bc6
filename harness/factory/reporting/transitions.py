"""Moving an issue: one entry in the ledger, then its projection on the forge."""

from typing import Any

from harness.domain.lifecycle import Event, State, next_state
from harness.factory.records.history import History, history_of
from harness.factory.reporting.chain_page import write_page
from harness.factory.reporting.comments import ALL_LABELS, ISSUE_MARKER, issue_comment, label_of
from harness.factory.reporting.pull_request import show_change
from harness.factory.run.effects import write_projection
from harness.factory.run.services import Services


def transition(
    services: Services,
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
    if services.ledger.find(key):
        return
    before = history_of(services.ledger, issue)
    after = (
        before.held
        if event is Event.RESUMED and before.state is State.PAUSED
        else next_state(before.state, event)
    )
    services.ledger.append(
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


def project(services: Services, issue: int) -> None:
    """Make the page, the label and the sticky comment say what the ledger says. Nothing is done
    where they already do."""
    history = history_of(services.ledger, issue)
    write_projection(services, lambda: write_page(services, history))
    write_projection(
        services,
        lambda: services.writer.set_state_label(issue, label_of(history), among=ALL_LABELS),
    )
    write_projection(
        services,
        lambda: services.writer.upsert_comment(
            issue, ISSUE_MARKER, issue_comment(history, services.link)
        ),
    )
    show_change(services, history)
    services.ledger.append(PROJECTED, _mark(history), issue=issue)


def project_what_was_cut_off(services: Services) -> None:
    """Say what a killed factory had decided and not yet said: what has ended is not moved again, so
    nobody else would."""
    for history in services.issue_index.those(is_unsaid):
        project(services, history.issue)


def is_unsaid(history: History) -> bool:
    """Whether there is something to tell that the forge does not say yet."""
    return bool(history.tellings) and _mark(history) not in {
        entry.key for entry in history.entries if entry.kind == PROJECTED
    }


def leave_unsaid(services: Services, issue: int) -> None:
    """Say nothing of an issue that the forge no longer has."""
    services.ledger.append(
        PROJECTED, _mark(history_of(services.ledger, issue)), issue=issue, data={"gone": True}
    )


def _mark(history: History) -> str:
    return f"projected/{history.issue}/{history.tellings}"
